"""The checks before an index is built, each one on a server where it says no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.act.support import BY_CUSTOMER, Rig, changing, policy, proposal
from tests.act.waiting import wait_for
from trimtab.act.catalogue import TableSize, table_facts, table_size
from trimtab.act.create_index import CreateIndex
from trimtab.model.change import ChangeState, CheckResult
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.policy import Policy
from trimtab.sql import versions

pytestmark = pytest.mark.postgres
Look = Callable[..., dict[str, CheckResult]]


@pytest.fixture
def look(rig: Rig) -> Look:
    """Run the checks for a proposal; results by name."""
    numbers = iter(range(1000))

    def run(
        index: IndexDefinition = BY_CUSTOMER,
        limits: Policy | None = None,
        actuator: CreateIndex | None = None,
        **other: Any,
    ) -> dict[str, CheckResult]:
        finding = rig.state.case(rig.case_id).finding
        case = rig.state.open_case(
            type(finding)("shop", f"{next(numbers):016x}", finding.kind, finding.severity, 1, "t", 1.0, ()), "select"
        )
        change = rig.state.create_change(case.id, proposal(index, **other))
        results = (actuator or rig.actuator).checks(change, limits or rig.policy)
        return {result.name: result for result in results}

    return run


def test_a_healthy_table_passes(look: Look) -> None:
    results = look()
    assert list(results) == [
        "server_version",
        "direct_connection",
        "same_database",
        "server_writable",
        "table",
        "privilege",
        "statement",
        "name_free",
        "no_equal_index",
        "blast_radius_bytes",
        "blast_radius_rows",
        "blast_radius_indexes",
        "index_size",
        "disk_free",
        "lock_conflicts",
        "long_transactions",
        "prepared_transactions",
        "replication_slots",
        "load",
        "replica_lag",
        "other_trimtab",
    ]
    assert {name for name, result in results.items() if result.passed is not True} == {
        "same_database",
        "disk_free",
        "load",
    }
    assert results["same_database"].observed == "not compared", "nobody watches here"
    assert results["disk_free"].passed is None
    assert results["load"].observed == "not visible"


def test_versions_that_build_wrongly_or_that_nobody_knows(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    known = look()["server_version"]
    assert known.passed is True
    assert known.message.startswith("PostgreSQL 1")
    monkeypatch.setattr(versions, "VERSION_MAX", 12)
    assert look()["server_version"].passed is None, "that is no pass, and does not block"
    monkeypatch.setattr("trimtab.act.index_checks.build_flaw", lambda *_: versions.build_flaw(140_003, 0))
    refused = look()["server_version"]
    assert refused.passed is False
    assert refused.message.endswith("mended in 14.4")


def test_a_pooler_in_between_is_refused(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler announces process ids of its own."""
    monkeypatch.setattr("trimtab.act.index_checks._PID", "SELECT pg_backend_pid() + 1")
    refused = look()["direct_connection"]
    assert (refused.passed, refused.observed) == (False, "a pooler")


def test_disk_room(rig: Rig, look: Look) -> None:
    def actuator(free_bytes: int) -> CreateIndex:
        return CreateIndex(changing(rig.database), free_bytes=lambda _: free_bytes, cpus_count=lambda _: 2)

    limits = policy(disk_free_factor_min=2.0)
    refused = look(limits=limits, actuator=actuator(1_999_999), size_bytes=1_000_000)["disk_free"]
    assert refused.passed is False
    assert refused.message == "1999999 bytes are free, 2000000 are needed"
    allowed = look(limits=limits, actuator=actuator(2_000_000), size_bytes=1_000_000)
    assert allowed["disk_free"].passed is True
    assert allowed["load"].passed is True


def test_a_full_disk_keeps_the_change_proposed(rig: Rig) -> None:
    rig.actuator._free_bytes = lambda _: 0
    change = rig.machine.advance(rig.propose().id)
    assert change.state is ChangeState.PROPOSED
    assert change.reason == "0 bytes are free, 2200000 are needed"
    entries = rig.state.ledger(change.id)
    assert entries[-1].detail["blocking"] == ["disk_free"]
    assert rig.machine.advance(change.id).ledger_seq == change.ledger_seq  # said once


def test_size_limit(look: Look) -> None:
    assert look(limits=policy(index_size_bytes_max=999_999))["index_size"].passed is False
    assert look(limits=policy(index_size_bytes_max=1_000_000))["index_size"].passed is True


def test_load(rig: Rig, look: Look) -> None:
    actuator = CreateIndex(changing(rig.database), cpus_count=lambda _: 1)
    busy = psycopg.connect(rig.database.dsn(), autocommit=True)
    busy.pgconn.send_query(b"SELECT pg_sleep(30)")
    limits = policy(active_sessions_per_cpu_max=0.0)
    wait_for(lambda: look(limits=limits, actuator=actuator)["load"].passed is False)
    busy.cancel_safe()
    while busy.pgconn.get_result() is not None:
        pass
    busy.close()
    assert look(limits=policy(active_sessions_per_cpu_max=50.0), actuator=actuator)["load"].passed is True


def test_a_missing_table(look: Look) -> None:
    result = look(IndexDefinition("public", "nowhere", (IndexKey("a"),)))
    assert result["table"].message == "there is no table public.nowhere"
    assert result["table"].passed is False


def test_a_missing_column(look: Look) -> None:
    result = look(IndexDefinition("public", "orders", (IndexKey("nothing"),)))["statement"]
    assert result.passed is False
    assert result.message == "public.orders has no column nothing"


def test_a_partitioned_parent(rig: Rig, look: Look) -> None:
    rig.database.execute(
        "CREATE TABLE public.parts (a int) PARTITION BY RANGE (a)", "ALTER TABLE public.parts OWNER TO shop_owner"
    )
    result = look(IndexDefinition("public", "parts", (IndexKey("a"),)))["table"]
    assert result.passed is False
    assert "only on each partition" in result.message


def test_a_view(rig: Rig, look: Look) -> None:
    rig.database.execute("CREATE VIEW public.looks AS SELECT 1 AS a")
    assert look(IndexDefinition("public", "looks", (IndexKey("a"),)))["table"].message == "public.looks is a view"


def test_a_table_of_somebody_else(rig: Rig, look: Look) -> None:
    rig.database.execute("CREATE SCHEMA private", "CREATE TABLE private.t (a int)")
    result = look(IndexDefinition("private", "t", (IndexKey("a"),)))["privilege"]
    assert result.passed is False
    assert "membership in postgres, the owner of the table and CREATE on schema private" in result.message


@pytest.mark.parametrize(
    ("existing", "index"),
    [
        ("(customer_id, created_at DESC)", BY_CUSTOMER),
        ("(lower(email))", IndexDefinition("public", "orders", (IndexKey("LOWER( email )", is_expression=True),))),
        (
            "(created_at) WHERE status IN ('disputed', 'paid') AND total > 50",
            IndexDefinition(
                "public", "orders", (IndexKey("created_at"),), predicate="status IN ('disputed','paid') AND total>50"
            ),
        ),
        ("(status) INCLUDE (total)", IndexDefinition("public", "orders", (IndexKey("status"),), include=("total",))),
        (
            "(email text_pattern_ops)",
            IndexDefinition("public", "orders", (IndexKey("email", opclass="text_pattern_ops"),)),
        ),
    ],
    ids=["columns", "expression", "partial", "covering", "opclass"],
)
def test_an_equal_index(rig: Rig, look: Look, existing: str, index: IndexDefinition) -> None:
    assert look(index)["no_equal_index"].passed is True
    rig.database.execute(f"CREATE INDEX mine ON public.orders {existing}")
    assert look(index)["no_equal_index"].observed == "mine"
    rig.database.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine'::regclass")
    assert look(index)["no_equal_index"].passed is True  # an invalid one serves nobody


@pytest.mark.parametrize(
    "existing",
    [
        "(customer_id, created_at)",
        "(customer_id)",
        "(created_at, customer_id)",
        "(customer_id, created_at DESC) WHERE id > 1",
    ],
)
def test_an_index_that_is_almost_equal(rig: Rig, look: Look, existing: str) -> None:
    rig.database.execute(f"CREATE INDEX mine ON public.orders {existing}")
    assert look()["no_equal_index"].passed is True


def test_a_conflicting_lock(rig: Rig, look: Look) -> None:
    with psycopg.connect(rig.database.dsn()) as other:
        other.execute("LOCK TABLE public.orders IN SHARE MODE")
        result = look()["lock_conflicts"]
    assert result.passed is False
    assert "ShareLock by process" in result.message
    with psycopg.connect(rig.database.dsn()) as other:
        other.execute("SELECT 1 FROM public.orders")
        assert look()["lock_conflicts"].passed is True


def test_a_long_transaction(rig: Rig, look: Look) -> None:
    with psycopg.connect(rig.database.dsn()) as other:
        other.execute("SELECT 1")
        assert look(limits=policy(long_transaction_s_max=0.0))["long_transactions"].passed is False
        assert look(limits=policy(long_transaction_s_max=600.0))["long_transactions"].passed is True


def test_what_the_role_may_not_see_is_not_a_pass(rig: Rig, look: Look) -> None:
    rig.database.execute("CREATE ROLE blind LOGIN IN ROLE shop_owner")
    try:
        blind = CreateIndex(
            lambda _: psycopg.connect(rig.database.dsn("blind"), autocommit=True), cpus_count=lambda _: 2
        )
        results = look(actuator=blind)
    finally:
        rig.database.execute("DROP ROLE blind")
    assert {name for name, result in results.items() if result.passed is None} == {
        "same_database",
        "disk_free",
        "long_transactions",
        "load",
    }


def test_a_server_that_does_not_answer_keeps_the_change_proposed(rig: Rig) -> None:
    def refuse(_system: str) -> psycopg.Connection[tuple[object, ...]]:
        raise psycopg.OperationalError("connection refused")

    rig.actuator._connect = refuse
    change = rig.machine.advance(rig.propose().id)
    assert change.state is ChangeState.PROPOSED
    assert "could not connect to shop" in str(change.reason)


def test_an_unused_replication_slot_that_holds_rows(rig: Rig, look: Look) -> None:
    assert look()["replication_slots"].passed is True
    assert look()["prepared_transactions"].passed is True
    assert look()["replica_lag"].observed == "no replicas"


def test_the_blast_radius_is_the_table_as_it_is_now(rig: Rig, look: Look) -> None:
    found = look()
    size_bytes = int(found["blast_radius_bytes"].observed.split()[0])
    assert size_bytes > 8192
    assert found["blast_radius_rows"].observed == "1000 rows"
    assert found["blast_radius_indexes"].observed == "1 indexes"
    limits = policy(blast_radius_bytes_max=size_bytes - 1, blast_radius_rows_max=999, blast_radius_indexes_max=1)
    refused = {name: result for name, result in look(limits=limits).items() if result.passed is False}
    assert set(refused) == {"blast_radius_bytes", "blast_radius_rows", "blast_radius_indexes"}
    assert refused["blast_radius_rows"].message == "public.orders has about 1000 rows, the limit is 999"
    limits = policy(blast_radius_bytes_max=size_bytes, blast_radius_rows_max=1000, blast_radius_indexes_max=2)
    assert all(look(limits=limits)[name].passed for name in refused)


def test_the_size_of_a_locked_table_is_not_waited_for(rig: Rig) -> None:
    with psycopg.connect(rig.database.dsn("trimtab_change"), autocommit=True) as ours:
        table = table_facts(ours, "public", "orders")
        assert table is not None
        with psycopg.connect(rig.database.dsn()) as holder:
            holder.execute("LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE")
            assert table_size(ours, table.oid) == TableSize(None, 1000)
        assert (table_size(ours, table.oid).size_bytes or 0) > 8192


def test_rows_of_a_table_that_was_never_analyzed_are_counted_by_the_statistics(rig: Rig, look: Look) -> None:
    rig.database.execute(
        "CREATE TABLE public.fresh (customer_id int, created_at timestamptz) WITH (autovacuum_enabled = off)",
        "ALTER TABLE public.fresh OWNER TO shop_owner",
        "INSERT INTO public.fresh SELECT n, now() FROM generate_series(1, 50) n",
        "SELECT pg_stat_force_next_flush()",
    )
    fresh = IndexDefinition("public", "fresh", (IndexKey("customer_id"),))
    wait_for(lambda: look(fresh)["blast_radius_rows"].observed == "50 rows")
