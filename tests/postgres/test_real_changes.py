"""Indexes built and taken back on a real server of every version: grade R."""

from __future__ import annotations

from pathlib import Path

from tests.act.support import (
    BY_CUSTOMER,
    FakeClock,
    FakeJudge,
    Rig,
    changing,
    finding,
    make_table,
    ours,
    policy,
    proposal,
)
from tests.conftest import Database
from tests.postgres.conftest import Server
from tests.postgres.proofs import Grade, proves
from tests.postgres.real import ON_REAL_SERVERS, own_database
from trimtab.act.create_index import CreateIndex
from trimtab.model.change import ChangeState, JudgementKind
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql import versions
from trimtab.store.state import State

pytestmark = ON_REAL_SERVERS


KINDS = {
    "plain": BY_CUSTOMER,
    "expression": IndexDefinition("public", "orders", (IndexKey("lower(email)", is_expression=True),)),
    "partial": IndexDefinition(
        "public", "orders", (IndexKey("created_at"),), predicate="status = 'disputed' AND total > 50"
    ),
    "covering": IndexDefinition("public", "orders", (IndexKey("customer_id"),), include=("total", "status")),
    "pattern": IndexDefinition("public", "orders", (IndexKey("email", opclass="text_pattern_ops"),)),
    "brin": IndexDefinition("public", "orders", (IndexKey("created_at"),), method="brin"),
}


@proves(Grade.REAL, versions.CONCURRENT_BUILDS, versions.MAINTENANCE_SEARCH_PATH)
def test_indexes_are_built_and_taken_back(server: Server, tmp_path: Path) -> None:
    with own_database(server, "act", "ALTER SCHEMA public OWNER TO shop_owner") as database:
        make_table(database)
        clock, judge = FakeClock(), FakeJudge()
        for name, index in KINDS.items():
            with State.open(tmp_path / f"{name}.db", now_ms=clock.now_ms) as state:
                actuator = CreateIndex(changing(database), drop_back_off_s=0.01)
                case = state.open_case(finding(), "select $1")
                rig = Rig(database, state, actuator, judge, clock, case.id, policy())
                judge.will_say(JudgementKind.UNDECIDED)
                change = rig.until(rig.propose(index=index).id, "watching")
                assert [valid for _, valid in ours(database)] == [True], name
                judge.will_say(JudgementKind.ROLL_BACK)
                assert rig.machine.advance(change.id).state is ChangeState.ROLLED_BACK, name
                assert ours(database) == [], name


@proves(Grade.REAL, versions.PUBLIC_CREATE, versions.MAINTAIN)
def test_rights_that_a_build_needs(server: Server, tmp_path: Path) -> None:
    with own_database(server, "rights"), State.open(tmp_path / "state.db") as state:
        database = Database(server.cluster, "rights")
        make_table(database)
        actuator = CreateIndex(changing(database))
        case = state.open_case(finding(), "select $1")
        change = state.create_change(case.id, proposal())

        def privilege() -> tuple[bool | None, str]:
            [result] = [r for r in actuator.checks(change, policy()) if r.name == "privilege"]
            return result.passed, result.message

        may_create = not versions.PUBLIC_CREATE.applies(server.major * 10_000)
        assert privilege()[0] is may_create
        server.execute("GRANT CREATE ON SCHEMA public TO shop_owner", database="rights")
        assert privilege()[0] is True
        server.execute("ALTER TABLE orders OWNER TO postgres", database="rights")
        if versions.MAINTAIN.applies(server.major * 10_000):
            server.execute("GRANT MAINTAIN ON orders TO trimtab_change", database="rights")
        assert privilege() == (False, "the changing role lacks membership in postgres, the owner of the table")
        [version] = [r for r in actuator.checks(change, policy()) if r.name == "server_version"]
        assert (version.passed, version.message) == (True, version.message)
        assert f"PostgreSQL {server.major}." in version.message
