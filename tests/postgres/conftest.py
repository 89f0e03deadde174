"""One server of every version for the whole run, started when a test asks for it and stopped when the last has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from demo.cluster import Cluster
from tests.postgres import shop
from tests.postgres.servers import PACKAGED
from trimtab.sql.versions import VERSIONS


@dataclass(frozen=True)
class Server:
    """A running server with the shop in it."""

    major: int
    cluster: Cluster

    def dsn(self, user: str = "postgres", database: str = shop.DATABASE) -> str:
        """The connection URL of a role."""
        return self.cluster.dsn(database, user)

    def execute(self, *statements: str, database: str = shop.DATABASE, user: str = "postgres") -> None:
        """Run statements one by one."""
        self.cluster.execute(*statements, database=database, user=user)


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda major: f"pg{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of one version; skipped where it was not fetched."""
    major = int(request.param)
    if not PACKAGED[major].is_there:
        pytest.skip(f"PostgreSQL {major} is not in {PACKAGED[major].folder}: make postgres-versions fetches it")
    with shop.cluster_of(major) as running:
        shop.make_roles(running, major)
        shop.make_shop(running, major)
        yield Server(major, running)
