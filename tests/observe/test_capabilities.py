"""What is missing is named with the SQL that gives it, and that SQL works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from tests.observe.support import RealClock, Recorder, psql
from trimtab.model.errors import ExtensionMissing, MissingError, PermissionMissing
from trimtab.model.system import Capability
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.cost import CostMeter
from trimtab.observe.postgres.managed import SERVICES, Managed
from trimtab.observe.postgres.session import ConnectionLost, Session
from trimtab.observe.postgres.status import WatchState
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql import versions
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


@pytest.mark.parametrize("service", SERVICES, ids=[s.marker_role for s in SERVICES])
def test_a_managed_service_is_told_its_own_way(bare: Cluster, service: Managed) -> None:
    bare.execute(f"CREATE ROLE {service.marker_role}", 'CREATE ROLE "other Looker" LOGIN', "CREATE DATABASE managed")
    psql(bare, "shop", "ALTER SYSTEM SET track_io_timing = off; SELECT pg_reload_conf();")
    try:
        with Reference.parse(bare.dsn("managed", "other%20Looker")).connect() as connection:
            found = {c.name: c for c in probe(connection)}
    finally:
        psql(bare, "shop", "ALTER SYSTEM RESET track_io_timing; SELECT pg_reload_conf();")
        bare.execute("DROP DATABASE managed", f"DROP ROLE {service.marker_role}", 'DROP ROLE "other Looker"')
    assert found["server_version"].detail.endswith(f"({service.name})")
    told = found["track_io_timing"].sql or ""
    assert service.settings_place in told
    assert all(line.startswith("--") for line in told.splitlines()), "nothing that a managed service would refuse"
    assert (found["pg_monitor"].sql or "").startswith("GRANT pg_monitor TO")


def test_an_extension_in_a_schema_that_the_role_may_not_enter(database: Database) -> None:
    database.execute(
        "DROP EXTENSION pg_stat_statements",
        "DROP EXTENSION hypopg",
        'CREATE SCHEMA "Closed Tools"',
        'CREATE EXTENSION pg_stat_statements SCHEMA "Closed Tools"',
        'CREATE EXTENSION hypopg SCHEMA "Closed Tools"',
    )
    with Reference.parse(database.dsn("trimtab_change")).connect() as connection:  # pg_read_all_data enters them all
        found = {c.name: c for c in probe(connection)}
        for name in ("pg_stat_statements", "hypopg"):
            assert not found[name].available
            assert 'is in the schema "Closed Tools", which role trimtab_change may not use' in found[name].detail
        psql(database.cluster, database.name, found["hypopg"].sql or "")
        assert not {"pg_stat_statements", "hypopg"} & missing(probe(connection))


def test_reading_by_grants_on_every_table_is_enough_for_plans(database: Database) -> None:
    database.execute("CREATE TABLE a (n int)", "CREATE TABLE b (n int)", "GRANT SELECT ON a TO PUBLIC")
    database.execute("CREATE ROLE reader LOGIN", "GRANT USAGE ON SCHEMA public TO reader")
    try:
        with Reference.parse(database.dsn("reader")).connect() as connection:
            [plans] = [c for c in probe(connection) if c.name == "plans"]
            assert (plans.available, plans.detail) == (
                False,
                "role reader may read 1 of 2 tables, and not call trimtab.explain_json",
            )
            database.execute("GRANT SELECT ON b TO reader")
            [plans] = [c for c in probe(connection) if c.name == "plans"]
            assert (plans.available, plans.detail) == (True, "may read every table, so EXPLAIN works")
    finally:
        database.execute("DROP OWNED BY reader", "DROP ROLE reader")


def test_a_server_that_is_newer_than_known_is_watched_and_one_that_is_older_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = Reference.parse(database.dsn("trimtab_watch"))
    monkeypatch.setattr(versions, "VERSION_MAX", 12)
    with reference.connect() as connection:
        [version] = [c for c in probe(connection) if c.name == "server_version"]
    assert version.available
    assert "is newer than 12, the newest that trimtab knows: it is watched as if it were one" in version.detail

    monkeypatch.setattr(versions, "VERSION_MIN", 99)
    watcher = PostgresWatcher("shop", reference, Recorder(), RealClock(), slice_s=0.05)
    assert not watcher.look()
    status = watcher.status()
    assert status.state is WatchState.UNREACHABLE
    assert "is older than 99, the oldest that trimtab knows" in (status.last_error or "")


def test_what_a_managed_server_does_not_have_is_no_lost_connection(database: Database) -> None:
    """Some say 0A000 of a function, which PostgreSQL itself says of a prepared query whose columns changed."""
    session = Session.open(Reference.parse(database.dsn()), CostMeter(), 5_000)
    with pytest.raises(MissingError) as caught:
        session.rows("x", "DO $$ BEGIN RAISE feature_not_supported USING MESSAGE = 'not on this service'; END $$")
    assert not isinstance(caught.value, ConnectionLost | ExtensionMissing | PermissionMissing)
    database.execute("CREATE TABLE t (a int)")
    assert session.rows("x", "SELECT * FROM t") == []
    database.execute("ALTER TABLE t ADD COLUMN b int")
    with pytest.raises(ConnectionLost):
        session.rows("x", "SELECT * FROM t")
    session.close()
