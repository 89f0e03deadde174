"""From a real server into the real store and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Database


@pytest.mark.postgres
@pytest.mark.store
def test_what_was_watched_can_be_read_back(database: Database, tmp_path: Path) -> None:
    database.execute(
        "CREATE TABLE orders (id int PRIMARY KEY, status text)",
        "INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 1000) i",
        "GRANT SELECT ON orders TO shop_app",
    )
    arguments = [database.dsn("trimtab_watch"), database.dsn("shop_app"), str(tmp_path / "telemetry")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.observe.watch_into_store", *arguments],
        capture_output=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["calls"] == 25
    assert found["slices"] == found["written"]
    assert found["contiguous"]
    assert found["texts"] == ["SELECT count(*) FROM orders WHERE status = $1"]
    assert found["problems"] == {}
    assert all(count > 0 for count in found["rows"].values()), found["rows"]
