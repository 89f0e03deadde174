"""Rights, managed services and the server's own time-outs, on a real server of every version: grade R."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.observe.support import psql
from tests.postgres.conftest import Server
from tests.postgres.proofs import Grade, proves
from tests.postgres.real import ON_REAL_SERVERS, connected, has_hypopg, missing, own_database
from trimtab.advise.index.plans import nodes
from trimtab.model.errors import PermissionMissing
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.explain import explain
from trimtab.sql import versions

pytestmark = ON_REAL_SERVERS


@proves(Grade.REAL, versions.READ_ALL_DATA, versions.GENERIC_PLAN)
def test_what_is_missing_is_given_by_its_sql(server: Server) -> None:
    with own_database(
        server,
        "bare",
        "CREATE EXTENSION pg_stat_statements",
        "CREATE TABLE t (a int)",
        "INSERT INTO t SELECT generate_series(1, 500)",
        "ANALYZE t",
    ) as database:
        with connected(server, "stranger", "bare") as connection:
            found = probe(connection)
            assert missing(found) == {"pg_monitor", "plans", "plans_of_writes", "hypopg"}
            with pytest.raises(PermissionMissing):
                explain(connection, "SELECT * FROM t WHERE a = 1")
            for capability in found:
                if not capability.available and capability.name != "hypopg":
                    psql(server.cluster, database.name, capability.sql or "nothing to run")
            assert missing(probe(connection)) == {"hypopg"}
            for text in (
                "SELECT * FROM t WHERE a = 1",
                "SELECT * FROM t WHERE a = $1",
                "UPDATE t SET a = 2 WHERE a = $1",
            ):
                plan = explain(connection, text)
                assert [n["Node Type"] for n in nodes(plan["Plan"])][-1] == "Seq Scan"
        server.execute("DROP SCHEMA trimtab CASCADE", "DROP OWNED BY trimtab_explain", database="bare")
        server.execute("DROP ROLE trimtab_explain", "REVOKE pg_monitor FROM stranger", database="postgres")


@proves(Grade.REAL, versions.ROLE_OPTIONS)
def test_a_managed_service_whose_dba_is_no_superuser(server: Server) -> None:
    """Roles named as Amazon RDS names them, on a plain server: no proof for the service itself."""
    modern = versions.READ_ALL_DATA.applies(server.major * 10_000)
    server.execute("CREATE ROLE rds_superuser", "GRANT pg_monitor TO rds_superuser WITH ADMIN OPTION")
    if modern:
        server.execute("GRANT pg_read_all_data, pg_write_all_data TO rds_superuser WITH ADMIN OPTION")
    server.execute("CREATE ROLE master LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser")
    try:
        with own_database(server, "managed", "CREATE EXTENSION pg_stat_statements") as database:
            server.execute(
                "ALTER DATABASE managed OWNER TO master", "ALTER SCHEMA public OWNER TO master", database="managed"
            )
            server.execute("CREATE TABLE t (a int)", database="managed", user="master")
            with connected(server, "stranger", "managed") as connection:
                found = {c.name: c for c in probe(connection)}
                assert "(Amazon RDS or Aurora)" in found["server_version"].detail
                assert has_hypopg(server) or "does not offer hypopg" in (found["hypopg"].sql or "")
                psql(server.cluster, database.name, found["pg_monitor"].sql or "", user="master")
                psql(server.cluster, database.name, found["plans"].sql or "", user="master")
                psql(server.cluster, database.name, found["plans"].sql or "", user="master")  # may be run again
                assert missing(probe(connection)) == {"hypopg"}
                assert explain(connection, "UPDATE t SET a = $1")["Plan"]["Node Type"] == "ModifyTable"
            assert not is_member(server, "master", "trimtab_explain"), "only for the time of the script"
            if versions.ROLE_OPTIONS.applies(server.major * 10_000):
                server.execute("GRANT pg_read_all_data TO stranger WITH INHERIT FALSE")
                with connected(server, "stranger", "managed") as connection:
                    row = connection.execute("SELECT pg_has_role('pg_read_all_data', 'USAGE')").fetchone()
                    assert row == (False,)
                server.execute("REVOKE pg_read_all_data FROM stranger")
            server.execute("DROP SCHEMA trimtab CASCADE", "DROP OWNED BY trimtab_explain", database="managed")
    finally:
        server.execute("REVOKE pg_monitor FROM stranger", "REVOKE pg_monitor FROM rds_superuser CASCADE")
        server.execute("DROP ROLE IF EXISTS trimtab_explain", "DROP ROLE master", "DROP ROLE rds_superuser")


def is_member(server: Server, role: str, of: str) -> bool:
    """Whether a role may use the rights of another, without SET ROLE."""
    with psycopg.connect(server.dsn()) as connection:
        row = connection.execute("SELECT pg_has_role(%s, %s, 'USAGE')", (role, of)).fetchone()
    return row is not None and bool(row[0])


@proves(Grade.REAL, versions.ALTER_SYSTEM)
def test_a_server_without_alter_system(server: Server) -> None:
    if not versions.ALTER_SYSTEM.applies(server.major * 10_000):
        return
    conf = server.cluster.data / "postgresql.conf"
    before = conf.read_text()
    with conf.open("a") as file:
        file.write("allow_alter_system = off\ntrack_io_timing = off\n")
    try:
        server.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)
        with connected(server, "stranger") as connection:
            found = {c.name: c for c in probe(connection)}
        assert "allow_alter_system = off" in found["server_version"].detail
        assert "ALTER SYSTEM" not in (found["track_io_timing"].sql or "")
    finally:
        conf.write_text(before)
        server.execute("SELECT pg_reload_conf()")


@proves(Grade.REAL, versions.IDLE_SESSION_TIMEOUT, versions.TRANSACTION_TIMEOUT)
def test_timeouts_of_the_server_do_not_end_our_sessions(server: Server) -> None:
    names = versions.session_timeouts(server.major * 10_000)
    hurry = [f"ALTER DATABASE hurried SET {name} = '300ms'" for name in names]
    with (
        own_database(server, "hurried", *hurry),
        connected(server, database="hurried") as ours_,
        psycopg.connect(server.dsn(database="hurried")) as theirs,
    ):
        theirs.rollback()
        time.sleep(0.6)
        assert ours_.execute("SELECT pg_sleep(0.5)").fetchone() is not None
        if names:
            with pytest.raises(psycopg.OperationalError):
                theirs.execute("SELECT 1")
        else:
            theirs.execute("SELECT 1")
