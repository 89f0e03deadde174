"""The numbers of the loop, the watch and the stores, as their own states tell them. Cheap: asked every ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from trimtab.app.own.metrics import Number
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.observe.postgres.status import WatchState, WatchStatus

if TYPE_CHECKING:
    from trimtab.app.sources.sources import SourceNow
    from trimtab.extend.contracts import Clock
    from trimtab.store.metrics.contract import MetricStore
    from trimtab.store.state import State
    from trimtab.store.telemetry import TelemetryStore
from trimtab.store.traces.door import REASONS

_UP = frozenset({WatchState.WATCHING, WatchState.DEGRADED})


def loop_numbers(state: State) -> Iterator[Number]:
    """Cases, changes and the ledger."""
    [row] = state.database.rows(
        "SELECT (SELECT count(*) FROM systems) AS systems, (SELECT coalesce(max(seq), 0) FROM ledger) AS entries,"
        " (SELECT count(*) FROM cases WHERE state <> 'closed') AS cases"
    )
    alive = state.changes(alive=True)
    flying = sum(change.state.is_in_flight for change in alive)
    yield Number("trimtab_systems_watched", row["systems"])
    yield Number("trimtab_cases_open", row["cases"])
    yield Number("trimtab_changes_in_flight", flying)
    yield Number("trimtab_changes_waiting", len(alive) - flying)
    yield Number("trimtab_frozen", state.kill_switch() is not None)
    yield Number("trimtab_ledger_entries_total", row["entries"])


def watch_numbers(statuses: Callable[[], Iterable[WatchStatus]], clock: Clock) -> Iterator[Number]:
    """Of each watched system: whether it is seen, and what looking costs."""
    for status in statuses():
        system = {"system": status.system}
        yield Number("trimtab_watch_up", status.state in _UP, system)
        if status.last_look_at_ms is not None:
            yield Number("trimtab_watch_age_seconds", (clock.now_ms() - status.last_look_at_ms) / 1000, system)
        yield Number("trimtab_watch_cost_ratio", status.cost.share, system)
        yield Number("trimtab_watch_cost_seconds_total", status.cost.total_s, system)
        yield Number("trimtab_watch_looks_total", status.looks_count, system)
        yield Number("trimtab_watch_looks_skipped_total", status.skipped_count, system)


def store_numbers(telemetry: TelemetryStore, clock: Clock) -> Iterator[Number]:
    """What waits, what was taken, what was refused."""
    status = telemetry.status()
    oldest_ms = status.oldest_unloaded_at_ms
    yield Number("trimtab_spool_bytes", status.spool_bytes)
    yield Number("trimtab_spool_bytes_max", status.spool_bytes_max)
    yield Number("trimtab_spool_age_seconds", 0.0 if oldest_ms is None else (clock.now_ms() - oldest_ms) / 1000)
    for table_name, count in status.accepted_messages_count.items():
        yield Number("trimtab_messages_accepted_total", count, {"table": table_name})
    for table_name, count in status.loaded_messages_count.items():
        yield Number("trimtab_messages_loaded_total", count, {"table": table_name})
    yield Number("trimtab_messages_refused_total", status.refused_full_count)
    yield Number("trimtab_quarantine_messages", status.quarantined_count)
    yield Number("trimtab_quarantine_bytes", status.quarantine_bytes)
    yield Number("trimtab_spans_outdated_total", status.outdated_spans_count)
    for reason in REASONS[1:]:
        yield Number("trimtab_spans_refused_total", status.refused_spans.get(reason, 0), {"reason": reason})
    yield Number("trimtab_spans_sampled_out_total", status.sampled_out_spans_count)
    yield Number("trimtab_span_operations_overflow_total", status.operations_overflow_count)
    for signal, size_bytes in status.signal_bytes.items():
        yield Number("trimtab_signal_disk_bytes", size_bytes, {"signal": signal})
    for signal, count in status.dropped_rows.items():
        yield Number("trimtab_rows_dropped_for_room_total", count, {"signal": signal})


def log_numbers(telemetry: TelemetryStore, tails_count: Callable[[], int]) -> Iterator[Number]:
    """What came in as logs, and what of it was not taken. The usual reasons are told from 0 on."""
    counts = telemetry.logs.counts()
    yield Number("trimtab_log_records_received_total", counts.stored_count)
    for reason, count in counts.refused.items():
        yield Number("trimtab_log_records_refused_total", count, {"reason": reason})
    for reason, count in counts.refused_bodies.items():
        yield Number("trimtab_log_bodies_refused_total", count, {"reason": reason})
    yield Number("trimtab_log_tails", tails_count())


def forwarding_numbers(listed: Callable[[], Iterable[SourceNow]]) -> Iterator[Number]:
    """What is written to other stores as well."""
    for one in listed():
        if one.forwarded is None:
            continue
        to, told = {"signal": one.signal, "source": one.name}, one.forwarded
        for result, count in (
            ("written", told.written_count),
            ("refused", told.refused_count),
            ("lost", told.lost_count),
        ):
            yield Number("trimtab_forwarded_rows_total", count, {**to, "result": result})
        yield Number("trimtab_forwarding_waiting_rows", told.waiting_count, to)


def ingest_numbers(metrics: MetricsIn) -> Iterator[Number]:
    """What came in over remote write and OTLP, and what of it was not taken. The usual reasons are told from 0 on."""
    counts = metrics.counts
    for protocol, count in counts.taken.items():
        yield Number("trimtab_samples_received_total", count, {"protocol": protocol})
    for (protocol, reason), count in counts.refused.items():
        yield Number("trimtab_samples_refused_total", count, {"protocol": protocol, "reason": reason})
    for (protocol, reason), count in counts.bodies.items():
        yield Number("trimtab_metric_bodies_refused_total", count, {"protocol": protocol, "reason": reason})
    yield Number("trimtab_metric_bodies_inflight_bytes", metrics.room.taken_bytes)


def metric_numbers(metrics: MetricStore | None) -> Iterator[Number]:
    """How many series and samples there are, and where they are; nothing of a store without metrics."""
    if metrics is None:
        return
    status = metrics.status()
    yield Number("trimtab_series", status.series_count)
    yield Number("trimtab_series_max", status.series_count_max)
    yield Number("trimtab_series_retired_total", status.retired_series_count)
    for reason, count in status.refused_series.items():
        yield Number("trimtab_series_refused_total", count, {"reason": reason})
    yield Number("trimtab_hot_window_bytes", status.hot.size_bytes)
    yield Number("trimtab_hot_window_bytes_max", status.hot.size_bytes_max)
    yield Number("trimtab_hot_window_seconds", status.hot.span_ms / 1000)
    yield Number("trimtab_metrics_disk_bytes", status.disk_bytes)
    yield Number("trimtab_metrics_rolled_to_seconds", status.rolled_to_ms / 1000)
    yield Number("trimtab_metrics_windows_rolled_total", status.rolled_windows_count, {"kind": "first"})
    yield Number("trimtab_metrics_windows_rolled_total", status.rolled_again_count, {"kind": "again"})
    yield Number("trimtab_metrics_rollup_failing", int(status.rollup_error is not None))
