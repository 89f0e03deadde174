"""What is missing is named with the SQL that gives it, and that SQL works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from tests.observe.support import psql
from trimtab.model.system import Capability
from trimtab.observe.postgres.capabilities import probe
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.postgres

EVERYTHING = {
    "server_version",
    "pg_stat_statements",
    "pg_monitor",
    "plans",
    "plans_of_writes",
    "hypopg",
    "track_io_timing",
    "track_activities",
    "compute_query_id",
    "track_activity_query_size",
}


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """A server where nothing is prepared, and a role with nothing but CONNECT."""
    settings = {
        "shared_preload_libraries": "",
        "track_io_timing": "off",
        "track_activities": "off",
        "compute_query_id": "auto",
        "shared_buffers": "16MB",
        "fsync": "off",
    }
    with Cluster.temporary(settings) as running:
        running.execute('CREATE ROLE "the Looker" LOGIN', "CREATE DATABASE shop")
        yield running


def seen(cluster: Cluster, role: str = "the%20Looker") -> tuple[Capability, ...]:
    with Reference.parse(cluster.dsn("shop", role)).connect() as connection:
        return probe(connection)


def missing(capabilities: tuple[Capability, ...]) -> set[str]:
    return {c.name for c in capabilities if not c.available}


def test_everything_missing_is_named_and_its_sql_gives_it(bare: Cluster) -> None:
    found = seen(bare)
    assert {c.name for c in found} == EVERYTHING
    assert missing(found) == EVERYTHING - {"server_version"}
    for capability in found:
        assert capability.needed_for
        assert capability.detail
        if not capability.available:
            psql(bare, "shop", capability.sql or "nothing to run")
    bare.stop()
    bare.start()
    assert missing(seen(bare)) == set()


def test_preloaded_libraries_of_others_are_kept_in_the_sql(bare: Cluster) -> None:
    for setting in ("shared_preload_libraries = 'auto_explain', pg_prewarm", "pg_stat_statements.max = 2000"):
        psql(bare, "shop", f"ALTER SYSTEM SET {setting};")
    psql(bare, "shop", "ALTER SYSTEM SET pg_stat_statements.track = 'none';")
    bare.stop()
    bare.start()
    [statements] = [c for c in seen(bare, "postgres") if c.name == "pg_stat_statements"]
    assert not statements.available
    assert "not preloaded and is switched off" in statements.detail
    psql(bare, "shop", statements.sql or "")
    bare.stop()
    bare.start()
    assert "pg_stat_statements" not in missing(seen(bare, "postgres"))
    with Reference.parse(bare.dsn("shop")).connect() as connection:
        row = connection.execute("SHOW shared_preload_libraries").fetchone()
    assert row == ("auto_explain, pg_prewarm, pg_stat_statements",)


def test_the_demo_roles_have_what_they_need(database: Database) -> None:
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        assert missing(probe(connection)) == {"plans_of_writes", "track_activity_query_size"}
