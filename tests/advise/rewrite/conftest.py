"""The tables that golden pairs speak of, and what the catalogue proves about them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.knowledge import Knowledge, read_knowledge
from trimtab.advise.rewrite.rules.base import GOLDEN_SCHEMA
from trimtab.sql.trees import single_statement


@pytest.fixture(scope="session")
def golden(cluster: Cluster) -> Iterator[Database]:
    """The golden pairs' tables, empty."""
    cluster.execute("CREATE DATABASE advise_golden")
    made = Database(cluster, "advise_golden")
    made.execute(*(part for part in GOLDEN_SCHEMA.split(";\n") if part.strip()))
    yield made
    cluster.execute("DROP DATABASE advise_golden WITH (FORCE)")


def connected(database: Database) -> Connection:
    """A connection that commits by itself."""
    return psycopg.connect(database.dsn(), autocommit=True)


def known(connection: Connection, *statements: str) -> Knowledge:
    """What the catalogue knows about these statements."""
    return read_knowledge(connection, [single_statement(text) for text in statements])
