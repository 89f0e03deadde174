"""Each injector moves the numbers that it should, and takes back what it did."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from benchmarks.demo_day import control, neighbour
from benchmarks.demo_day.application import Leak
from benchmarks.demo_day.injectors import INJECTORS, lock_storm
from benchmarks.demo_day.injectors.stage import Stage
from benchmarks.demo_day.truth import Kind
from demo.keep.kept import Kept
from demo.load.statements import events, orders, payments, products
from demo.shop.fill import fill
from tests.conftest import Database
from tests.demo.conftest import SEED, SMALL_SCALE

WAIT_S = 20.0


def wait_for(condition: Callable[[], object]) -> None:
    """Until it is true."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.fixture
def shop(database: Database) -> Database:
    fill(database.dsn(), SEED, scale=SMALL_SCALE)
    return database


@contextmanager
def staged(database: Database, folder: Path) -> Iterator[Stage]:
    kept = Kept(folder)
    try:
        yield Stage(kept, database.cluster, folder, 1.0, database.name)
    finally:
        kept.close()


@pytest.mark.postgres
def test_sessions_wait_for_locks_while_the_storm_lasts(shop: Database, tmp_path: Path) -> None:
    waiting = (
        b"SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
        b"WHERE NOT granted AND datname = current_database()"
    )
    with staged(shop, tmp_path) as stage, psycopg.connect(shop.dsn(), autocommit=True) as connection:

        def count() -> int:
            row = connection.execute(waiting).fetchone()
            return row[0] if row else 0

        assert count() == 0
        with INJECTORS[Kind.LOCK_STORM](stage, 3) as did:
            assert did.table in lock_storm.TABLES
            wait_for(lambda: count() >= lock_storm.SESSIONS - 1)
        assert count() == 0


@pytest.mark.postgres
def test_a_plan_flips_and_flips_back(shop: Database, tmp_path: Path) -> None:
    asked = {
        "payments": payments.OF_ORDER,
        "orders": orders.OF_USER,
        "events": events.OF_USER,
        "products": products.SCAN,
    }
    with staged(shop, tmp_path) as stage, psycopg.connect(shop.dsn(), autocommit=True) as connection:

        def plan(table: str) -> str:
            text = asked[table].text.replace("%s", "'17'")
            return str(connection.execute(f"EXPLAIN {text}".encode()).fetchall())

        seen = set()
        for chance in range(25):
            with INJECTORS[Kind.PLAN_FLIP](stage, chance) as did:
                seen.add(did.table)
                if did.table in asked:
                    assert "Seq Scan" in plan(did.table)
            if did.table in asked:
                assert "Seq Scan" not in plan(did.table)
        # of order_items, a small shop's sample has every row, so that its statistics can't be wrong
        assert seen == {*asked, "order_items"}


@pytest.mark.postgres
def test_a_neighbour_reads_past_the_page_cache_until_it_is_stopped(database: Database, tmp_path: Path) -> None:
    with staged(database, tmp_path) as stage:
        neighbour.prepare(stage.kept.folder, chunks=16)
        with INJECTORS[Kind.SLOW_DISK](stage, 1):
            pid = stage.kept.pid("neighbour")
            assert pid is not None

            def moved(key: str) -> int:
                lines = Path(f"/proc/{pid}/io").read_text().splitlines()
                return int(dict(line.split(": ") for line in lines)[key])

            wait_for(lambda: moved("read_bytes") > 100 * 1024**2)
            wait_for(lambda: moved("write_bytes") > 10 * 1024**2)
        assert stage.kept.pid("neighbour") is None


def test_files_leave_the_page_cache(tmp_path: Path) -> None:
    file = tmp_path / "table"
    with file.open("wb") as out:
        out.write(os.urandom(4 * 1024**2))
        os.fsync(out.fileno())
    neighbour.evict(tmp_path)
    assert file.stat().st_size == 4 * 1024**2


def test_the_application_keeps_memory_and_lets_go_of_it(tmp_path: Path) -> None:
    leak = Leak(tmp_path)
    leak.start()
    stage = Stage(None, None, tmp_path, 1.0)  # type: ignore[arg-type]
    with INJECTORS[Kind.MEMORY_LEAK](stage, 1):
        wait_for(lambda: leak.size_bytes > 2 * 1024**2)
    wait_for(lambda: leak.size_bytes == 0)


def test_a_surge_is_a_multiple_of_the_visitors(tmp_path: Path) -> None:
    stage = Stage(None, None, tmp_path, 1.0)  # type: ignore[arg-type]
    assert control.read(tmp_path).surge == 1.0
    with INJECTORS[Kind.TRAFFIC_SURGE](stage, 1):
        assert 2.5 <= control.read(tmp_path).surge <= 4.0
    assert control.read(tmp_path).surge == 1.0
