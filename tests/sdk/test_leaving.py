"""Ctrl-C on a change without a server, in a real process on a real PostgreSQL: nothing is left behind unsaid."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import start_server
from tests.conftest import Database
from tests.sdk.test_loop import QUICK, SLOW, shop
from trimtab.app.remediate import Leaving
from trimtab.sdk.leaving import run_and_settle
from trimtab.store.state import State

__all__ = ["shop"]

SCRIPT = """
import sys
from trimtab import AutomatedRemediation, QueryOptimizer
from trimtab.app.config import parse_config

watch, change, query, config = sys.argv[1:]
advice = QueryOptimizer(watch).optimize_query_performance([query])[0]
loop = AutomatedRemediation(watch, change, config=parse_config(config))
print(loop.execute_safe_remediation(query, advice.index_recommendations[0], timeout_s=120))
"""


LONG_WATCH = QUICK.replace("watch_slices_max = 48", "watch_slices_max = 180\nbatches_min = 30")
"""Nothing is decided about the index while it is interrupted, however busy the machine is."""


@pytest.fixture
def remediation(shop: Database, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is at it, with a temporary folder of its own; its index is there and is watched."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            SCRIPT,
            shop.dsn("trimtab_watch"),
            shop.dsn("trimtab_change"),
            SLOW % 7,
            LONG_WATCH,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        wait_for(lambda: process.poll() is not None or indexes(shop), 90)
        assert process.poll() is None, process.stderr and process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    """Poll until it is true."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.1)


def indexes(shop: Database) -> list[str]:
    """Our valid indexes on the table."""
    with psycopg.connect(shop.dsn()) as connection:
        rows = connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'orders'::regclass AND indisvalid"
        ).fetchall()
    return [name for (name,) in rows if name.startswith("trimtab_")]


@pytest.mark.postgres
@pytest.mark.store
@pytest.mark.slow
def test_an_interrupt_takes_the_index_back_and_leaves_no_folder(
    shop: Database, remediation: subprocess.Popen[str], tmp_path: Path
) -> None:
    remediation.send_signal(signal.SIGINT)
    _, said = remediation.communicate(timeout=90)
    assert remediation.returncode == -signal.SIGINT, said
    assert "taking back what is in flight" in said
    assert indexes(shop) == [], said
    assert list(tmp_path.glob("trimtab-*")) == []


@pytest.mark.postgres
@pytest.mark.store
@pytest.mark.slow
def test_a_second_interrupt_leaves_the_folder_and_a_server_finishes_there(
    shop: Database, remediation: subprocess.Popen[str], tmp_path: Path
) -> None:
    with psycopg.connect(shop.dsn()) as other:
        other.execute("LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE")  # a DROP INDEX CONCURRENTLY waits for it
        remediation.send_signal(signal.SIGINT)
        assert remediation.stderr is not None
        lines = iter(remediation.stderr.readline, "")
        assert any("taking back what is in flight" in line for line in lines)
        remediation.send_signal(signal.SIGINT)
        _, said = remediation.communicate(timeout=60)
        assert len(indexes(shop)) == 1
    told = re.search(r"trimtab up --data-dir (\S+)", said)
    assert told is not None, said
    folder = Path(told[1])
    assert folder.parent == tmp_path
    with State.open(folder / "state.db") as state:
        (change,) = state.changes(in_flight=True)
        assert change.undo
    server = start_server(folder)
    try:
        wait_for(lambda: not indexes(shop), 60)
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0


def test_a_temporary_folder_goes_only_when_nothing_in_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def damaged(folder: Path, _leaving: Leaving) -> None:
        (folder / "state.db").write_bytes(b"no database at all" * 100)
        raise RuntimeError("it broke")

    with pytest.raises(RuntimeError, match="it broke"):
        run_and_settle(None, damaged)
    (folder,) = tmp_path.glob("trimtab-*")
    assert f"trimtab up --data-dir {folder}" in capsys.readouterr().err

    def nothing(_folder: Path, _leaving: Leaving) -> int:
        return 7

    assert run_and_settle(None, nothing) == 7
    assert list(tmp_path.glob("trimtab-*")) == [folder]
