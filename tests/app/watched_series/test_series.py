"""Facts of watched systems become series: sums, a histogram of means, gauges with base units; bounded in number."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.empty_store import make_tables
from trimtab.app.querying import Querying, Wish
from trimtab.app.watched_series import names
from trimtab.app.watched_series.series import WatchedSeries
from trimtab.observe.postgres.cost import CostMeter
from trimtab.observe.postgres.status import WatchState, WatchStatus
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
Row = dict[str, object]


class Clock:
    """A clock that a test sets; `now_ms` begins at a moment that the store takes."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTelemetry]:
    """One store; each test has systems of its own in it."""
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("series"))) as opened:
        yield opened


def made(store: EmbeddedTelemetry, clock: Clock, system: str, state: WatchState = WatchState.WATCHING) -> WatchedSeries:
    """Series of one system that was just looked at."""

    def statuses() -> list[WatchStatus]:
        return [WatchStatus(system, state, "", {}, CostMeter(0.01).own_cost(), last_look_at_ms=clock.now_ms)]

    return WatchedSeries(lambda: store.metrics, statuses, lambda: clock.now_ms)


def execution(system: str, calls: int, total_ms: float, at_ms: int) -> Row:
    """A row of `query_executions`."""
    zeros = dict.fromkeys(
        (
            *("rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written"),
            *("temp_blks_read", "temp_blks_written", "blk_read_time_ms", "blk_write_time_ms", "wal_bytes"),
        ),
        0,
    )
    named = {"system": system, "fingerprint": "ab12", "started_at_ms": at_ms - 5000, "ended_at_ms": at_ms}
    return zeros | named | {"calls": calls, "total_exec_time_ms": total_ms, "rows": calls}


def asked(store: EmbeddedTelemetry, query: str, at_ms: int) -> dict[str, float]:
    """Values by what tells the series apart."""
    answer = Querying(lambda: store.metrics).instant(query, at_ms, Wish(), lambda: False)
    return {
        ",".join(f"{key}={value}" for key, value in labels if key not in ("__name__", "instance", "job")): float(
            value[0]
        )
        for labels, value in zip(answer.labels, answer.values, strict=True)
    }


def test_statements_are_summed_and_their_means_are_a_histogram(store: EmbeddedTelemetry, now_ms: int) -> None:
    clock = Clock(now_ms)
    series = made(store, clock, "sums")
    series.statements(table_of("query_executions", [execution("sums", 95, 95 * 3.0, now_ms)]))
    series.flush()
    clock.now_ms += 60_000
    slow = [execution("sums", 95, 95 * 3.0, now_ms), execution("sums", 20, 20 * 700.0, now_ms)]
    series.statements(table_of("query_executions", slow))
    series.flush()
    at_ms = clock.now_ms
    assert asked(store, 'pg_stat_statements_calls_total{instance="sums"}', at_ms) == {"": 210.0}
    assert asked(store, 'pg_stat_statements_seconds_total{instance="sums"}', at_ms)[""] == pytest.approx(14.57)
    found = asked(
        store, 'trimtab_postgres_query_duration_seconds_bucket{instance="sums",le=~"0.0025|0.005|1|[+]Inf"}', at_ms
    )
    assert found == {"le=0.0025": 0.0, "le=0.005": 190.0, "le=1": 210.0, "le=+Inf": 210.0}
    late = "histogram_quantile(0.95, sum by (le) (increase(trimtab_postgres_query_duration_seconds_bucket[2m])))"
    assert 0.5 < asked(store, late, at_ms)[""] <= 1.0, "20 of 210 statements took 700 ms"


def test_numbers_of_the_server_are_in_base_units_and_an_outage_is_told(store: EmbeddedTelemetry, now_ms: int) -> None:
    clock = Clock(now_ms)
    series = made(store, clock, "server")
    rows: list[Row] = [
        {"system": "server", "sampled_at_ms": now_ms, "name": name, "value": value, "unit": ""}
        for name, value in {
            "replica_lag_ms_max": 1500.0,
            "connections": 7.0,
            "deadlocks": 2.0,
            "unheard_of": 1.0,
        }.items()
    ]
    series.server(table_of("server_statistics", rows))
    series.server(table_of("server_statistics", rows))
    series.flush()
    assert asked(store, 'trimtab_postgres_replica_lag_seconds{instance="server"}', now_ms) == {"": 1.5}
    assert asked(store, 'pg_stat_database_deadlocks{instance="server"}', now_ms) == {"": 4.0}
    assert asked(store, 'pg_up{instance="server"}', now_ms) == {"": 1.0}
    [told] = store.metrics.metadata("pg_stat_database_deadlocks")
    assert (told.kind, told.help) == ("counter", "Deadlocks.")
    down = made(store, clock, "server", WatchState.UNREACHABLE)
    clock.now_ms += 5_000
    down.flush()
    assert asked(store, 'pg_up{instance="server"}', clock.now_ms) == {"": 0.0}


def test_the_first_change_of_a_plan_is_an_increase(store: EmbeddedTelemetry, now_ms: int) -> None:
    clock = Clock(now_ms)
    series = made(store, clock, "plans")
    series.statements(table_of("query_executions", [execution("plans", 5, 5.0, now_ms)]))
    series.flush()
    clock.now_ms += 60_000
    event = {"system": "plans", "happened_at_ms": clock.now_ms, "message": "plan of ab12 changed: now b"}
    other = event | {"kind": "setting_changed"}
    series.events(table_of("server_events", [event | {"kind": "plan_changed"}, other]))
    series.flush()
    asking = 'increase(trimtab_postgres_plan_changes_total{instance="plans"}[5m]) > 0'
    assert asked(store, 'trimtab_postgres_plan_changes_total{instance="plans"}', clock.now_ms) == {"": 1.0}
    assert asked(store, asking, clock.now_ms)


def test_the_number_of_series_is_bounded_and_what_is_over_is_zero(store: EmbeddedTelemetry, now_ms: int) -> None:
    clock = Clock(now_ms)
    series = made(store, clock, "many")
    columns = (
        "n_live_tup",
        "n_dead_tup",
        "seq_scan",
        "seq_tup_read",
        "idx_scan",
        "n_tup_ins",
        "n_tup_upd",
        "n_tup_del",
    )
    zeros = dict.fromkeys((*columns, "n_tup_hot_upd", "indexes_bytes"), 0)
    named = [{"relation": f"public.t{number}", "relation_bytes": number} for number in range(300)]
    at = {"system": "many", "sampled_at_ms": now_ms}
    series.tables(table_of("table_statistics", [zeros | one | at for one in named]))

    def session(state: str, at_ms: int) -> Row:
        doing = {"fingerprint": "", "state": state, "wait_event_type": "", "wait_event": "", "duration_ms_max": 0.0}
        return {"system": "many", "sampled_at_ms": at_ms, "sessions_count": 3, **doing}

    series.activity(table_of("activity_samples", [session("active", now_ms), session("idle", now_ms + 1000)]))
    series.flush()
    tables = asked(store, 'pg_table_size_bytes{instance="many"}', now_ms)
    assert len(tables) == names.TABLES_MAX
    assert min(tables.values()) == 200, "the biggest ones"
    waits = {f"state=active,wait_event_type={kind}": 0.0 for kind in names.WAITS}
    assert asked(store, 'pg_stat_activity_count{instance="many"}', now_ms) == {
        "state=active": 0.0,
        "state=idle": 3.0,
        **waits,
    }


def test_a_counters_sample_is_as_old_as_its_newest_fact_and_is_not_repeated_at_once(
    store: EmbeddedTelemetry, now_ms: int
) -> None:
    clock = Clock(now_ms)
    series = made(store, clock, "facts")
    for later_ms, ended_ms in ((1_000, 200), (2_000, None), (3_000, 2_500), (70_000, None)):
        clock.now_ms = now_ms + later_ms
        if ended_ms is not None:
            series.statements(table_of("query_executions", [execution("facts", 10, 10.0, now_ms + ended_ms)]))
        series.flush()
    found = asked(store, 'count_over_time(pg_stat_statements_calls_total{instance="facts"}[2m])', clock.now_ms)
    assert found == {"": 3.0}, "two facts, and once more after a minute"
    asking = 'timestamp(pg_stat_statements_calls_total{instance="facts"})'
    assert asked(store, asking, now_ms + 2_400)[""] * 1000 == pytest.approx(now_ms + 200)
    assert asked(store, asking, now_ms + 3_000)[""] * 1000 == pytest.approx(now_ms + 2_500)


@pytest.fixture
def now_ms() -> int:
    """A moment that the store takes."""
    return time.time_ns() // 1_000_000
