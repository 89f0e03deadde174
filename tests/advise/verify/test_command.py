"""`trimtab advise --clone`: the command, its record, and what it says where there is no clone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.cli.main import main
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord

pytestmark = pytest.mark.postgres

WORKLOAD = """
-- name: of a user
-- calls: 500
SELECT id, total FROM orders WHERE user_id = 4711 ORDER BY created_at DESC LIMIT 10;
-- name: by mail
SELECT id FROM users WHERE lower(email) = 'user77@example.org';
-- name: count
SELECT count(*) FROM users;
"""


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[tuple[Database, Database]]:
    """A system, and a copy of it."""
    system, copy = Database(cluster, "advised_system"), Database(cluster, "advised_copy")
    cluster.execute("CREATE DATABASE advised_system")
    system.execute(
        "CREATE EXTENSION hypopg",
        "CREATE TABLE users (id int PRIMARY KEY, email text)",
        "CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int, created_at int)",
        "INSERT INTO users SELECT i, 'User' || i || '@example.org' FROM generate_series(1, 20000) i",
        "INSERT INTO orders SELECT i, i % 9000, i % 700, i FROM generate_series(1, 40000) i",
        "ANALYZE",
    )
    cluster.execute("CREATE DATABASE advised_copy TEMPLATE advised_system")
    yield system, copy
    for made in (system, copy):
        cluster.execute(f"DROP DATABASE {made.name} WITH (FORCE)")


def test_advice_is_tried_kept_and_corrects_the_next(pair: tuple[Database, Database], tmp_path: Path) -> None:
    shop, copy = pair
    file = tmp_path / "w.sql"
    file.write_text(WORKLOAD)
    command = ["advise", shop.dsn("trimtab_watch"), "--workload", str(file), "--data-dir", str(tmp_path / "data")]
    asked = [*command, "--clone", copy.dsn(), "--clone-time", "60s", "--format", "json"]
    with psycopg.connect(copy.dsn()) as look:
        before = look.execute("SELECT count(*) FROM pg_class").fetchone()
    first = CliRunner().invoke(main, asked)
    assert first.exit_code == 0, first.output
    told = json.loads(first.output)
    measured = {one["query"]: one for one in told["per_query"]}
    assert told["measured_ratio"] < 0.5
    assert told["measured_interval_90"][0] <= told["measured_ratio"] <= told["measured_interval_90"][1]
    assert measured["of a user"]["measured_ratio"] < 0.2
    assert measured["count"]["measured_ratio"] == 1.0
    assert told["withdrawn"] == []
    assert all(one["measured_size_mb"] > 0 for one in told["indexes"])
    assert "not corrected by a record" in told["notes"][0]
    kept = AdviceRecord(tmp_path / "data" / RECORD_FILE).measured()
    assert {one.kind.partition("/")[0] for one in kept} == {"workload", "index"}
    assert {one.measured_by for one in kept} == {"clone"}
    with psycopg.connect(copy.dsn()) as look:
        assert look.execute("SELECT count(*) FROM pg_class").fetchone() == before
    second = CliRunner().invoke(main, command)
    assert second.exit_code == 0, second.output
    assert f"corrected by the record of {len(kept)} measured cases" in second.output


def test_what_cannot_be_a_clone_is_said(pair: tuple[Database, Database], tmp_path: Path) -> None:
    shop, _ = pair
    file = tmp_path / "w.sql"
    file.write_text(WORKLOAD)
    command = ["advise", shop.dsn("trimtab_watch"), "--workload", str(file), "--data-dir", str(tmp_path)]
    itself = CliRunner().invoke(main, [*command, "--clone", shop.dsn()])
    assert itself.exit_code == 2
    assert "is the system itself" in itself.output
    nowhere = CliRunner().invoke(main, [*command, "--clone", "postgresql://x@127.0.0.1:1/x"])
    assert nowhere.exit_code == 3
    limit = CliRunner().invoke(main, [*command, "--clone-limit", "much"])
    assert limit.exit_code == 2
    assert "--clone-limit is 'much'" in limit.output
