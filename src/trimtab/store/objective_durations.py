"""Counts by the minute of durations that are rows: spans, and executions of statements, up to a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.objectives import SLICE_MS, DurationsSli
from trimtab.store.engine import Merge

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from trimtab.store.telemetry import TelemetryStore

_SPANS = (
    "SELECT intDiv(started_at_ns, 60000000000) AS minute,"
    " toFloat64(sumIf(sample_weight, duration_ms <= {threshold:Float64})) AS good,"
    " toFloat64(sum(sample_weight)) AS total FROM spans"
    " WHERE started_at_ns >= {start:Int64} * 1000000 AND started_at_ns < {end:Int64} * 1000000"
    " AND ({fingerprint:String} = '' OR db_query_fingerprint = {fingerprint:String})"
    " AND ({service:String} = '' OR service_name = {service:String})"
    " AND ({operation:String} = '' OR name = {operation:String}) GROUP BY minute"
)
_EXECUTIONS = (
    "SELECT intDiv(started_at_ms, 60000) AS minute,"
    " toFloat64(sumIf(calls, total_exec_time_ms <= {threshold:Float64} * calls)) AS good,"
    " toFloat64(sum(calls)) AS total"
    " FROM query_executions WHERE system = {system:String} AND started_at_ms >= {start:Int64}"
    " AND started_at_ms < {end:Int64} AND ({fingerprint:String} = '' OR fingerprint = {fingerprint:String})"
    " GROUP BY minute"
)
_LOOKED = (
    "SELECT DISTINCT intDiv(started_at_ms, 60000) AS minute FROM query_slices"
    " WHERE system = {system:String} AND started_at_ms >= {start:Int64} AND started_at_ms < {end:Int64}"
)


def durations(
    telemetry: TelemetryStore, sli: DurationsSli, start_ms: int, slices_count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Good and all events of `slices_count` minutes from `start_ms` on, and which minutes were measured.

    A minute without a span is unknown; one without an execution is measured where the database was looked at.
    """
    window = {"start": start_ms, "end": start_ms + slices_count * SLICE_MS}
    named = {"threshold": sli.threshold_ms, "fingerprint": sli.fingerprint}
    first = start_ms // SLICE_MS
    good, total = np.zeros(slices_count), np.zeros(slices_count)
    measured = np.zeros(slices_count, np.bool_)
    if sli.source == "spans":
        spans = {**window, **named, "service": sli.service, "operation": sli.operation}
        found = telemetry.gather(_SPANS, spans, Merge(group_by=("minute",))).table
    else:
        found = telemetry.query(_EXECUTIONS, {**window, **named, "system": sli.system})
        measured[_minutes(telemetry.query(_LOOKED, {**window, "system": sli.system}), first)] = True
    places = _minutes(found, first)
    good[places], total[places] = found["good"].to_numpy(), found["total"].to_numpy()
    measured[places] = True
    return good, total, measured


def _minutes(table: pa.Table, first: int) -> NDArray[np.int64]:
    return np.asarray(table["minute"].to_numpy(), np.int64) - first
