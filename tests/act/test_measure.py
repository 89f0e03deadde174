"""The judge on simulated slices: what it keeps, takes back, waits for, and refuses to judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest

from trimtab.act.comparison import take
from trimtab.act.measure import EffectJudge
from trimtab.model.change import Change, ChangeState, JudgementKind, Proposal, Risk
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.policy import Policy, WatchPolicy
from trimtab.model.query import QueryShape
from trimtab.sql.fingerprint import shape_of
from trimtab.store.engine import Gathered, Merge
from trimtab.store.facts import LatencySummary, OtlpAck, SliceTable, TelemetryStatus
from trimtab.store.logs.contract import LogStore

BEFORE, AFTER = 120, 60
APPLY_STARTED_MS, APPLIED_MS = BEFORE * 1000, BEFORE * 1000 + 3000
POLICY = Policy(
    watch=WatchPolicy(
        slice_s=1.0, warm_up_slices=0, baseline_slices_min=90, baseline_slices_max=120, watch_slices_max=60
    )
)


@dataclass
class Recorded:
    """A telemetry store that answers from arrays: the judge's arithmetic is tested, not the engine."""

    table: SliceTable
    known: tuple[QueryShape, ...] = ()
    longest_ms: float = 0.0
    spans_until_ms: int | None = None

    def slices(self, system: str, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None) -> SliceTable:
        inside = (self.table.started_at_ms >= start_ms) & (self.table.ended_at_ms <= end_ms)
        return take(self.table, np.flatnonzero(inside))

    def latency(
        self, fingerprint: str, start_ms: int, end_ms: int, quantiles: Sequence[float] = (0.5,)
    ) -> LatencySummary:
        if self.spans_until_ms is None:
            return LatencySummary(0, tuple(quantiles), None, None)
        count = max(0, min(end_ms, self.spans_until_ms) - start_ms) * 5 // 1000  # five calls a second, one span each
        return LatencySummary(count, tuple(quantiles), tuple(100.0 for _ in quantiles), 100.0)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        return pa.table({"longest": [self.longest_ms]})

    def write(self, table_name: str, table: pa.Table) -> None:
        raise AssertionError("the judge only reads")

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        raise AssertionError("the judge only reads")

    def stored_to(self, table_name: str) -> int:
        raise AssertionError("the judge only reads")

    def flush(self, timeout_s: float = 30.0) -> None:
        raise AssertionError("the judge only reads")

    def shapes(self, system: str) -> tuple[QueryShape, ...]:
        return self.known

    def gather(self, sql: str, parameters: Mapping[str, object] | None = None, merge: Merge | None = None) -> Gathered:
        raise AssertionError("the judge asks for nothing that is spread")

    @property
    def logs(self) -> LogStore:
        raise NotImplementedError

    @property
    def is_spread(self) -> bool:
        return False

    def marks(self) -> Mapping[str, int]:
        return {}

    def listen(self, table_name: str, heard: Callable[[pa.Table], None]) -> None:
        raise AssertionError("the judge only reads")

    def status(self) -> TelemetryStatus:
        raise AssertionError("the judge only reads")

    def close(self) -> None:
        raise AssertionError("the judge only reads")


QUERIES = {
    "target": "SELECT * FROM orders WHERE customer_id = 1",
    "neighbour": "INSERT INTO orders (id) VALUES (1)",
    "c1": "SELECT * FROM users WHERE id = 1",
    "c2": "SELECT * FROM products WHERE id = 1",
    "c3": "UPDATE payments SET state = 'x' WHERE id = 1",
    "c4": "SELECT * FROM events WHERE id = 1",
}
SHAPES = {name: replace(shape_of("shop", sql), fingerprint=name) for name, sql in QUERIES.items()}


def world(*, target: float = 1.0, neighbour: float = 1.0, drift_after: float = 1.0, seed: int = 1) -> Recorded:
    """Slices of one second: 120 before the change, 3 during the build, 60 after; ratios apply after it."""
    rng = np.random.default_rng(seed)
    count = BEFORE + 3 + AFTER
    drift = np.cumsum(rng.normal(0, 0.02, count))
    after = np.arange(count) >= BEFORE
    drift = drift + np.where(after, math.log(drift_after), 0.0)
    base = {"target": 100.0, "neighbour": 5.0}
    factor = {"target": target, "neighbour": neighbour}
    names = tuple(sorted(SHAPES))
    means = np.array(
        [
            base.get(n, 1.0)
            * np.exp(drift + rng.normal(0, 0.1, count) + np.where(after, math.log(factor.get(n, 1)), 0))
            for n in names
        ]
    )
    calls = np.full(means.shape, 5, dtype=np.int64)
    start = np.arange(count, dtype=np.int64) * 1000
    return Recorded(SliceTable(names, start, start + 1000, calls, means * calls, calls))


def proposal() -> Proposal:
    return Proposal(
        system="shop",
        fingerprint="target",
        kind="create_index",
        target="public.orders",
        index=IndexDefinition("public", "orders", (IndexKey("customer_id"),)),
        summary="index",
        predicted_ratio=0.1,
        predicted_interval_90=(0.05, 0.5),
        interval_source="test",
        gain_ms_per_s=400.0,
        write_cost_ms_per_s=1.0,
        size_bytes=1,
        build_time_s=1.0,
        risk=Risk.LOW,
        risk_reasons=(),
        verified=(),
        not_verified=(),
        parameters_source="test",
        tables=("public.orders",),
        cost_before=100.0,
        cost_after=10.0,
    )


def change() -> Change:
    return Change(
        id="c1",
        case_id=1,
        system="shop",
        proposal=proposal(),
        state=ChangeState.WATCHING,
        created_at_ms=0,
        updated_at_ms=0,
        apply_started_at_ms=APPLY_STARTED_MS,
        applied_at_ms=APPLIED_MS,
    )


def judge_of(recorded: Recorded, *spans: tuple[int, int]) -> EffectJudge:
    return EffectJudge(recorded, lambda _system: SHAPES, lambda _system, _change: spans)


def run(recorded: Recorded, policy: Policy = POLICY) -> tuple[JudgementKind, int, str]:
    """Look once a second until it is decided; the verdict, the slices it took, the reason."""
    judge = judge_of(recorded)
    for seen in range(AFTER + 1):
        found = judge.judge(change(), policy, APPLIED_MS + seen * 1000)
        if found.kind is not JudgementKind.UNDECIDED:
            return found.kind, seen, found.reason
    return found.kind, AFTER, found.reason


def test_a_faster_query_is_kept_while_the_whole_machine_gets_slower() -> None:
    kind, seen, reason = run(world(target=0.3, drift_after=2.0))
    assert (kind, seen) == (JudgementKind.KEEP, 24), reason


def test_a_slower_query_is_rolled_back_while_the_whole_machine_gets_faster() -> None:
    kind, seen, reason = run(world(target=2.0, drift_after=0.7))
    assert (kind, seen) == (JudgementKind.ROLL_BACK, 24), reason
    assert "proven slower" in reason


def test_a_change_that_changes_nothing_ends_inconclusive() -> None:
    kind, seen, reason = run(world(drift_after=1.5))
    assert (kind, seen) == (JudgementKind.INCONCLUSIVE, AFTER), reason


def test_harm_to_another_query_of_the_table_rolls_back_although_the_target_gained() -> None:
    kind, _, reason = run(world(target=0.2, neighbour=1.8))
    assert kind is JudgementKind.ROLL_BACK
    assert "neighbour" in reason


def test_a_small_absolute_harm_is_the_price_that_was_named() -> None:
    policy = replace(POLICY, watch=replace(POLICY.watch, harm_mean_ms_min=50.0))
    kind, _, _ = run(world(target=0.2, neighbour=1.8), policy)
    assert kind is JudgementKind.KEEP


def test_the_effect_says_what_it_rests_on() -> None:
    found = judge_of(world(target=0.3)).judge(change(), POLICY, APPLIED_MS + 24_000)
    effect = found.effect
    assert effect is not None
    assert effect.interval_90[0] < 0.3 < effect.interval_90[1]
    assert set(effect.controls) == {"c1", "c2", "c3", "c4"}
    assert (effect.before_end_ms, effect.after_start_ms) == (APPLY_STARTED_MS, APPLIED_MS)
    assert (effect.slices_before, effect.slices_after) == (120, 24)
    assert effect.raw_ratio == pytest.approx(effect.mean_after_ms / effect.mean_before_ms)
    assert effect.p95_before_ms is None
    assert found.total_gain_ms_per_s == pytest.approx(5 * 70, rel=0.25)


def test_a_query_that_never_comes_back_trips_the_guard_at_once() -> None:
    recorded = world(target=0.3)
    recorded.longest_ms = 4000.0
    found = judge_of(recorded).judge(change(), POLICY, APPLIED_MS + 5_000)
    assert found.kind is JudgementKind.ROLL_BACK
    assert "4000 ms" in found.reason
    assert "limit is" in found.reason


def test_without_controls_nothing_is_judged_raw() -> None:
    recorded = world(target=0.1)
    judge = EffectJudge(
        recorded, lambda _system: {n: s for n, s in SHAPES.items() if n in ("target", "c1")}, lambda _s, _c: ()
    )
    early = judge.judge(change(), POLICY, APPLIED_MS + 30_000)
    late = judge.judge(change(), POLICY, APPLIED_MS + 60_000)
    assert (early.kind, late.kind) == (JudgementKind.UNDECIDED, JudgementKind.INCONCLUSIVE)
    assert "1 untouched shapes" in early.reason


def test_the_level_is_read_after_the_last_other_change_and_the_noise_from_all_quiet_stretches() -> None:
    recorded = world(target=0.3)
    recorded.table.total_exec_time_ms[recorded.table.row_of("target"), :40] *= 50.0  # before another change
    found = judge_of(recorded, (40_000, 46_000)).judge(change(), POLICY, APPLIED_MS + 24_000)
    assert found.kind is JudgementKind.KEEP, found.reason
    assert found.effect is not None
    assert (found.effect.before_start_ms, found.effect.slices_before) == (46_000, 74)
    assert found.effect.interval_90[0] < 0.3 < found.effect.interval_90[1]


def test_it_waits_until_the_last_change_has_settled() -> None:
    recorded = world()
    assert judge_of(recorded).ready(proposal(), POLICY, APPLY_STARTED_MS) is None
    assert judge_of(recorded, (40_000, 70_000)).ready(proposal(), POLICY, APPLY_STARTED_MS) == (
        "50 slices of 1 s at today's level, 60 are needed"
    )
    assert judge_of(recorded, (20_000, 55_000)).ready(proposal(), POLICY, APPLY_STARTED_MS) == (
        "the baseline has 85 slices of 1 s, 90 are needed"
    )


def test_a_slice_that_spans_a_gap_is_left_out() -> None:
    recorded = world(target=0.3)
    table = recorded.table
    start = table.started_at_ms.copy()
    start[50] -= 10_000
    recorded.table = replace(table, started_at_ms=start)
    found = judge_of(recorded).judge(change(), POLICY, APPLIED_MS + 24_000)
    assert found.effect is not None
    assert found.effect.slices_before == 119


def test_a_verdict_waits_for_the_spans_but_not_for_ever() -> None:
    recorded = world(target=0.3)
    recorded.spans_until_ms = APPLIED_MS + 18_000
    judge = judge_of(recorded)
    early = judge.judge(change(), POLICY, APPLIED_MS + 25_000)
    assert (early.kind, early.reason) == (JudgementKind.UNDECIDED, "decided; the last spans are on their way")
    recorded.spans_until_ms = APPLIED_MS + 24_000
    found = judge.judge(change(), POLICY, APPLIED_MS + 29_500)
    assert found.kind is JudgementKind.KEEP
    assert found.effect is not None
    assert found.effect.slices_after == 24  # decided then: what came in while it waited is not counted
    assert found.effect is not None
    assert found.effect.p95_after_ms == 100.0
    recorded.spans_until_ms = APPLIED_MS + 18_000
    late = replace(POLICY, watch=replace(POLICY.watch, watch_slices_max=24))
    assert judge_of(recorded).judge(change(), late, APPLIED_MS + 37_000).kind is JudgementKind.KEEP


def test_the_first_slices_after_a_change_are_not_judged() -> None:
    recorded = world(target=0.3)
    row = recorded.table.row_of("target")
    first = recorded.table.started_at_ms >= APPLIED_MS
    first &= recorded.table.started_at_ms < APPLIED_MS + 6000
    recorded.table.total_exec_time_ms[row, first] *= 15.0  # cold caches
    warm = replace(POLICY, watch=replace(POLICY.watch, warm_up_slices=6))
    found = judge_of(recorded).judge(change(), warm, APPLIED_MS + 30_000)
    assert found.kind is JudgementKind.KEEP, found.reason
    assert found.effect is not None
    assert found.effect.after_start_ms == APPLIED_MS + 6000


def test_a_query_that_became_slow_a_while_ago_is_compared_with_its_new_level() -> None:
    recorded = world(target=0.1)
    row = recorded.table.row_of("target")
    recorded.table.total_exec_time_ms[row, :48] /= 20.0  # an index was dropped in second 48
    judge = judge_of(recorded)
    found = judge.judge(change(), POLICY, APPLIED_MS + 24_000)
    assert found.kind is JudgementKind.KEEP, found.reason
    assert found.effect is not None
    assert found.effect.before_start_ms == 48_000
    assert found.effect.interval_90[0] < 0.1 < found.effect.interval_90[1]
    early = judge.ready(proposal(), POLICY, 100_000)
    assert early == "52 slices of 1 s at today's level, 60 are needed"
