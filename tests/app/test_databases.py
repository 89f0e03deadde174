"""Changes go to what is watched, and what is watched is watched once: by who answers, whatever the address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.cluster import Cluster, free_port
from tests.act.support import BY_CUSTOMER, finding, make_table, ours, proposal
from tests.conftest import Database
from tests.empty_store import make_tables
from trimtab.app.config import Config
from trimtab.app.service import Service
from trimtab.app.wire import open_service
from trimtab.model.errors import ConflictError, InputError
from trimtab.model.system import System
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import compare_live, identity_of

pytestmark = [pytest.mark.postgres, pytest.mark.store]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = open_service(Config(), make_tables(tmp_path / "data"), "in-process")
    yield made
    made.close()


@pytest.fixture
def other(cluster: Cluster) -> Iterator[Database]:
    """Another database of the same server."""
    cluster.execute("CREATE DATABASE other_shop")
    yield Database(cluster, "other_shop")
    cluster.execute("DROP DATABASE other_shop WITH (FORCE)")


def test_changes_to_another_database_than_the_watched_one_are_refused(
    service: Service, database: Database, other: Database
) -> None:
    with pytest.raises(InputError) as refused:
        service.watch_system(database.dsn("trimtab_watch"), "shop", other.dsn("trimtab_change"))
    assert f"/{database.name} and " in refused.value.message
    assert f"the watch is on database '{database.name}' (OID " in refused.value.message
    assert "changes would go to database 'other_shop' (OID " in refused.value.message
    assert service.systems() == []
    answer = service.watch_system(database.dsn("trimtab_watch"), "shop", database.dsn("trimtab_change"))
    assert answer["change_target"].startswith(f"both roles arrive at database '{database.name}' (OID ")
    with pytest.raises(InputError, match="other_shop"):
        service.watch_system(database.dsn("trimtab_watch"), "shop", other.dsn("trimtab_change"))
    assert service.systems()[0]["change_dsn"].endswith(f"/{database.name}")


def test_what_the_role_may_not_read_is_not_compared(cluster: Cluster, database: Database) -> None:
    cluster.execute("CREATE ROLE blind_watch LOGIN")
    database.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    with Reference.parse(database.dsn("blind_watch")).connect() as connection:
        blind = identity_of(connection)
    with Reference.parse(database.dsn()).connect() as connection:
        seeing = identity_of(connection)
    cluster.execute("DROP ROLE blind_watch")
    assert blind.target.system_identifier is None
    assert seeing.target.system_identifier is not None
    assert compare_live(blind, seeing).same is True, "it is the very same server"


def test_one_database_is_watched_once_by_whatever_address(
    service: Service, cluster: Cluster, database: Database
) -> None:
    service.watch_system(database.dsn("trimtab_watch"), "shop")
    for host in ("localhost", str(cluster.directory)):
        reference = f"host={host} port={cluster.port} dbname={database.name} user=trimtab_watch"
        with pytest.raises(ConflictError, match="watched already, as 'shop'"):
            service.watch_system(reference, "twin")
    assert [system["name"] for system in service.systems()] == ["shop"]


def test_another_database_of_the_same_server_is_another_system(
    service: Service, database: Database, other: Database
) -> None:
    service.watch_system(database.dsn("trimtab_watch"), "shop")
    other.execute("CREATE EXTENSION pg_stat_statements")
    assert service.watch_system(other.dsn("trimtab_watch"), "other")["name"] == "other"


@contextmanager
def standby_of(cluster: Cluster, folder: Path) -> Iterator[Cluster]:
    """A streaming standby of the private server."""
    made = Cluster(folder, port=free_port(), settings=cluster.settings)
    made.prepare()
    made._run("pg_basebackup", "-D", str(made.data), "-R", "-X", "stream", "-c", "fast", "-d", cluster.dsn())
    made.configure()
    made.start()
    try:
        yield made
    finally:
        made.stop("immediate")
        made.remove()


def test_a_standby_is_watched_beside_its_primary_and_changed_there_and_a_copy_is_another_server(
    service: Service, cluster: Cluster, database: Database
) -> None:
    folder = cluster.directory.with_name(cluster.directory.name + "-standby")
    primary = database.dsn("trimtab_change")
    with standby_of(cluster, folder) as standby:
        there = standby.dsn(database.name, "trimtab_watch")
        answer = service.watch_system(there, "replica", primary)
        assert answer["change_target"].startswith("changes go to another server of the same cluster: ")
        assert service.watch_system(database.dsn("trimtab_watch"), "shop", primary)["name"] == "shop"
        standby._run("pg_ctl", "-D", str(standby.data), "-w", "promote")
        with pytest.raises(InputError, match="two servers that both take writes"):
            service.watch_system(there, "replica", primary)
        service.close()


def test_the_change_target_is_compared_again_before_every_build(
    service: Service, database: Database, other: Database
) -> None:
    """The references in the state may lead elsewhere by now: a service file, a variable, a moved address."""
    make_table(database)
    make_table(other)
    service.state.add_system(System("shop", database.dsn("trimtab_watch"), other.dsn("trimtab_change"), 1))
    case = service.state.open_case(finding(), "select $1")
    change = service.machine.propose(case.id, proposal(BY_CUSTOMER))
    actuator = service.machine._steps.actuator(change)
    results = {one.name: one for one in actuator.checks(change, service.policy_of("shop"))}
    assert results["same_database"].passed is False
    assert "changes would go to database 'other_shop'" in results["same_database"].message
    undo = actuator.checkpoint(change)
    with pytest.raises(Exception, match="changes would go to database 'other_shop'"):
        actuator.apply(change, undo, service.policy_of("shop"))
    assert ours(other) == []
    service.state.add_system(System("shop", database.dsn("trimtab_watch"), database.dsn("trimtab_change"), 1))
    results = {one.name: one for one in actuator.checks(change, service.policy_of("shop"))}
    assert results["same_database"].passed is True
