"""A full-size healthy shop, filled once, for the tests that measure; a small one for those that only run statements."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.cluster import ROLE_STATEMENTS, Cluster
from demo.database import shared_buffers_mb
from demo.faults.measure import Connection, connect
from demo.shop.fill import Filled, fill
from tests.conftest import Database

SEED = 1
SMALL_SCALE = 0.01


@pytest.fixture(scope="session")
def full_shop() -> Iterator[tuple[Connection, Filled]]:
    """A superuser's session on a shop of full size with every index, and how it was filled."""
    with Cluster.temporary({"shared_buffers": f"{shared_buffers_mb()}MB"}) as cluster:
        cluster.execute(*ROLE_STATEMENTS)
        cluster.execute("CREATE DATABASE shop TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        cluster.execute("CREATE EXTENSION hypopg", "ALTER SCHEMA public OWNER TO shop_owner", database="shop")
        filled = fill(cluster.dsn("shop"), SEED)
        with connect(cluster.dsn("shop")) as connection:
            yield connection, filled


@pytest.fixture
def small_shop(database: Database) -> Database:
    """A shop of a hundredth of the size."""
    fill(database.dsn(), SEED, scale=SMALL_SCALE)
    return database


@pytest.fixture
def cluster_databases(cluster: Cluster) -> Iterator[list[Database]]:
    """Three empty databases."""
    made = [Database(cluster, f"fill{number}") for number in range(3)]
    for database in made:
        cluster.execute(f"CREATE DATABASE {database.name}")
        database.execute("ALTER SCHEMA public OWNER TO shop_owner")
    yield made
    for database in made:
        cluster.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
