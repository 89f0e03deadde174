"""The actuator on a real PostgreSQL: builds, leftovers, and what other people do meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace

import psycopg
import pytest

from tests.act.support import BY_CUSTOMER, Rig, changing, ours, policy, proposal
from tests.act.waiting import wait_for
from tests.conftest import Database
from trimtab.act.create_index import CreateIndex
from trimtab.model.change import ChangeState, JudgementKind
from trimtab.model.errors import ConflictError
from trimtab.model.index import IndexDefinition, IndexKey

pytestmark = pytest.mark.postgres


def index_row(database: Database, name_like: str = "trimtab%") -> tuple[int, str]:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT oid::int8, relname FROM pg_class WHERE relname LIKE %s", (name_like,)
        ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def test_an_index_is_built_kept_and_told_by_the_ledger(rig: Rig) -> None:
    change = rig.propose()
    change = rig.until(change.id, "watching")
    assert ours(rig.database) == [(index_row(rig.database)[1], True)]
    assert change.undo is not None
    assert change.undo["index_oid"] == index_row(rig.database)[0]
    rig.judge.will_say(JudgementKind.KEEP)
    assert rig.machine.advance(change.id).state is ChangeState.KEPT
    assert [event for event in rig.events(change.id) if event != "noted"] == [
        "proposed",
        "checked",
        "checkpointed",
        "apply_intended",
        "applied",
        "kept",
    ]
    assert "noted" in rig.events(change.id)
    assert rig.state.verify_chain().intact
    assert rig.state.case(rig.case_id).verdict == "kept"


def test_a_harmful_index_is_rolled_back(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    rig.judge.will_say(JudgementKind.ROLL_BACK, "proven slower")
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.ROLLED_BACK
    assert change.reason == "proven slower"
    assert ours(rig.database) == []
    with psycopg.connect(rig.database.dsn(), autocommit=True) as connection:
        sessions = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'trimtab/change%'"
        ).fetchone()
    assert sessions == (0,)


@pytest.mark.parametrize(
    "index",
    [
        IndexDefinition("public", "orders", (IndexKey("lower(email)", is_expression=True),)),
        IndexDefinition("public", "orders", (IndexKey("created_at"),), predicate="status = 'disputed' AND total > 50"),
        IndexDefinition("public", "orders", (IndexKey("customer_id"),), include=("total", "status")),
        IndexDefinition("public", "orders", (IndexKey("total", descending=True, nulls_first=False),)),
        IndexDefinition("public", "orders", (IndexKey("email", opclass="text_pattern_ops"),)),
        IndexDefinition("public", "orders", (IndexKey("created_at"),), method="brin"),
        IndexDefinition("public", "orders", (IndexKey("customer_id"),), method="hash"),
    ],
    ids=["expression", "partial", "covering", "nulls_last", "opclass", "brin", "hash"],
)
def test_kinds_of_index_come_and_go(rig: Rig, index: IndexDefinition) -> None:
    change = rig.until(rig.propose(index=index).id, "watching")
    with psycopg.connect(rig.database.dsn(), autocommit=True) as connection:
        oid = index_row(rig.database)[0]
        statistics = connection.execute("SELECT count(*) FROM pg_statistic WHERE starelid = %s", (oid,)).fetchone()
    assert (statistics == (1,)) == index.keys[0].is_expression
    # The record that would find it by name alone agrees with the catalogue, too.
    forgotten = {key: value for key, value in (change.undo or {}).items() if key != "index_oid"}
    assert rig.actuator.inspect(change, forgotten).presence == "present"
    assert rig.actuator.roll_back(change, forgotten, rig.policy)["outcome"] == "removed"
    assert ours(rig.database) == []


def test_apply_and_roll_back_may_be_repeated(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    undo = change.undo or {}
    again = rig.actuator.apply(change, undo, rig.policy)
    assert again["already_there"] is True
    assert again["index_oid"] == undo["index_oid"]
    assert rig.actuator.roll_back(change, undo, rig.policy)["outcome"] == "removed"
    assert rig.actuator.roll_back(change, undo, rig.policy)["outcome"] == "absent"


def test_a_build_behind_an_old_snapshot_times_out_and_leaves_nothing(rig: Rig) -> None:
    rig.policy = policy(build_timeout_s=1.0, lock_timeout_s=30.0)
    with psycopg.connect(rig.database.dsn()) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1 FROM pg_class LIMIT 1")
        change = rig.until(rig.propose().id, "failed")
    assert "57014" in str(change.reason)
    assert ours(rig.database) == []
    assert "noted" in rig.events(change.id)  # it had been there, and its OID was known


def test_a_leftover_that_cannot_be_dropped_yet_is_dropped_later(rig: Rig) -> None:
    rig.policy = policy(build_timeout_s=0.5, lock_timeout_s=0.7)
    with psycopg.connect(rig.database.dsn()) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM public.orders")  # holds a lock on the table, which DROP waits for
        change = rig.until(rig.propose().id, "applying")
        assert rig.events(change.id)[-1] == "rollback_failed"
        assert ours(rig.database) == [(index_row(rig.database)[1], False)]
        assert rig.machine.advance(change.id).ledger_seq == change.ledger_seq  # waits for its time
    rig.clock.move(400)
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.FAILED
    assert ours(rig.database) == []


def test_a_writer_that_stays_open_ends_the_attempt_and_it_is_tried_again(rig: Rig) -> None:
    rig.policy = policy(lock_timeout_s=0.3, attempts_max=2)
    with psycopg.connect(rig.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        change = rig.propose()
        for _ in range(3):
            change = rig.machine.advance(change.id)
            assert change.state in (ChangeState.CHECKED, ChangeState.CHECKPOINTED, ChangeState.APPLYING)
            if change.state is ChangeState.APPLYING:
                break
        assert "55P03" in str(change.reason)
    rig.clock.move(10)
    change = rig.machine.advance(change.id)  # ends the rollback that could not be done
    assert change.state is ChangeState.PROPOSED
    assert ours(rig.database) == []
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert "next attempt" in str(change.reason)
    rig.clock.move(30)
    assert rig.until(change.id, "watching").state is ChangeState.WATCHING


def test_an_invalid_leftover_of_ours_is_replaced_not_taken_for_done(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    rig.database.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = {index_row(rig.database)[0]}")
    undo = {key: value for key, value in (change.undo or {}).items() if key != "index_oid"}
    assert rig.actuator.inspect(change, undo).presence == "invalid"
    facts = rig.actuator.apply(change, undo, rig.policy)
    assert facts["already_there"] is False
    assert ours(rig.database) == [(index_row(rig.database)[1], True)]


def test_a_table_dropped_after_the_check_fails_the_change(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    rig.database.execute("DROP TABLE public.orders")
    change = rig.until(change.id, "failed")
    assert "was dropped since it was checked" in str(change.reason)


def test_a_table_made_anew_is_another_table(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    rig.database.execute(
        "CREATE TABLE public.other (LIKE public.orders)",
        "DROP TABLE public.orders",
        "ALTER TABLE public.other RENAME TO orders",
        "ALTER TABLE public.orders OWNER TO shop_owner",
    )
    change = rig.until(change.id, "failed")
    assert "made anew" in str(change.reason)
    assert ours(rig.database) == []


def test_a_table_dropped_before_the_checkpoint_withdraws_the_change(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checked")
    rig.database.execute("DROP TABLE public.orders")
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    change = rig.machine.advance(change.id)
    assert "there is no table public.orders" in str(change.reason)


def test_a_renamed_index_is_somebody_elses(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    rig.database.execute(f"ALTER INDEX public.{index_row(rig.database)[1]} RENAME TO orders_by_customer")
    rig.judge.will_say(JudgementKind.ROLL_BACK, "proven slower")
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.FAILED
    assert "renamed to public.orders_by_customer by somebody else" in str(change.reason)
    assert index_row(rig.database, "orders_by_customer")


def test_an_index_dropped_by_somebody_else_ends_the_watch(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    rig.database.execute(f"DROP INDEX public.{index_row(rig.database)[1]}")
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.FAILED
    assert "somebody else removed it" in str(change.reason)


def test_an_index_of_our_name_that_is_not_ours_is_not_dropped(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    name = str((change.undo or {})["index_name"])
    rig.database.execute(f"CREATE INDEX {name} ON public.orders (status)")
    change = rig.until(change.id, "failed")
    assert "another table or definition" in str(change.reason)
    assert ours(rig.database) == [(name, True)]


def test_an_index_that_something_depends_on_is_left(rig: Rig) -> None:
    rig.database.execute(
        "DROP TABLE public.orders",
        "CREATE TABLE public.all_orders (id int, customer_id int, created_at timestamptz) PARTITION BY RANGE (id)",
        "CREATE TABLE public.orders PARTITION OF public.all_orders FOR VALUES FROM (0) TO (1000)",
        "ALTER TABLE public.orders OWNER TO shop_owner",
    )
    change = rig.until(rig.propose().id, "watching")
    rig.database.execute(
        "CREATE INDEX parent ON ONLY public.all_orders (customer_id, created_at DESC)",
        f"ALTER INDEX public.parent ATTACH PARTITION public.{index_row(rig.database)[1]}",
    )
    rig.judge.will_say(JudgementKind.ROLL_BACK)
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.FAILED
    assert "depend" in str(change.reason)


def test_a_build_that_a_dead_process_left_running_is_seen_and_taken_up(rig: Rig) -> None:
    """The server builds on (behind an open writer); a second actuator sees it, waits, and finds it present."""
    change = rig.until(rig.propose().id, "checkpointed")
    undo = change.undo or {}
    with psycopg.connect(rig.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        rig.policy = policy(lock_timeout_s=30.0)
        alone = CreateIndex(changing(rig.database))  # the machine's own would ask its machine whether to go on
        building = threading.Thread(target=alone.apply, args=(change, undo, rig.policy))
        building.start()
        other = CreateIndex(changing(rig.database))
        wait_for(lambda: other.inspect(change, undo).index is not None)
        assert other.inspect(change, undo).presence == "building"
    building.join(30)
    assert other.inspect(change, undo).presence == "present"


def test_a_build_that_a_dead_process_left_running_can_be_ended(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    undo = change.undo or {}
    failures: list[BaseException] = []

    def build() -> None:
        try:
            CreateIndex(changing(rig.database)).apply(change, undo, policy(lock_timeout_s=30.0))
        except Exception as error:  # noqa: BLE001  (looked at below)
            failures.append(error)

    with psycopg.connect(rig.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        building = threading.Thread(target=build)
        building.start()
        other = CreateIndex(changing(rig.database))
        wait_for(lambda: other.inspect(change, undo).index is not None)
        # The writer still holds the table; or the build that was ended cleans up at this very moment, and ends us.
        with pytest.raises(Exception, match=r"could not drop|terminating connection"):
            other.roll_back(change, undo, policy(lock_timeout_s=0.1))
    building.join(30)
    assert failures
    assert other.roll_back(change, undo, rig.policy)["outcome"] in ("removed", "absent")
    assert ours(rig.database) == []


def test_a_person_stops_a_build(rig: Rig) -> None:
    rig.policy = policy(lock_timeout_s=2.0)
    change = rig.until(rig.propose().id, "checkpointed")
    conflicts: list[ConflictError] = []

    def disturbed() -> None:
        try:
            rig.machine.advance(change.id)
        except ConflictError as error:
            conflicts.append(error)

    with psycopg.connect(rig.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        building = threading.Thread(target=disturbed)
        building.start()
        wait_for(lambda: "noted" in rig.events(change.id))
        rig.machine.roll_back(change.id, "alice", "not now")
    building.join(60)
    assert conflicts
    change = rig.machine.advance(change.id)
    assert change.state is ChangeState.ROLLED_BACK
    assert change.reason == "rolled back by alice: not now"
    assert ours(rig.database) == []


def test_an_equal_index_that_only_the_server_recognises_is_found_after_the_build(rig: Rig) -> None:
    rig.database.execute("CREATE INDEX mine ON public.orders (total) WHERE total > -1")
    index = IndexDefinition("public", "orders", (IndexKey("total"),), predicate="total > -1")
    change = rig.propose(index=index)
    change = rig.machine.advance(change.id)
    if change.state is ChangeState.CHECKED:
        change = rig.until(change.id, "failed")
    assert "mine" in str(change.reason)
    assert ours(rig.database) == []


def test_sessions_ended_by_force_during_the_build(rig: Rig) -> None:
    rig.policy = policy(lock_timeout_s=60.0)
    change = rig.until(rig.propose().id, "checkpointed")
    result: list[ChangeState] = []
    with psycopg.connect(rig.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        building = threading.Thread(target=lambda: result.append(rig.machine.advance(change.id).state))
        building.start()
        wait_for(lambda: "noted" in rig.events(change.id))
        rig.database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'trimtab/change/%'"
        )
    building.join(60)
    assert result == [ChangeState.PROPOSED]
    assert "next attempt" in str(rig.machine.advance(change.id).reason)
    assert ours(rig.database) == []


def test_values_of_rows_do_not_reach_the_ledger(rig: Rig) -> None:
    rig.database.execute("UPDATE public.orders SET status = 'topsecret' WHERE id = 7")
    index = IndexDefinition("public", "orders", (IndexKey("status::int", is_expression=True),))
    change = rig.until(rig.propose(index=index).id, "failed")
    assert "22P02" in str(change.reason)
    assert not any("topsecret" in str(entry.detail) or "paid" in str(entry.detail) for entry in rig.state.ledger())
    assert ours(rig.database) == []


def test_a_hostile_proposal_is_refused_before_anything_runs(rig: Rig) -> None:
    index = IndexDefinition("public", "orders", (IndexKey("pg_sleep(1)::text", is_expression=True),))
    change = rig.machine.advance(rig.propose(index=index).id)
    assert change.state is ChangeState.PROPOSED
    assert "pg_sleep" in str(change.reason)


def test_an_undo_record_says_what_was_there(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    undo = change.undo or {}
    assert undo["table_oid"] == index_row(rig.database, "orders")[0]
    assert undo["indexes_before"] == [
        [index_row(rig.database, "orders_pkey")[0], "CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)"]
    ]
    assert replace(proposal(), index=BY_CUSTOMER).content_hash == change.proposal.content_hash
