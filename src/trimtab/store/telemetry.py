"""The telemetry store: facts go in durably, and come out as arrays.

`TelemetryStore` is what the rest of trimtab codes against; `EmbeddedTelemetry` keeps everything in one directory.
Importing this module is cheap: the engine is loaded by `open`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from trimtab.model.errors import InputError, StoreError
from trimtab.store.facts import LatencySummary, OtlpAck, SliceTable, TelemetryStatus
from trimtab.store.intake import Intake
from trimtab.store.limits import TelemetryLimits
from trimtab.store.lock import DirectoryLock
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.opening import opening
from trimtab.store.quarantine import Quarantine

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.model.query import QueryShape
    from trimtab.model.retention import RetentionPolicy
    from trimtab.store.clickhouse.address import Address
    from trimtab.store.disk_budget import DiskBudget
    from trimtab.store.engine import Engine, Gathered, Merge
    from trimtab.store.frames import Message
    from trimtab.store.loader import Loader
    from trimtab.store.logs.contract import LogStore
    from trimtab.store.logs.sink import LogsSink
    from trimtab.store.logs.store import EmbeddedLogs
    from trimtab.store.metrics.store import EmbeddedMetrics
    from trimtab.store.retention import Retention
    from trimtab.store.rollup import Roller
    from trimtab.store.spool import Spool
    from trimtab.store.traces.door import Door
    from trimtab.store.traces.red_series import RedSeries
    from trimtab.store.traces.sampling import Sampler
    from trimtab.store.traces.sink import SpansSink

__all__ = [
    "EmbeddedTelemetry",
    "LatencySummary",
    "OtlpAck",
    "SliceTable",
    "TelemetryLimits",
    "TelemetryStatus",
    "TelemetryStore",
]

DEFAULT_QUANTILES = (0.5, 0.95, 0.99)
_DRAIN_S = 20.0


class TelemetryStore(Protocol):
    """Where facts are kept. Every method may be called from any thread; every one may raise StoreError."""

    def write(self, table_name: str, table: pa.Table) -> None:
        """Keep rows of one of `trimtab.store.tables`: durable on return, queryable about a second later.

        Raises InputError where the columns are not the table's, SpoolFull where there is no room.
        """
        ...

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        """Keep an ExportTraceServiceRequest (protobuf, uncompressed): durable on return.

        Raises InputError where it does not parse or is too long, SpoolFull where there is no room. Spans that cannot be
        kept (ids, times) are left out; the answer says how many and why.
        """
        ...

    @property
    def logs(self) -> LogStore:
        """Log records."""
        ...

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything that was acknowledged before this call is queryable; StoreError after the time."""
        ...

    def slices(self, system: str, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None) -> SliceTable:
        """What shapes did in the slices that lie whole in `[start_ms, end_ms)`.

        With `fingerprints`, exactly those, also where one never ran; without, every shape that ran.
        """
        ...

    def latency(
        self, fingerprint: str, start_ms: int, end_ms: int, quantiles: Sequence[float] = DEFAULT_QUANTILES
    ) -> LatencySummary:
        """Latencies of the spans of one shape that began in `[start_ms, end_ms)`."""
        ...

    def shapes(self, system: str) -> tuple[QueryShape, ...]:
        """The shapes of a system that are known, sorted by fingerprint; of very many, those that were seen last."""
        ...

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Run one SELECT, read only and limited; `{name:Type}` in it stands for a parameter.

        The text must be the program's own: values go in as parameters. Raises EngineRefused.
        """
        ...

    def gather(self, sql: str, parameters: Mapping[str, object] | None = None, merge: Merge | None = None) -> Gathered:
        """The same for tables whose rows may be spread over shards (`store.spread`); see `Engine.gather`."""
        ...

    @property
    def is_spread(self) -> bool:
        """Whether they are: then what does not add up over shards cannot be asked for in SQL."""
        ...

    def marks(self) -> Mapping[str, int]:
        """Up to which spool segment the rows of a table are also told by its minutes; see `store.rollup`."""
        ...

    def stored_to(self, table_name: str) -> int:
        """The last spool segment up to which all rows of a table can be found; see `store.segments`."""
        ...

    def listen(self, table_name: str, heard: Callable[[pa.Table], None]) -> None:
        """From now on, hand over the new rows of a table (not of spans) once they can be asked for.

        `heard` runs on the loader's thread: it must be quick and must not raise. One listener for each table.
        """
        ...

    def status(self) -> TelemetryStatus:
        """How the store is doing; cheap."""
        ...

    def close(self) -> None:
        """Hand over what is spooled, as far as that goes, and close. May be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class _Traces:
    """What traces go through."""

    sink: SpansSink
    door: Door
    red: RedSeries
    sampler: Sampler | None
    budget: DiskBudget


@dataclass(frozen=True, slots=True)
class _Parts:
    """What only `status` and limits need."""

    limits: TelemetryLimits
    kept: Mapping[str, Retention]
    schema_version: int
    quarantine: Quarantine
    traces: _Traces
    roller: Roller
    metrics: EmbeddedMetrics
    logs_sink: LogsSink


class EmbeddedTelemetry:
    """The store in a directory of its own: a spool in front of chDB, in this process.

    One to a directory (StoreLocked otherwise) and one to a process (the engine's own limit). Close it: rows that
    were acknowledged survive without, but then wait in the spool for the next opening.
    """

    def __init__(self, lock: DirectoryLock, engine: Engine, spool: Spool, loader: Loader, parts: _Parts) -> None:
        """Use `open`."""
        self._lock, self._engine, self._spool, self._loader, self._parts = lock, engine, spool, loader, parts
        from trimtab.store.logs.store import EmbeddedLogs

        self._logs = EmbeddedLogs(spool, parts.limits, parts.logs_sink, lambda: self.metrics, self._check_loader)
        self._heard: dict[str, Callable[[pa.Table], None]] = {}
        self._closing = threading.Lock()
        loader.on_loaded = self._tell
        self._is_closed = False

    @classmethod
    def open(
        cls,
        data_dir: Path,
        limits: TelemetryLimits | None = None,
        retention: RetentionPolicy | None = None,
        metric_limits: MetricLimits | None = None,
        address: Address | None = None,
        intake: Intake | None = None,
    ) -> EmbeddedTelemetry:
        """Open `data_dir`/telemetry, making or migrating it; StoreLocked where another process has it.

        `retention` says how long rows are kept from now on; None leaves that as it is. `address` is a ClickHouse in
        place of the engine in this process; what is spooled lies in the directory all the same. `intake` says what is
        done with traces and logs before they are stored.
        """
        from trimtab.store.disk_budget import DiskBudget
        from trimtab.store.engine_opening import open_engine
        from trimtab.store.loader import Loader, Sink
        from trimtab.store.logs.sink import LogsSink
        from trimtab.store.logs.store import TABLE as LOGS
        from trimtab.store.metrics import store as metric_store
        from trimtab.store.metrics.rollups import KeptDays
        from trimtab.store.rollup import Roller
        from trimtab.store.rows import RowsSink
        from trimtab.store.spool import Spool
        from trimtab.store.tables import TABLES
        from trimtab.store.traces.door import Door
        from trimtab.store.traces.red import RedCounts
        from trimtab.store.traces.red_series import RedSeries
        from trimtab.store.traces.sampling import Sampler
        from trimtab.store.traces.sink import SpansSink

        limits, intake = limits or TelemetryLimits(), intake or Intake()
        directory = data_dir.resolve() / "telemetry"
        with contextlib.ExitStack() as undo, opening("the telemetry", directory):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = DirectoryLock(directory)
            undo.callback(lock.release)
            opened = open_engine(directory, limits, retention, address)
            engine, kept = opened.engine, opened.kept
            undo.callback(engine.close)
            metric_limits = metric_limits or MetricLimits()
            rules = intake.sampling
            spans_rows_max, spans_bytes_max = limits.of_spans(is_sampled=not rules.is_idle)
            spool = Spool(
                directory / "spool",
                [*metric_store.TABLES, *TABLES, LOGS],
                limits,
                {
                    **metric_store.segment_rows_max(metric_limits),
                    "spans": spans_rows_max,
                    LOGS: limits.logs_segment_rows_max,
                },
                opened.epoch_least,
                {"spans": spans_bytes_max, LOGS: limits.logs_segment_bytes_max},
            )
            quarantine = Quarantine(directory / "quarantine", limits.quarantine_bytes_max)
            red = RedSeries(RedCounts(intake.operations_max), lambda: metrics)
            sampler = None if rules.is_idle else Sampler(rules, lambda: spool.segments_of("spans"))
            spans = SpansSink(engine, limits, kept["spans"].days, intake.masking, red, sampler)
            sinks: dict[str, Sink] = {name: RowsSink(engine, name) for name in TABLES if name != "spans"}
            sinks |= {"spans": spans, **metric_store.sinks(engine)}
            logs_sink = LogsSink(engine, kept[LOGS].days, intake.masking)
            sinks[LOGS] = logs_sink
            roller = Roller(engine, limits.rollup_interval_s)
            days = KeptDays(*(kept[name].days for name in ("metric_samples", "metric_minutes_5", "metric_hours")))
            metrics = metric_store.EmbeddedMetrics(engine, spool, limits, metric_limits, days)
            ages_s = {**metric_store.load_ages_s(metric_limits), LOGS: limits.logs_load_interval_s}
            holds_s = {} if sampler is None else {"spans": rules.wait_s}
            loader = Loader(spool, engine, sinks, quarantine, roller, limits, ages_s, holds_s)
            loader.start()
            budget = DiskBudget(engine, intake.disk_bytes_max)
            budget.start()
            undo.pop_all()
        door = Door(limits, kept["spans"].days)
        traces = _Traces(spans, door, red, sampler, budget)
        parts = _Parts(limits, kept, opened.schema_version, quarantine, traces, roller, metrics, logs_sink)
        return cls(lock, engine, spool, loader, parts)

    @property
    def metrics(self) -> EmbeddedMetrics:
        """Series and their samples."""
        return self._parts.metrics

    @property
    def logs(self) -> EmbeddedLogs:
        """See `TelemetryStore.logs`."""
        return self._logs

    def write(self, table_name: str, table: pa.Table) -> None:
        """See `TelemetryStore.write`. Spans come as `append_otlp_traces`."""
        from trimtab.store.rows import message_of

        if table_name == "spans":
            raise InputError("spans are written as OTLP requests: use append_otlp_traces", table=table_name)
        self._check_loader()
        message = message_of(table_name, table, self._parts.kept.get(table_name))
        if table.num_rows:
            self._spool.append(table_name, message, table.num_rows)

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        """See `TelemetryStore.append_otlp_traces`."""
        limits, door = self._parts.limits, self._parts.traces.door
        self._check_loader()
        if len(body) > limits.message_bytes_max:
            raise InputError(
                f"a request may have {limits.message_bytes_max} bytes; this one has {len(body)}",
                limit=limits.message_bytes_max,
                observed=len(body),
            )
        admitted = door.admit(body)
        if admitted.spans_count:
            self._spool.append("spans", [memoryview(admitted.body)], admitted.spans_count)
        door.count(admitted.refused)
        return OtlpAck(admitted.spans_count, len(body), admitted.refused, door.told(admitted.refused))

    def _check_loader(self) -> None:
        if not self._is_closed and not self._loader.is_running:
            raise StoreError(f"the telemetry store takes nothing: {self._loader.error or 'its loader has ended'}")

    def flush(self, timeout_s: float = 30.0) -> None:
        """See `TelemetryStore.flush`."""
        self._loader.flush(timeout_s)

    def slices(self, system: str, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None) -> SliceTable:
        """See `TelemetryStore.slices`."""
        from trimtab.store import reads

        return reads.slices(self._engine, system, start_ms, end_ms, fingerprints)

    def latency(
        self, fingerprint: str, start_ms: int, end_ms: int, quantiles: Sequence[float] = DEFAULT_QUANTILES
    ) -> LatencySummary:
        """See `TelemetryStore.latency`."""
        from trimtab.store import reads

        return reads.latency(self._engine, fingerprint, start_ms, end_ms, quantiles)

    def shapes(self, system: str) -> tuple[QueryShape, ...]:
        """See `TelemetryStore.shapes`."""
        from trimtab.store import reads

        return reads.shapes(self._engine, system)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """See `TelemetryStore.query`."""
        return self._engine.read(sql, parameters)

    @property
    def engine(self) -> Engine:
        """Where rows are, for who reads tables that are not ours."""
        return self._engine

    def gather(self, sql: str, parameters: Mapping[str, object] | None = None, merge: Merge | None = None) -> Gathered:
        """See `TelemetryStore.gather`."""
        return self._engine.gather(sql, parameters, merge)

    @property
    def is_spread(self) -> bool:
        """See `TelemetryStore.is_spread`."""
        return len(self._engine.shards) > 1

    def marks(self) -> Mapping[str, int]:
        """See `TelemetryStore.marks`."""
        return self._parts.roller.marks

    def stored_to(self, table_name: str) -> int:
        """See `TelemetryStore.stored_to`."""
        return self._spool.first_id(table_name) - 1

    def listen(self, table_name: str, heard: Callable[[pa.Table], None]) -> None:
        """See `TelemetryStore.listen`."""
        self._heard[table_name] = heard

    def _tell(self, table_name: str, messages: Sequence[Message]) -> None:
        """On the loader's thread: these messages can be asked for now."""
        if table_name == "log_records":
            self._logs.loaded()
        heard = self._heard.get(table_name)
        if heard is not None and messages:
            from trimtab.store.rows import rows_of

            heard(rows_of(table_name, messages))

    def status(self) -> TelemetryStatus:
        """See `TelemetryStore.status`."""
        parts, spool, loader = self._parts, self._spool, self._loader
        return TelemetryStatus(
            schema_version=parts.schema_version,
            engine_version=self._engine.version,
            spool_bytes=spool.size_bytes,
            spool_bytes_max=parts.limits.spool_bytes_max,
            spool_segments_count=spool.segments_count,
            oldest_unloaded_at_ms=spool.oldest_begun_at_ms(),
            accepted_messages_count=dict(spool.accepted_count),
            loaded_messages_count=dict(loader.loaded_count),
            refused_full_count=spool.refused_full_count,
            full=spool.problem(),
            outdated_spans_count=parts.traces.sink.outdated_count + parts.traces.door.outdated_count,
            refused_spans=dict(parts.traces.door.refused),
            sampled_out_spans_count=0 if parts.traces.sampler is None else parts.traces.sampler.dropped_count,
            operations_overflow_count=parts.traces.red.counts.overflow_count,
            signal_bytes=dict(parts.traces.budget.bytes_by_signal),
            dropped_rows=dict(parts.traces.budget.dropped_rows),
            quarantined_count=parts.quarantine.count,
            quarantine_bytes=parts.quarantine.size_bytes,
            torn_bytes=loader.torn_bytes,
            last_load_error=loader.error,
            last_rollup_error=parts.roller.error,
            absent_shards=self._engine.absent,
        )

    def close(self) -> None:
        """See `TelemetryStore.close`. What the engine does not take in `_DRAIN_S` stays in the spool, on disk."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._logs.close()
            self._parts.traces.budget.close()
            self._parts.traces.red.close()
            self._parts.metrics.close()
            self._spool.close()
            self._loader.drain(_DRAIN_S)  # what is left stays spooled, and the next opening loads it
            self._loader.stop(_DRAIN_S)
            self._engine.close()
            self._lock.release()

    def __enter__(self) -> EmbeddedTelemetry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
