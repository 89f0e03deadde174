"""What the tests of `act` share: a proposal, a clock, a judge that says what it is told, a table to index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg

from tests.conftest import Database
from trimtab.act.approvals import content_hash
from trimtab.act.create_index import CreateIndex
from trimtab.act.machine import Machine
from trimtab.model.change import Autonomy, Change, Effect, Judgement, JudgementKind, Proposal, Risk
from trimtab.model.finding import Finding, FindingKind, Severity
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.policy import GuardPolicy, Policy, WatchPolicy
from trimtab.store.state import State

SYSTEM = "shop"
FINGERPRINT = "00000000000000aa"
BY_CUSTOMER = IndexDefinition("public", "orders", (IndexKey("customer_id"), IndexKey("created_at", descending=True)))


@dataclass
class FakeClock:
    """Time that moves only when told."""

    at_ms: int = 1_700_000_000_000
    slept_s: list[float] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at_ms

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.at_ms += round(seconds * 1000)

    def move(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)


@dataclass
class FakeJudge:
    """Says what it is told."""

    verdict: Judgement = field(default_factory=lambda: Judgement(JudgementKind.UNDECIDED, "too early"))
    waiting_for: str | None = None

    def ready(self, proposal: Proposal, policy: Policy, now_ms: int) -> str | None:
        return self.waiting_for

    def judge(self, change: Change, policy: Policy, now_ms: int) -> Judgement:
        return self.verdict

    def will_say(self, kind: JudgementKind, reason: str = "told to", effect: Effect | None = None) -> None:
        self.verdict = Judgement(kind, reason, effect)


def effect(ratio: float = 0.1) -> Effect:
    """A measured effect."""
    return Effect(
        fingerprint=FINGERPRINT,
        ratio=ratio,
        interval_90=(ratio * 0.8, ratio * 1.2),
        raw_ratio=ratio,
        mean_before_ms=100.0,
        mean_after_ms=100.0 * ratio,
        calls_before=1000,
        calls_after=500,
        slices_before=240,
        slices_after=48,
        before_start_ms=0,
        before_end_ms=1,
        after_start_ms=2,
        after_end_ms=3,
        control_ratio=1.0,
        controls=("00000000000000bb",),
    )


def proposal(index: IndexDefinition = BY_CUSTOMER, system: str = SYSTEM, **other: Any) -> Proposal:
    """A proposal for an index, with its right hash."""
    made = Proposal(
        system=system,
        fingerprint=FINGERPRINT,
        kind="create_index",
        target=index.relation,
        index=index,
        summary="index for orders of a customer",
        predicted_ratio=0.1,
        predicted_interval_90=(0.05, 0.3),
        interval_source="guess",
        gain_ms_per_s=100.0,
        write_cost_ms_per_s=1.0,
        size_bytes=1_000_000,
        build_time_s=1.0,
        risk=Risk.LOW,
        risk_reasons=(),
        verified=(),
        not_verified=(),
        parameters_source="none",
        tables=(index.relation,),
        cost_before=1000.0,
        cost_after=10.0,
    )
    made = replace(made, **other)
    return replace(made, content_hash=content_hash(made))


def finding(system: str = SYSTEM, fingerprint: str = FINGERPRINT) -> Finding:
    """A slow query shape."""
    return Finding(system, fingerprint, FindingKind.CARRIES_LOAD, Severity.WARNING, 1, "slow", 0.9, ())


def policy(watch: WatchPolicy | None = None, **limits: Any) -> Policy:
    """Everything allowed, but for what is given."""
    guard = GuardPolicy(**{"autonomy": Autonomy.AUTO, "changes_per_hour_max": 100, **limits})
    return Policy(create_index=guard, watch=watch or WatchPolicy())


def changing(database: Database) -> Callable[[str], psycopg.Connection[Any]]:
    """Sessions of the changing role."""

    def connect(_system: str) -> psycopg.Connection[Any]:
        return psycopg.connect(database.dsn("trimtab_change"), autocommit=True, connect_timeout=10)

    return connect


def make_table(database: Database, rows_count: int = 1000) -> None:
    """`public.orders`, owned by shop_owner, with rows and statistics."""
    database.execute(
        "CREATE TABLE public.orders (id int PRIMARY KEY, customer_id int, status text, total numeric, email text,"
        " created_at timestamptz)",
        "ALTER TABLE public.orders OWNER TO shop_owner",
        "INSERT INTO public.orders SELECT n, n % 97, CASE WHEN n % 50 = 0 THEN 'disputed' ELSE 'paid' END, n % 1000,"
        f" 'User' || n || '@x.example', now() - n * interval '1 minute' FROM generate_series(1, {rows_count}) n",
        "ANALYZE public.orders",
    )


OURS = (
    "SELECT relname, indisvalid AND indisready FROM pg_index JOIN pg_class ON oid = indexrelid"
    " WHERE relname LIKE 'trimtab%' OR NOT indisvalid ORDER BY relname"
)


def ours(database: Database) -> list[tuple[str, bool]]:
    """Names and validity of all indexes on the server that are called ours."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        return connection.execute(OURS).fetchall()


@dataclass
class Rig:
    """A machine on a real database, with a clock and a judge to steer."""

    database: Database
    state: State
    actuator: CreateIndex
    judge: FakeJudge
    clock: FakeClock
    case_id: int
    policy: Policy
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        self.machine = Machine(self.state, [self.actuator], self.judge, self.clock, lambda _system: self.policy)

    def propose(self, **other: Any) -> Change:
        """A new change for the case."""
        return self.machine.propose(self.case_id, proposal(**other))

    def until(self, change_id: str, *states: str, steps_max: int = 10) -> Change:
        """Advance until the change is in one of `states`."""
        for _ in range(steps_max):
            change = self.machine.advance(change_id)
            if change.state.value in states:
                return change
        raise AssertionError(f"still {change.state} after {steps_max} steps: {change.reason}")

    def events(self, change_id: str) -> list[str]:
        """What the ledger tells."""
        return [entry.event for entry in self.state.ledger(change_id)]
