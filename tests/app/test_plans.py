"""The book of plans: one row for a time with the same steps, before and after a change, and failures that are said."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import psycopg
import pytest

from demo.cluster import Cluster
from tests.act.support import proposal
from tests.conftest import Database
from tests.empty_store import MakeTables
from trimtab.app.plans import CHANGE_TRIES_MAX, FLAPPING_MS, LOGGED_EVERY_MS, RETRY_MS, PlanBook
from trimtab.app.reading.plan_changes import plan_changes
from trimtab.app.reading.plans import plans, plans_of_change
from trimtab.app.watched import Watched
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import Busy, NotFound, ServerUnreachable
from trimtab.model.policy import PlansPolicy
from trimtab.model.query import QueryShape
from trimtab.model.system import System
from trimtab.sql.connect import Reference
from trimtab.sql.fingerprint import shape_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

SAMPLE = "SELECT * FROM orders WHERE customer = 5 AND status = 'zqx4711'"
RUN = PlansPolicy(analyze=True, analyze_timeout_ms=2_000)


class Clock:
    """Begins now and moves by one second a look, or as told."""

    def __init__(self) -> None:
        import time

        self.now = time.time_ns() // 1_000_000 - 3_600_000

    def now_ms(self) -> int:
        self.now += 1_000
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


class Seen:
    """What the watch of the shop would have seen."""

    def __init__(self, dsn: str) -> None:
        self.system = System("shop", "service=shop", None, 0)
        self.reference = Reference.parse(dsn)
        self.shape = shape_of("shop", SAMPLE)
        self.texts: tuple[str, ...] = (SAMPLE,)
        self.watcher = self
        self.connections_count = 0

    def shapes(self) -> dict[str, QueryShape]:
        return {self.shape.fingerprint: self.shape}

    def samples(self, _fingerprint: str) -> tuple[str, ...]:
        return self.texts

    def connect_to_plan(self, _timeout_ms: int) -> psycopg.Connection[tuple[object, ...]]:
        self.connections_count += 1
        return self.reference.connect("trimtab/plan", lock_timeout_ms=200)

    @property
    def watched(self) -> Watched:
        return cast(Watched, self)


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(tables_made(tmp_path), TelemetryLimits(load_interval_s=0.05)) as store:
        yield store


@pytest.fixture
def seen(database: Database) -> Seen:
    database.execute(
        "CREATE TABLE orders (id bigint, customer int, status text)",
        "INSERT INTO orders SELECT i, i % 1000, 'done' FROM generate_series(1, 20000) i",
        "ANALYZE orders",
    )
    return Seen(database.dsn("trimtab_watch"))


def change_of(seen: Seen, change_id: str, applied_ms: int) -> Change:
    made = replace(proposal(), system="shop", fingerprint=seen.shape.fingerprint)
    return Change(
        change_id,
        1,
        "shop",
        made,
        ChangeState.WATCHING,
        applied_ms,
        applied_ms,
        apply_started_at_ms=applied_ms,
        applied_at_ms=applied_ms + 1,
    )


@pytest.mark.postgres
@pytest.mark.store
def test_a_change_of_plan_is_dated_and_the_same_plan_is_one_row(
    telemetry: EmbeddedTelemetry, seen: Seen, database: Database
) -> None:
    clock = Clock()
    book = PlanBook(telemetry, clock, lambda _system: RUN)
    first, again = (book.now(seen.watched, seen.shape.fingerprint) for _ in range(2))
    assert (first.is_new, again.is_new, first.plan_id) == (True, False, again.plan_id)
    [plan] = plans(telemetry, "shop", seen.shape.fingerprint)
    assert (plan.origin, plan.change_id, plan.seen_count, plan.has_actuals) == ("asked", None, 2, True)
    assert plan.since_ms < plan.taken_at_ms == plan.seen_at_ms
    assert plan.root.node_type == "Seq Scan"
    assert plan.root.rows_removed == 20000
    assert plan.execution_ms is not None
    database.execute("CREATE INDEX by_customer ON orders (customer)")
    third = book.now(seen.watched, seen.shape.fingerprint)
    assert third.is_new
    database.execute("DROP INDEX by_customer")
    fourth = book.now(seen.watched, seen.shape.fingerprint)
    assert fourth.is_new, "back to the first one is a change of plan, too"
    found = plans(telemetry, "shop", seen.shape.fingerprint)
    assert [p.plan_id for p in found] == [fourth.plan_id, third.plan_id, first.plan_id]
    assert found[0].structure == found[2].structure != found[1].structure
    restarted = PlanBook(telemetry, clock, lambda _system: RUN)
    assert not restarted.now(seen.watched, seen.shape.fingerprint).is_new, "known from the store"
    assert b"zqx4711" not in b"".join(str(p).encode() for p in found)
    stored = telemetry.query("SELECT * FROM query_plans").to_pylist()
    assert "zqx4711" not in str(stored)


@pytest.mark.postgres
@pytest.mark.store
def test_figures_of_a_run_are_not_lost_to_a_mere_estimate(telemetry: EmbeddedTelemetry, seen: Seen) -> None:
    policy = [RUN]
    book = PlanBook(telemetry, Clock(), lambda _system: policy[0])
    ran = book.now(seen.watched, seen.shape.fingerprint)
    policy[0] = PlansPolicy()
    estimated = book.now(seen.watched, seen.shape.fingerprint)
    assert (ran.has_actuals, estimated.has_actuals) == (True, True)
    [plan] = plans(telemetry, "shop", seen.shape.fingerprint)
    assert plan.root.rows_actual == 0
    assert plan.taken_at_ms < plan.seen_at_ms


@pytest.mark.postgres
@pytest.mark.store
def test_before_and_after_a_change_are_the_same_statement(
    telemetry: EmbeddedTelemetry, seen: Seen, database: Database
) -> None:
    clock = Clock()
    book = PlanBook(telemetry, clock, lambda _system: RUN)
    book.before(seen.watched, seen.shape.fingerprint)
    assert book.problem("shop") is None
    change = change_of(seen, "c1-aa", clock.now_ms())
    database.execute("CREATE INDEX by_customer ON orders (customer)")
    seen.texts = ("SELECT * FROM orders WHERE customer = 7 AND status = 'newer'",)
    for _ in range(3):
        book.after(seen.watched, change)
        book.settle(20)
    assert seen.connections_count == 2, "the plan after a change is taken once"
    telemetry.flush(10)
    pair = plans_of_change(telemetry, change)
    assert pair.before is not None
    assert pair.after is not None
    assert (pair.before.origin, pair.after.origin, pair.after.change_id) == ("advice", "watching", "c1-aa")
    assert pair.is_same is False
    assert pair.before.root.title == "Seq Scan on orders"
    assert "by_customer" in str(pair.after.root)
    assert pair.after.root.rows_removed == 20, "customer 5 has 20 orders, none of this status: the statement of before"
    restarted = PlanBook(telemetry, clock, lambda _system: RUN)
    restarted.after(seen.watched, change)
    restarted.settle(20)
    assert seen.connections_count == 2, "and not again after a restart"
    other = change_of(seen, "c2-bb", clock.now_ms())
    book.after(seen.watched, other)
    book.settle(20)
    telemetry.flush(10)
    same = plans_of_change(telemetry, other)
    assert same.is_same is True, "a change that changed nothing about the plan has its own row"
    assert same.before is not None
    assert same.before.change_id == "c1-aa"


@pytest.mark.postgres
@pytest.mark.store
def test_what_goes_wrong_is_said_tried_again_and_disturbs_nobody(
    telemetry: EmbeddedTelemetry, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    book = PlanBook(telemetry, clock, lambda _system: RUN)
    errors: Iterator[Exception] = itertools.chain(
        [ServerUnreachable("the server is away"), ValueError("zqx4711")],
        itertools.repeat(ServerUnreachable("the server is away")),
    )

    def fails(*_: object) -> None:
        raise next(errors)

    monkeypatch.setattr(seen, "connect_to_plan", fails)
    book.before(seen.watched, seen.shape.fingerprint)
    assert str(book.problem("shop")).endswith("the server is away")
    book.before(seen.watched, seen.shape.fingerprint)
    assert str(book.problem("shop")).endswith("internal error (ValueError)")
    change = change_of(seen, "c1-aa", clock.now_ms())
    for _ in range(CHANGE_TRIES_MAX * 40):
        book.after(seen.watched, change)
        book.settle(20)
    assert clock.now - change.created_at_ms > CHANGE_TRIES_MAX * RETRY_MS
    with pytest.raises(ServerUnreachable):
        book.now(seen.watched, seen.shape.fingerprint)
    monkeypatch.undo()
    book.after(seen.watched, change)
    book.settle(20)
    assert book.problem("shop") is not None, "it was tried often enough"
    book.now(seen.watched, seen.shape.fingerprint)
    assert book.problem("shop") is None
    with pytest.raises(NotFound):
        book.now(seen.watched, "nothing")


@pytest.mark.postgres
@pytest.mark.store
def test_one_plan_at_a_time_of_each_system(
    telemetry: EmbeddedTelemetry, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.app.plans.WAIT_S", 0.01)
    book = PlanBook(telemetry, Clock(), lambda _system: RUN)

    def again(*_: object) -> psycopg.Connection[tuple[object, ...]]:
        with pytest.raises(Busy, match="is being taken already"):
            book.now(seen.watched, seen.shape.fingerprint)
        return seen.reference.connect("trimtab/plan")

    monkeypatch.setattr(seen, "connect_to_plan", again)
    assert book.now(seen.watched, seen.shape.fingerprint).is_new


@pytest.mark.postgres
@pytest.mark.store
def test_a_plan_that_was_not_run_is_judged_by_what_the_catalogue_said_then(
    telemetry: EmbeddedTelemetry, seen: Seen, database: Database
) -> None:
    book = PlanBook(telemetry, Clock(), lambda _system: PlansPolicy())
    book.now(seen.watched, seen.shape.fingerprint)
    database.execute("DROP TABLE orders")
    [plan] = plans(telemetry, "shop", seen.shape.fingerprint)
    finding = plan.findings[0]
    assert (finding.id, finding.score_of.value, plan.has_actuals) == ("rows-thrown-away", "cost", False)
    assert finding.mends[0].sql == "CREATE INDEX CONCURRENTLY ON public.orders (customer, status)"
    [stored] = telemetry.query("SELECT plan FROM query_plans").to_pylist()
    assert '"rows":20000.0' in stored["plan"]


LOGGED = (
    "duration: 12.5 ms  plan:\nQuery Text: {statement}\n"
    "{step} on orders  (cost=0.00..40.00 rows=200 width=4) (actual rows=5 loops=1)\n  Filter: (customer = 5)"
)


def test_logged_plans_begin_a_new_time_where_they_do_other_steps(
    telemetry: EmbeddedTelemetry, cluster: Cluster
) -> None:
    seen = Seen(cluster.dsn())
    clock = Clock()
    book = PlanBook(telemetry, clock, lambda _system: RUN)
    fingerprint = seen.shape.fingerprint

    def log(step: str) -> None:
        entries = [
            LOGGED.format(statement=SAMPLE, step=step),
            LOGGED.format(statement="SELECT 1", step=step),
            "no plan",
        ]
        book.logged(seen.watched, entries)
        clock.now += LOGGED_EVERY_MS

    for step in ("Seq Scan", "Index Scan using too_soon", "Seq Scan"):
        log(step)
    clock.now += FLAPPING_MS
    log("Index Scan using i")
    telemetry.flush(5.0)
    newest, before = plans(telemetry, "shop", fingerprint)
    assert (newest.origin, newest.root.title, newest.has_actuals) == ("logged", "Index Scan using i on orders", True)
    assert (before.seen_count, before.root.title) == (2, "Seq Scan on orders")
    assert "zqx" not in str(newest)
    [change] = plan_changes(telemetry, (newest, before), clock.now_ms(), 5)
    assert (change.went, change.came, change.calls_before) == ((before.root.title,), (newest.root.title,), 0)
    told = telemetry.query("SELECT kind, message FROM server_events", {}).to_pylist()
    message = f"plan of {fingerprint} changed: now Index Scan using i on orders; no longer Seq Scan on orders"
    assert told == [{"kind": "plan_changed", "message": message}]
