"""Shared fixtures: one private PostgreSQL for the whole run, a fresh database for each test that asks."""

from __future__ import annotations

import itertools
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings

from demo.cluster import ROLE_STATEMENTS, Cluster

pytest_plugins = [
    "tests.collected_long_ago",
    "tests.collected_soon",
    "tests.empty_store",
    "tests.long_work_first",
    "tests.sent_by_workers",
]

# `make test` tries the same examples each time, so that a change is judged by what it changed; `make soak` tries others
# each time, and ten times as many.
_PATIENT = [HealthCheck.too_slow]  # a crowded machine draws slowly
settings.register_profile("steady", derandomize=True, database=None, print_blob=True, suppress_health_check=_PATIENT)
settings.register_profile("soak", max_examples=1000, print_blob=True, suppress_health_check=_PATIENT)
settings.load_profile("soak" if os.environ.get("TRIMTAB_SOAK") else "steady")

# Servers of tests would each collect this machine's numbers beside what a test sent them.
os.environ.setdefault("TRIMTAB_COLLECT", "off")

_counter = itertools.count(1)

# Each opening of the engine leaves about five threads and six files behind: 300 stores need more than 1,024.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard if _hard != resource.RLIM_INFINITY else max(_soft, 65_536), _hard))


@dataclass(frozen=True)
class Database:
    """A fresh database with pg_stat_statements and hypopg; schema `public` belongs to `shop_owner`."""

    cluster: Cluster
    name: str

    def dsn(self, user: str = "postgres") -> str:
        """The connection URL for one of: postgres, trimtab_watch, trimtab_change, shop_app."""
        return self.cluster.dsn(self.name, user)

    def execute(self, *statements: str, user: str = "postgres") -> None:
        """Run statements one by one."""
        self.cluster.execute(*statements, database=self.name, user=user)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The private server, started once."""
    with Cluster.temporary({"shared_buffers": "128MB", "fsync": "off"}) as running:
        running.execute(*ROLE_STATEMENTS)
        yield running


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A new, empty database; dropped at the end."""
    name = f"t{next(_counter)}"
    cluster.execute(f"CREATE DATABASE {name}")
    made = Database(cluster, name)
    made.execute(
        "CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION hypopg", "ALTER SCHEMA public OWNER TO shop_owner"
    )
    yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
