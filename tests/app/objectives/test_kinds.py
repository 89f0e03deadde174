"""Each kind of indicator on a real store: what it counts, and what it says where it cannot count."""

from __future__ import annotations

import pytest

from tests.app.objectives.world import MINUTE_MS, World, only
from trimtab.app.objectives.counting import NO_BAD, NO_BUCKET
from trimtab.model.objectives import BudgetState

pytestmark = pytest.mark.store
HOUR = 60
BLOCKS = tuple(
    f"{kind}_blks_{what}"
    for kind, whats in (("shared", ("hit", "read", "dirtied", "written")), ("temp", ("read", "written")))
    for what in whats
)


def one(source: str, window: str = "1h", target: str = "99%") -> str:
    """An objective on a source."""
    return f"objectives: [{{name: it, target: {target}, window: {window}, {source}}}]"


def test_latency_of_a_classic_histogram_counts_what_its_bucket_counted(world: World) -> None:
    took = world.unique("took_seconds")
    world.counter(f"{took}_bucket", [90.0] * HOUR, {"le": "0.5"})
    world.counter(f"{took}_bucket", [100.0] * HOUR, {"le": "+Inf"})
    world.counter(f"{took}_count", [100.0] * HOUR)
    counts = only(world.counted(one(f"latency: {{histogram: {took}, below: 500ms}}"))).budget.counts
    assert (counts.good, counts.total) == pytest.approx((5400, 6000))


def test_a_threshold_that_is_no_bound_of_the_histogram_is_told_and_nothing_is_counted(world: World) -> None:
    took = world.unique("took_seconds")
    world.counter(f"{took}_bucket", [100.0] * HOUR, {"le": "+Inf"})
    world.counter(f"{took}_count", [100.0] * HOUR)
    found = only(world.counted(one(f"latency: {{histogram: {took}, below: 500ms}}")))
    assert found.problem == NO_BUCKET
    assert found.budget.state is BudgetState.UNMEASURED
    assert found.budget.notices[0] == NO_BUCKET


def test_a_quantile_of_a_histogram_makes_time_slices(world: World) -> None:
    took = world.unique("took_seconds")
    slow = [0.0] * 30 + [50.0] * 30
    fast = [100.0] * 30 + [50.0] * 30
    world.counter(f"{took}_bucket", fast, {"le": "0.1"})
    world.counter(f"{took}_bucket", [f + s for f, s in zip(fast, slow, strict=True)], {"le": "1"})
    world.counter(f"{took}_bucket", [100.0] * HOUR, {"le": "+Inf"})
    counts = only(world.counted(one(f"latency: {took}, slo: p95 < 500ms"))).budget.counts
    assert counts.total == pytest.approx(59, abs=1)
    assert 27 <= counts.bad <= 31


def test_throughput_is_good_where_enough_comes(world: World) -> None:
    done = world.unique("records_processed_total")
    world.counter(done, [90_000.0] * 40 + [6_000.0] * 20)
    counts = only(world.counted(one(f"throughput: {done}, slo: '> 1000 rps'"))).budget.counts
    assert 17 <= counts.bad <= 24, "twenty slow minutes, less those that the rate still remembers faster ones"
    assert counts.total >= 58


def test_counters_that_are_reset_lose_nothing(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    values = [10.0 * n for n in range(31)] + [10.0 * n for n in range(1, 31)]
    world.gauge(total, values)
    world.counter(bad, [1.0] * HOUR)
    counts = only(world.counted(one(f"events: {{bad: {bad}, total: {total}}}"))).budget.counts
    assert (counts.total, counts.bad) == pytest.approx((600, 60))


def test_bad_events_without_a_series_are_doubted_until_there_was_one(world: World) -> None:
    total, bad = world.unique("requests_total"), world.unique("errors_total")
    world.counter(total, [10.0] * HOUR)
    text = one(f"events: {{bad: {bad}, total: {total}}}")
    budget = only(world.counted(text)).budget
    assert budget.counts.bad == 0
    assert NO_BAD in budget.notices
    world.counter(bad, [1.0] * HOUR)
    assert NO_BAD not in only(world.counted(text)).budget.notices


def test_good_events_that_never_came_are_bad_and_no_events_are_no_verdict(world: World) -> None:
    total = world.unique("requests_total")
    world.counter(total, [10.0] * 30 + [0.0] * 30, {"code": "500"})
    counts = only(world.counted(one(f"events: {{good: '{total}{{code=\"200\"}}', total: {total}}}"))).budget.counts
    assert (counts.good, counts.total, counts.measured_slices) == pytest.approx((0, 300, 60))


def test_rates_of_sloth_become_events(world: World) -> None:
    total = world.unique("http_requests")
    world.counter(total, [590.0] * HOUR, {"code": "200"})
    world.counter(total, [10.0] * HOUR, {"code": "503"})
    text = f"""
    version: prometheus/v1
    service: web
    slos:
      - name: availability
        objective: 99.9
        sli:
          events:
            error_query: sum(rate({total}{{code=~"5.."}}[{{{{.window}}}}]))
            total_query: sum(rate({total}[{{{{.window}}}}]))
        alerting: {{name: High}}
    """
    counts = only(world.counted(text, history_days=1)).budget.counts
    assert (counts.total, counts.bad) == pytest.approx((36_000, 600))


def test_what_is_no_promql_for_this_store_is_told(world: World) -> None:
    text = """
    version: prometheus/v1
    service: vm
    slo_plugins: {chain: [{id: sloth.dev/contrib/validate_victoria_metrics/v1}]}
    slos:
      - name: latency
        objective: 99
        sli:
          events: {error_query: "histogram_share(0.2, x[{{.window}}])", total_query: "vector(1)[{{.window}}]"}
        alerting: {name: Slow}
    """
    found = only(world.counted(text, history_days=1))
    assert "parse error" in found.problem
    assert found.budget.state is BudgetState.UNMEASURED


def test_executions_of_statements_are_counted_by_the_looks_at_the_database(world: World) -> None:
    from trimtab.store.tables import table_of

    system = world.unique("db")
    begin = world.now_ms - HOUR * MINUTE_MS
    slices, executions = [], []
    for minute in range(HOUR):
        start_ms = begin + minute * MINUTE_MS
        mean_ms = 5.0 if minute < 45 else 80.0
        times = {"started_at_ms": start_ms, "ended_at_ms": start_ms + 5000}
        slices.append({"system": system, "shapes_count": 1, **times})
        blank = dict.fromkeys((*BLOCKS, "rows", "wal_bytes"), 0)
        spent = {"blk_read_time_ms": 0.0, "blk_write_time_ms": 0.0, "total_exec_time_ms": 20 * mean_ms}
        executions.append({"system": system, "fingerprint": "ab12", "calls": 20, **times, **blank, **spent})
    world.telemetry.write("query_executions", table_of("query_executions", executions))
    world.telemetry.write("query_slices", table_of("query_slices", slices))
    world.telemetry.flush()
    counts = only(world.counted(one(f"latency: {{executions: {{system: {system}}}, below: 50ms}}"))).budget.counts
    assert (counts.good, counts.total, counts.measured_slices) == (900, 1200, 60)
