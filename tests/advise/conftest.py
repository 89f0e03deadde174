"""One shop for all tests of advice: nothing in it is changed by them, except where a test makes its own database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.sql.connect import Connection, Reference

SHOP_SQL = Path(__file__).parent / "shop.sql"


def fill_shop(made: Database) -> None:
    """Extensions and the shop's tables, statement by statement (VACUUM takes no transaction)."""
    made.execute("CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION hypopg")
    made.execute(*(part for part in SHOP_SQL.read_text().split(";\n") if part.strip()))


@pytest.fixture(scope="session")
def shop(cluster: Cluster) -> Iterator[Database]:
    """The shop, filled once."""
    cluster.execute("CREATE DATABASE advise_shop")
    made = Database(cluster, "advise_shop")
    fill_shop(made)
    yield made
    cluster.execute("DROP DATABASE advise_shop WITH (FORCE)")


@pytest.fixture
def watch(shop: Database) -> Iterator[Connection]:
    """The watching role's connection to the shop."""
    with Reference.parse(shop.dsn("trimtab_watch")).connect("trimtab/advise") as connection:
        yield connection
