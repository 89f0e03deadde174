"""What telemetry says about the use of systems, about runs of pipelines in spans, and about how long requests took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trimtab.model.errors import StoreError
from trimtab.model.pipelines import PipelineRun, RunSource, RunStatus
from trimtab.store.business_state import KeptUse

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

HOUR_MS = 3_600_000
SPANS_MAX = 10_000
_HOUR = "intDiv({0}, 3600000) * 3600000"

_EXECUTIONS = (
    f"SELECT system, {_HOUR.format('started_at_ms')} AS hour_ms, sum(greatest(total_exec_time_ms - blk_read_time_ms"
    " - blk_write_time_ms, 0)) AS processor_ms, sum(shared_blks_read + shared_blks_written + temp_blks_read"
    " + temp_blks_written) AS blocks FROM query_executions"
    " WHERE started_at_ms >= {from:Int64} AND started_at_ms < {to:Int64} GROUP BY system, hour_ms"
)
_SLICES = (
    f"SELECT system, {_HOUR.format('started_at_ms')} AS hour_ms, sum(ended_at_ms - started_at_ms) AS observed_ms"
    " FROM query_slices WHERE started_at_ms >= {from:Int64} AND started_at_ms < {to:Int64} GROUP BY system, hour_ms"
)
_STORAGE = (
    f"SELECT system, {_HOUR.format('sampled_at_ms')} AS hour_ms, avg(value) AS bytes FROM server_statistics"
    " WHERE name = 'database_bytes' AND sampled_at_ms >= {from:Int64} AND sampled_at_ms < {to:Int64}"
    " GROUP BY system, hour_ms"
)


def use_between(store: TelemetryStore, from_ms: int, to_ms: int) -> list[KeptUse]:
    """What systems used in each hour that begins in `[from_ms, to_ms)` (whole hours), as far as they were looked at.

    Processor time is the execution time of statements without the time that they waited for blocks, where the server
    measures that (`track_io_timing`); requests are blocks that statements read and wrote, temporary ones, too.
    """
    window: dict[str, object] = {"from": from_ms, "to": to_ms}
    executions = {(row["system"], row["hour_ms"]): row for row in store.query(_EXECUTIONS, window).to_pylist()}
    storage = {(row["system"], row["hour_ms"]): row["bytes"] for row in store.query(_STORAGE, window).to_pylist()}
    found = []
    for row in store.query(_SLICES, window).to_pylist():
        key = (row["system"], row["hour_ms"])
        did = executions.get(key)
        found.append(
            KeptUse(
                system=key[0],
                hour_ms=key[1],
                processor_s=0.0 if did is None else did["processor_ms"] / 1000,
                io_requests=0.0 if did is None else float(did["blocks"]),
                storage_bytes=storage.get(key),
                measured_ratio=min(row["observed_ms"] / HOUR_MS, 1.0),
            )
        )
    return sorted(found, key=lambda use: (use.hour_ms, use.system))


_IS_RUN = (
    "(arrayExists(k -> mapContains(attributes, k), {attributes:Array(String)})"
    " OR arrayExists(p -> startsWith(name, p), {prefixes:Array(String)}))"
)
_RUNS = (
    "SELECT trace_id, span_id, toString(name) AS name, started_at_ns, duration_ms, toString(status) AS status,"
    " toString(status_message) AS message, arrayFirst(v -> v <> '', arrayMap(k -> attributes[k],"
    " {attributes:Array(String)})) AS named, attributes['performance.status'] AS said"
    f" FROM spans WHERE spool_segment > {{after:UInt64}} AND spool_segment <= {{to:UInt64}}"
    f" AND started_at_ns >= {{from:Int64}} AND {_IS_RUN}"
    f" ORDER BY started_at_ns DESC LIMIT {SPANS_MAX}"
)
_DATABASE = (
    "SELECT trace_id, sum(duration_ms) AS ms FROM spans WHERE trace_id IN {traces:Array(String)}"
    " AND db_query_fingerprint <> '' AND started_at_ns >= {from:Int64} GROUP BY trace_id"
)


def span_runs(
    store: TelemetryStore, attributes: Sequence[str], prefixes: Sequence[str], after: int, to: int, from_ms: int
) -> list[PipelineRun]:
    """Runs whose spans came with the segments behind `after` up to `to`, and began after `from_ms`.

    A span with one of the attributes is a run of the pipeline that the attribute names; one whose name begins with a
    prefix, of what follows it. Time in databases is the sum of spans with a statement in the same trace. Of more than
    `SPANS_MAX` the newest come. StoreError where a shard does not answer.
    """
    if after >= to or not (attributes or prefixes):
        return []
    parameters: dict[str, object] = {
        "attributes": list(attributes),
        "prefixes": list(prefixes),
        "after": after,
        "to": to,
        "from": from_ms * 1_000_000,
    }
    rows = _of_all(store, _RUNS, parameters)
    database: dict[str, float] = {}
    if rows:
        traces = sorted({row["trace_id"] for row in rows})
        asked = {"traces": traces, "from": from_ms * 1_000_000}
        for row in _of_all(store, _DATABASE, asked):
            database[row["trace_id"]] = database.get(row["trace_id"], 0.0) + row["ms"]
    runs = [_run(row, prefixes, database) for row in rows]
    return [run for run in runs if run.pipeline]


def _of_all(store: TelemetryStore, sql: str, parameters: dict[str, object]) -> list[dict[str, Any]]:
    """Rows of all shards; half of them would be taken for all."""
    gathered = store.gather(sql, parameters)
    if gathered.missing:
        raise StoreError(f"not everybody answered: {'; '.join(gathered.missing)}")
    rows: list[dict[str, Any]] = gathered.table.to_pylist()
    return rows


def _run(row: dict[str, object], prefixes: Sequence[str], database: dict[str, float]) -> PipelineRun:
    name, trace_id = str(row["name"]), str(row["trace_id"])
    prefix = next((one for one in prefixes if name.startswith(one)), "")
    started_ms = int(str(row["started_at_ns"])) // 1_000_000
    duration_ms = float(str(row["duration_ms"]))
    failed = row["status"] == "error" or row["said"] == "error"
    return PipelineRun(
        source=RunSource.SPANS,
        pipeline=str(row["named"]) or name.removeprefix(prefix),
        run_id=f"{trace_id}:{row['span_id']}",
        status=RunStatus.FAILED if failed else RunStatus.SUCCESS,
        started_at_ms=started_ms,
        ended_at_ms=round(started_ms + duration_ms),
        duration_ms=duration_ms,
        database_ms=database.get(trace_id),
        told=str(row["message"]) if failed else "",
    )


_APDEX = (
    "SELECT sumIf(sample_weight, status <> 'error' AND duration_ms <= {target:Float64}) AS satisfied,"
    " sumIf(sample_weight, status <> 'error' AND duration_ms > {target:Float64}"
    " AND duration_ms <= 4 * {target:Float64}) AS tolerating, sum(sample_weight) AS total, count() AS n FROM spans"
    " WHERE service_name = {service:String} AND kind IN ('server', 'consumer')"
    " AND ({operation:String} = '' OR name = {operation:String})"
    " AND started_at_ns >= {from:Int64} AND started_at_ns < {to:Int64}"
)


def apdex_counts(
    store: TelemetryStore, service: str, operation: str, target_s: float, from_ms: int, to_ms: int
) -> tuple[float, float, float, int]:
    """Satisfied, tolerating and all requests that came into a service in `[from_ms, to_ms)`, and spans seen."""
    parameters: dict[str, object] = {
        "service": service,
        "operation": operation,
        "target": target_s * 1000,
        "from": from_ms * 1_000_000,
        "to": to_ms * 1_000_000,
    }
    sums = [0.0, 0.0, 0.0, 0.0]
    for row in _of_all(store, _APDEX, parameters):
        for place, name in enumerate(("satisfied", "tolerating", "total", "n")):
            sums[place] += float(row[name] or 0)
    return sums[0], sums[1], sums[2], int(sums[3])
