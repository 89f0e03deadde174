"""Makes the series of `names` of the facts that watchers store, and appends them to the metrics every few seconds.

Facts are heard of once they can be asked for; counters count from the start of the process, and a start time stands
with their samples. A counter's sample has the time of the newest fact that is in it, and there is none where no fact
came (until `REPEAT_MS`): its increase from sample to sample is what happened between them, also where facts come in
heaps or seldom. A system that was not looked at for a minute gets no samples but `pg_up`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import structlog

from trimtab.app.watched_series import names
from trimtab.app.watched_series.names import Series, labels
from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.postgres.facts import EventKind
from trimtab.observe.postgres.status import WatchState, WatchStatus

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.metrics.block import Labels
    from trimtab.store.metrics.contract import MetricStore
    from trimtab.store.telemetry import TelemetryStore

INTERVAL_S = 5.0
QUIET_MS = 60_000
SLOW_MS = 600_000
"""Numbers of a slow look (tables, server) are repeated so long after it."""
REPEAT_MS = 60_000
"""A counter without a new fact is appended again after so long, as it was."""
UP_STATES = {WatchState.WATCHING: 1.0, WatchState.DEGRADED: 1.0, WatchState.UNREACHABLE: 0.0}

log = structlog.get_logger()
Key = tuple[str, "Labels"]
"""Of which system, and which series."""
Sample = tuple["Labels", float, int, bool]
"""Labels, value, when (Unix ms), whether it is a counter."""


class WatchedSeries:
    """Thread-safe. Nothing is appended before `start`."""

    def __init__(
        self,
        metrics: Callable[[], MetricStore | None],
        statuses: Callable[[], Iterable[WatchStatus]],
        now_ms: Callable[[], int],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._metrics, self._statuses, self._now_ms = metrics, statuses, now_ms
        self.interval_s = interval_s
        self._since_ms = now_ms()
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._counters: dict[Key, float] = {}
        self._fact_ms: dict[Key, int] = {}
        self._appended_ms: dict[Labels, int] = {}
        self._gauges: dict[Key, tuple[float, int]] = {}
        self._buckets: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
        self._slots: dict[Labels, int] = {}
        self._told: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.error: str | None = None

    def listen(self, telemetry: TelemetryStore) -> None:
        """Hear of new facts."""
        telemetry.listen("query_executions", self.statements)
        telemetry.listen("server_statistics", self.server)
        telemetry.listen("table_statistics", self.tables)
        telemetry.listen("activity_samples", self.activity)
        telemetry.listen("server_events", self.events)

    def start(self) -> None:
        """Append from now on, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="watched-series", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, before the store is closed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    # --- facts, on the loader's thread

    def statements(self, rows: pa.Table) -> None:
        """`query_executions`: sums, and a histogram of the means."""
        calls = rows["calls"].to_numpy().astype(np.float64)
        means_s = rows["total_exec_time_ms"].to_numpy() / 1000 / np.maximum(calls, 1)
        places = np.searchsorted(names.BOUNDS_S, means_s)
        systems = rows["system"].combine_chunks().dictionary_encode()
        row_of = systems.indices.to_numpy()
        ended_ms = rows["ended_at_ms"].to_numpy()
        with self._lock:
            for number, system in enumerate(systems.dictionary.to_pylist()):
                mine = row_of == number
                buckets = self._buckets.setdefault(system, np.zeros(len(names.BOUNDS_S) + 1))
                buckets += np.bincount(places[mine], weights=calls[mine], minlength=len(buckets))
                at_ms = int(ended_ms[mine].max())
                for column, series in names.STATEMENTS.items():
                    self._grow(system, series, float(rows[column].to_numpy()[mine].sum()), at_ms)
                self._grow(system, names.PLAN_CHANGES, 0.0, at_ms)  # the first change is an increase, too

    def server(self, rows: pa.Table) -> None:
        """`server_statistics`: each number is a series."""
        with self._lock:
            for one in rows.to_pylist():
                series = names.SERVER.get(one["name"])
                if series is None:
                    continue
                if series.kind == "counter":
                    self._grow(one["system"], series, one["value"], one["sampled_at_ms"])
                else:
                    self._set(one["system"], series, one["value"], one["sampled_at_ms"])

    def tables(self, rows: pa.Table) -> None:
        """`table_statistics`: the biggest tables of each look."""
        largest = rows.sort_by([("relation_bytes", "descending")]).to_pylist()
        counts: dict[tuple[str, int], int] = {}
        with self._lock:
            for one in largest:
                look = (one["system"], one["sampled_at_ms"])
                counts[look] = counts.get(look, 0) + 1
                if counts[look] > names.TABLES_MAX:
                    continue
                schema, _, table = one["relation"].partition(".")
                for column, series in names.TABLES.items():
                    at = {"schemaname": schema, "relname": table}
                    if series.kind == "counter":
                        self._grow(one["system"], series, one[column], one["sampled_at_ms"], **at)
                    else:
                        self._set(one["system"], series, one[column], one["sampled_at_ms"], **at)

    def activity(self, rows: pa.Table) -> None:
        """`activity_samples`: how many sessions do what, at the newest look of each system."""
        keys = ["system", "sampled_at_ms", "state", "wait_event_type"]
        sums = rows.group_by(keys).aggregate([("sessions_count", "sum")])
        newest: dict[str, int] = {}
        with self._lock:
            for one in sums.sort_by("sampled_at_ms").to_pylist():
                at = {"state": one["state"] or "unknown", "wait_event_type": one["wait_event_type"]}
                self._set(one["system"], names.ACTIVITY, one["sessions_count_sum"], one["sampled_at_ms"], **at)
                newest[one["system"]] = one["sampled_at_ms"]
            for key, (value, at_ms) in self._gauges.items():
                if value and key[1][0][1] == names.ACTIVITY.name and at_ms < newest.get(key[0], 0):
                    self._gauges[key] = (0.0, at_ms)
            for system, at_ms in newest.items():
                for kind in names.WAITS:
                    key = (system, labels(names.ACTIVITY.name, system, state="active", wait_event_type=kind))
                    if self._gauges.get(key, (0.0, 0))[1] < at_ms:
                        self._gauges[key] = (0.0, at_ms)

    def events(self, rows: pa.Table) -> None:
        """Changes of plans."""
        with self._lock:
            for one in rows.to_pylist():
                if one["kind"] == EventKind.PLAN_CHANGED.value:
                    self._grow(one["system"], names.PLAN_CHANGES, 1.0, one["happened_at_ms"])

    def _grow(self, system: str, series: Series, by: float, at_ms: int, **others: str) -> None:
        key = (system, labels(series.name, system, **others))
        self._counters[key] = self._counters.get(key, 0.0) + by * series.scale
        self._fact_ms[key] = max(self._fact_ms.get(key, 0), at_ms)

    def _set(self, system: str, series: Series, value: float, at_ms: int, **others: str) -> None:
        key = (system, labels(series.name, system, **others))
        if self._gauges.get(key, (0.0, 0))[1] <= at_ms:
            self._gauges[key] = (value * series.scale, at_ms)

    # --- appending

    def _run(self) -> None:
        while not self._stop.wait(self.interval_s):
            self.flush()

    def flush(self) -> None:
        """Append how everything is now. What goes wrong is told in `error`; the next time makes up for it."""
        with self._flushing:
            now_ms = self._now_ms()
            samples = self._samples(now_ms)
            metrics = self._metrics()
            if not samples or metrics is None:
                return
            try:
                self._append(metrics, samples)
            except (StoreError, SpoolFull, InputError) as error:
                self.error = f"series of watched systems: {error.message}"
                log.warning("watched_series_not_stored", reason=error.message)
            else:
                self.error = None

    def _samples(self, now_ms: int) -> list[Sample]:
        statuses = {status.system: status for status in self._statuses()}
        looked = {
            name
            for name, status in statuses.items()
            if status.last_look_at_ms is not None and now_ms - status.last_look_at_ms < QUIET_MS
        }
        with self._lock:
            self._forget(now_ms, statuses.keys())
            made: list[Sample] = [
                (labels(names.UP.name, name), UP_STATES[status.state], now_ms, False)
                for name, status in statuses.items()
                if status.state in UP_STATES
            ]
            made += [
                (series, value, at_ms, True)
                for (name, series), value in self._counters.items()
                if name in looked and (at_ms := self._due(series, self._fact_ms[name, series], now_ms))
            ]
            made += [
                (series, 0.0 if _is_over(series, at_ms, now_ms) else value, now_ms, False)
                for (name, series), (value, at_ms) in self._gauges.items()
                if name in looked
            ]
            for name, counts in self._buckets.items():
                if name in looked:
                    key = (name, labels("pg_stat_statements_seconds_total", name))
                    at_ms = self._due(key[1], self._fact_ms.get(key, 0), now_ms)
                    if at_ms:
                        made += _histogram(name, counts, self._counters.get(key, 0.0), at_ms)
        return made

    def _due(self, series: Labels, fact_ms: int, now_ms: int) -> int:
        """When the next sample of a counter is to be (Unix ms); 0 where it has none now."""
        before_ms = self._appended_ms.get(series, 0)
        if fact_ms > before_ms:
            return min(fact_ms, now_ms)
        return now_ms if now_ms - before_ms >= REPEAT_MS else 0

    def _forget(self, now_ms: int, systems: Iterable[str]) -> None:
        """What is not seen any more has no samples: sessions of a state, tables that are gone, systems."""
        there = set(systems)
        self._gauges = {
            key: held for key, held in self._gauges.items() if now_ms - held[1] < SLOW_MS and key[0] in there
        }
        self._counters = {key: value for key, value in self._counters.items() if key[0] in there}
        self._fact_ms = {key: at_ms for key, at_ms in self._fact_ms.items() if key[0] in there}
        known = {series for _, series in self._counters}
        self._appended_ms = {series: at_ms for series, at_ms in self._appended_ms.items() if series in known}
        self._buckets = {name: counts for name, counts in self._buckets.items() if name in there}

    def _append(self, metrics: MetricStore, samples: list[Sample]) -> None:
        from trimtab.store.metrics.contract import Metadata, Samples

        unknown = [series for series, _, _, _ in samples if series not in self._slots]
        if unknown:
            slots = metrics.register(unknown).slots.tolist()
            self._slots |= dict(zip(unknown, slots, strict=True))
        taken = [(self._slots[series], value, at_ms, is_counter) for series, value, at_ms, is_counter in samples]
        taken = [one for one in taken if one[0] >= 0]
        there = {dict(series)["__name__"] for series in unknown}
        new = [one for one in names.EVERY if one.name in there | {name.rsplit("_", 1)[0] for name in there}]
        new = [one for one in new if one.name not in self._told]
        metrics.append(
            Samples(
                np.array([slot for slot, _, _, _ in taken], np.int32),
                np.array([at_ms for _, _, at_ms, _ in taken], np.int64),
                np.array([value for _, value, _, _ in taken], np.float64),
                np.array([self._since_ms if is_counter else 0 for _, _, _, is_counter in taken], np.int64),
                metadata=[Metadata(one.name, one.kind, "", one.help) for one in new],
            )
        )
        self._told |= {one.name for one in new}
        with self._lock:
            self._appended_ms |= {series: at_ms for series, _, at_ms, is_counter in samples if is_counter}


def _is_over(series: Labels, at_ms: int, now_ms: int) -> bool:
    """Sessions of a state that nobody is in any more: none, until the series goes."""
    return series[0][1] == names.ACTIVITY.name and now_ms - at_ms > QUIET_MS


def _histogram(
    system: str, counts: np.ndarray[tuple[int], np.dtype[np.float64]], seconds: float, at_ms: int
) -> list[Sample]:
    through = np.cumsum(counts).tolist()
    bounds = [*(f"{bound:g}" for bound in names.BOUNDS_S), "+Inf"]
    made: list[Sample] = [
        (labels(f"{names.DURATION}_bucket", system, le=bound), value, at_ms, True)
        for bound, value in zip(bounds, through, strict=True)
    ]
    made.append((labels(f"{names.DURATION}_count", system), through[-1], at_ms, True))
    made.append((labels(f"{names.DURATION}_sum", system), seconds, at_ms, True))
    return made
