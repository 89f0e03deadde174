"""What the tests on real servers share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.conftest import Database
from tests.postgres import shop
from tests.postgres.conftest import Server
from trimtab.model.system import Capability
from trimtab.sql.connect import Connection, Reference

ON_REAL_SERVERS = [
    pytest.mark.versions,
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("TRIMTAB_VERSIONS"), reason="make postgres-versions runs these"),
]


def connected(server: Server, role: str = "trimtab_watch", database: str = shop.DATABASE) -> Connection:
    return Reference.parse(server.dsn(role, database)).connect("trimtab/versions")


def missing(capabilities: tuple[Capability, ...]) -> set[str]:
    return {c.name for c in capabilities if not c.available}


@contextmanager
def own_database(server: Server, name: str, *statements: str) -> Iterator[Database]:
    """A database of the test's own."""
    server.execute(f"CREATE DATABASE {name}", database="postgres")
    try:
        server.execute(*statements, database=name)
        yield Database(server.cluster, name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


def has_hypopg(server: Server) -> bool:
    """Whether somebody put HypoPG into the server's folder: the package comes without."""
    with psycopg.connect(server.dsn()) as connection:
        query = "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"
        return connection.execute(query).fetchone() == (1,)
