"""The shop is filled the same way for the same seed, belongs to its owner, and is ready for use."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest

from demo.faults.draw import draw
from demo.faults.measure import connect, draws_for, parameter_sets
from demo.load.statements import ALL
from demo.shop.catalogue import FOREIGN_KEYS, INDEXES, rows_at
from demo.shop.fill import fill
from tests.conftest import Database
from tests.demo.conftest import SMALL_SCALE

pytestmark = pytest.mark.postgres

CONTENT = """
    SELECT md5(string_agg(id || status || channel || total || user_id || tenant_id, ',' ORDER BY id)) FROM orders
"""


def one(database: Database, query: str) -> object:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def test_rows_keys_indexes_owner_and_statistics(small_shop: Database) -> None:
    for table, rows in rows_at(SMALL_SCALE).items():
        assert one(small_shop, f"SELECT count(*) FROM {table}") == rows
        assert one(small_shop, f"SELECT reltuples::bigint FROM pg_class WHERE relname = '{table}'") == rows
        assert one(small_shop, f"SELECT tableowner FROM pg_tables WHERE tablename = '{table}'") == "shop_owner"
        assert one(small_shop, f"SELECT relallvisible = relpages FROM pg_class WHERE relname = '{table}'") is True
    keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"
    assert one(small_shop, keys) == len(FOREIGN_KEYS)
    names = "SELECT array_agg(indexname::text) FROM pg_indexes WHERE schemaname = 'public'"
    found = one(small_shop, names)
    assert isinstance(found, list)
    assert {index.name for index in INDEXES} <= set(found)
    assert one(small_shop, "SELECT count(*) FROM pg_namespace WHERE nspname = 'fill'") == 0


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(cluster_databases: list[Database]) -> None:
    first, second, other = cluster_databases
    for database, seed in ((first, 5), (second, 5), (other, 6)):
        fill(database.dsn(), seed, scale=0.002)
    assert one(first, CONTENT) == one(second, CONTENT)
    assert one(first, CONTENT) != one(other, CONTENT)


def test_tenants_and_products_are_skewed(small_shop: Database) -> None:
    share = "SELECT count(*) FILTER (WHERE tenant_id = 1)::float / count(*) FROM orders"
    biggest = one(small_shop, share)
    assert isinstance(biggest, float)
    assert biggest > 3 / rows_at(SMALL_SCALE)["tenants"]


def test_a_fault_leaves_its_index_out(database: Database) -> None:
    left_out = [fault.left_out for fault in draw(1) if fault.left_out]
    assert len(left_out) == 2
    fill(database.dsn(), 1, scale=0.002, left_out=left_out)
    for name in left_out:
        assert one(database, f"SELECT count(*) FROM pg_indexes WHERE indexname = '{name}'") == 0


def test_every_statement_of_the_application_runs(small_shop: Database) -> None:
    with connect(small_shop.dsn("shop_app")) as connection:
        draws = draws_for(connection, 3, SMALL_SCALE)
        for statement in ALL:
            if statement.draw is not None:
                for parameters in parameter_sets(statement, draws, 3):
                    connection.execute(statement.text.encode(), parameters)


class Interrupted(BaseException):
    """Stands for Ctrl-C."""


def test_an_interrupted_fill_leaves_no_session_behind(database: Database) -> None:
    def say(_: str) -> None:
        raise Interrupted

    began = time.monotonic()
    with pytest.raises(Interrupted):
        fill(database.dsn(), 1, scale=0.2, say=say)
    assert time.monotonic() - began < 20
    assert not [t.name for t in threading.enumerate() if t.name.startswith("fill")]
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop fill'"
    deadline = time.monotonic() + 10
    while one(database, sessions) != 0:
        assert time.monotonic() < deadline, "a session of the fill is still there"
        time.sleep(0.05)
