"""One thread that looks at all series again and again: new samples, through the detector, into episodes.

    metrics store (hot window) ──▶ MetricRows ──┐
                                                ├──▶ Looking (detector, book) ──▶ AnomalyState ──▶ pages, API, alerts
    watchers (query_executions) ─▶ QueryRows ───┘

The detector's state goes into a file from time to time, and at the end; episodes are in the state at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.app.own.metrics import Number
from trimtab.model.anomalies import AnomalyEpisode, Mute, SeriesRef, SpokenTest
from trimtab.model.errors import TrimtabError
from trimtab.store.anomaly_state import AnomalyState, Wanted

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.app.detecting.looking import Found, Looking
    from trimtab.app.detecting.metric_rows import MetricRows
    from trimtab.app.detecting.query_rows import QueryRows
    from trimtab.model.anomaly_settings import AnomaliesPolicy
    from trimtab.store.metrics.store import EmbeddedMetrics

FILE = "anomalies.state"
FOUND_AGAIN_MS = 1_200_000
"""An episode that went on when the server was killed is found again up to so much after it was last seen to be odd."""
"""The detector's state, in the data directory."""
SETTLE_MS = 2_000
"""A slot of time is over so long after its end: samples are on their way."""
SAVE_EVERY_MS = 900_000
HOUSE_EVERY_MS = 600_000
OPEN_SHOWN_MAX = 1_000
"""Episodes that go on, of which alerts are made; the others are in the state all the same."""
DAY_MS = 86_400_000
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AnomaliesNow:
    """How it stands after the last tick. `at_ms` 0: there was none."""

    at_ms: int = 0
    open: tuple[AnomalyEpisode, ...] = ()
    metrics_count: int = 0
    queries_count: int = 0
    out_count: int = 0
    """Series whose names are left out."""
    full_count: int = 0
    """Series for which there is no room."""
    waiting_count: int = 0
    """Series with too few samples yet, or whose history is still to be read."""
    problem: str | None = None


class Anomalies:
    """Start it, read `now`, stop it. `tick` is for its thread, and for tests."""

    def __init__(
        self,
        policy: Callable[[], AnomaliesPolicy],
        metrics: Callable[[], EmbeddedMetrics | None],
        state: AnomalyState,
        now_ms: Callable[[], int],
        file: Path,
    ) -> None:
        self._policy, self._metrics, self.state = policy, metrics, state
        self._now_ms, self._file = now_ms, file
        self._interval_ms = max(1, round(policy().interval_s * 1000))
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._looking: Looking | None = None
        self._series: MetricRows | None = None
        self._shapes: QueryRows | None = None
        self._mutes: dict[str, list[Mute]] = {}
        self._left: dict[str, AnomalyEpisode] = {}
        """By keys of series: what went on when the server was killed, and was not found again yet."""
        self._saved_at_ms = self._house_at_ms = 0
        self.now = AnomaliesNow()
        self.ticks_count = 0
        self.late_count = 0
        self.cpu_s = 0.0
        self.last_cpu_s = 0.0
        self.opened_count = 0
        self.file_bytes = 0

    # --- life

    def start(self) -> None:
        """Begin, on a thread."""
        self._thread = threading.Thread(target=self._run, name="anomalies", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End after the tick that runs now, and keep the state; before the stores are closed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stop.wait(max(0.0, next_s - time.monotonic())):
            self._guarded(self._tick_if_wanted)
            now_s = time.monotonic()
            next_s += self._interval_ms / 1000
            if next_s < now_s:
                self.late_count += int((now_s - next_s) * 1000 // self._interval_ms) + 1
                next_s = now_s
        self._guarded(self.save)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except TrimtabError as error:
            if error.message != self.now.problem:
                log.warning("anomalies_not_looked_at", reason=error.message)
            self.now = replace(self.now, problem=error.message)
        except Exception as error:  # a fault of ours must not end the thread; it is logged and shown
            log.exception("anomalies_tick_broke")
            self.now = replace(self.now, problem=f"internal error: {type(error).__name__}: {error}")

    def _tick_if_wanted(self) -> None:
        if self._policy().enabled:
            self.tick(self._now_ms())
        elif self._looking is not None:
            self.save()
            self._looking = self._series = self._shapes = None
            self.now = AnomaliesNow()

    # --- what is heard

    def statements(self, table: pa.Table) -> None:
        """New rows of `query_executions`, on the loader's thread."""
        shapes = self._shapes
        if shapes is not None:
            shapes.statements(table)

    def looks(self, table: pa.Table) -> None:
        """New rows of `query_slices`, on the loader's thread."""
        shapes = self._shapes
        if shapes is not None:
            shapes.looks(table)

    # --- a tick

    def tick(self, at_ms: int) -> None:
        """Look at what is new; what that changed is durable on return."""
        began_s = time.thread_time()
        looking = self._looking or self._begin(at_ms)
        policy, series, shapes = self._policy(), self._series, self._shapes
        self._read_mutes(at_ms)
        parts = []
        if series is not None:
            until_ms = at_ms - SETTLE_MS
            parts = series.take(at_ms, until_ms, round(policy.history_s * 1000), policy.leave_out)
            self._gone(looking.let_go(series.take_dropped(), at_ms))
        if shapes is not None:
            parts.append(shapes.take())
        with self._lock:
            found = looking.look(parts, at_ms)
            self._keep(looking, found)
        if at_ms - self._house_at_ms >= HOUSE_EVERY_MS:
            self._house_at_ms = at_ms
            self._house(looking, at_ms, round(policy.forget_s * 1000), policy.kept_days)
        if at_ms - self._saved_at_ms >= SAVE_EVERY_MS:
            self._saved_at_ms = at_ms
            self.save()
        self.now = AnomaliesNow(
            at_ms,
            tuple(looking.open[:OPEN_SHOWN_MAX]),
            0 if series is None else series.count,
            0 if shapes is None else shapes.count,
            0 if series is None else series.out_count,
            0 if series is None else series.full_count,
            0 if series is None else series.waiting_count,
        )
        self.ticks_count += 1
        self.last_cpu_s = time.thread_time() - began_s
        self.cpu_s += self.last_cpu_s

    def _keep(self, looking: Looking, found: Found) -> None:
        new: list[tuple[int, AnomalyEpisode]] = []
        again: list[tuple[int, AnomalyEpisode]] = []
        for place, one in found.opened:
            left = self._left.get(one.series.key)
            if left is None or one.start_ms > left.end_ms + FOUND_AGAIN_MS:
                new.append((place, one))
            else:
                again.append((place, _found_again(one, left)))
                del self._left[one.series.key]
        made = self.state.write([one for _, one in new], [*found.changed, *(one for _, one in again)])
        self.opened_count += len(made)
        pairs = [*zip((place for place, _ in new), made, strict=True), *again]
        looking.keep((place, one) for place, one in pairs if place >= 0)

    def _gone(self, ended: list[AnomalyEpisode]) -> None:
        if ended:
            self.state.write([], ended)

    def _house(self, looking: Looking, at_ms: int, forget_ms: int, kept_days: int) -> None:
        for rows in (self._series, self._shapes):
            if rows is not None:
                self._gone(looking.let_go(rows.forget(at_ms - forget_ms), at_ms))
        self.state.forget(at_ms - kept_days * DAY_MS)

    # --- beginning and going on

    def _begin(self, at_ms: int) -> Looking:
        """Everything that costs (libraries, machine code, the file) is read now, on the own thread."""
        from trimtab.analyze.detect import Detector, DetectSettings
        from trimtab.app.detecting import kept_file
        from trimtab.app.detecting.looking import Looking
        from trimtab.app.detecting.metric_rows import MetricRows
        from trimtab.app.detecting.query_rows import QueryRows

        policy = self._policy()
        settings = DetectSettings(
            series_max=policy.series_max,
            false_per_day=policy.false_per_day,
            quiet_ms=round(policy.quiet_s * 1000),
            incident_ms=round(policy.incident_s * 1000),
            cycle_ms=round(policy.cycle_s * 1000),
        )
        metrics = self._metrics()
        if metrics is not None:
            metrics.wait()
        kept = kept_file.read(self._file)
        if kept is not None and (kept.interval_ms != self._interval_ms or len(kept.detector) > policy.series_max):
            log.info("anomaly_state_begins_anew", interval_ms=self._interval_ms, kept_interval_ms=kept.interval_ms)
            kept = None
        detector = Detector(settings) if kept is None else kept.detector
        detector.settings = settings
        looking = Looking(detector, settings, self._ref, self._is_logarithm, self.is_normal)
        shapes = QueryRows(self._interval_ms, looking.add, detector.remove)
        series = None
        if metrics is not None:
            following = metrics.following
            series = MetricRows(following, self._interval_ms, policy.leave_out, looking.add, detector.remove)
        if kept is not None:
            shapes.restore(kept.shapes)
            if series is not None:
                series.restore(kept.metrics)
            else:
                detector.remove(kept.metrics.places)
        self._looking, self._series, self._shapes = looking, series, shapes
        self._go_on(looking)
        self._saved_at_ms = self._house_at_ms = at_ms
        log.info("anomalies_begin", series=len(detector), restored=kept is not None)
        return looking

    def _go_on(self, looking: Looking) -> None:
        """Episodes that went on when the server stopped: those of series that are still looked at go on, others end.

        What ends is the same episode again where it is found anew from history (the server was killed).
        """
        staying: dict[int, AnomalyEpisode] = {}
        ended: list[AnomalyEpisode] = []
        for one in self.state.open():
            place = self._place_of(one.series.key)
            if place is None or place in staying:
                ended.append(replace(one, closed_at_ms=one.end_ms))
                self._left[one.series.key] = one
            else:
                staying[place] = one
        looking.restore(staying.items())
        self._gone(ended)

    def _place_of(self, key: str) -> int | None:
        for rows in (self._series, self._shapes):
            if rows is not None and (place := rows.place_of(key)) is not None:
                return place
        return None

    def save(self) -> None:
        """Keep the detector's state in its file. What goes wrong is told in `now`."""
        from trimtab.app.detecting import kept_file
        from trimtab.app.detecting.metric_rows import KeptMetrics

        looking, series, shapes = self._looking, self._series, self._shapes
        if looking is None:
            return
        kept = KeptMetrics.none() if series is None else series.kept()
        try:
            self.file_bytes = kept_file.write(
                self._file, looking.detector, self._interval_ms, kept, [] if shapes is None else shapes.kept()
            )
        except OSError as error:
            log.warning("anomaly_state_not_kept", path=str(self._file), reason=error.strerror)

    def _ref(self, place: int) -> SeriesRef | None:
        for rows in (self._series, self._shapes):
            if rows is not None and (found := rows.ref(place)) is not None:
                return found
        return None

    def _is_logarithm(self, place: int) -> bool:
        return any(rows is not None and rows.is_logarithm(place) for rows in (self._series, self._shapes))

    # --- what people say

    def _read_mutes(self, at_ms: int) -> None:
        mutes: dict[str, list[Mute]] = {}
        for one in self.state.mutes(at_ms):
            mutes.setdefault(one.series_key, []).append(one)
        self._mutes = mutes

    def is_normal(self, series: SeriesRef, test: SpokenTest, at_ms: int) -> bool:
        """Whether somebody said that what this test finds in this series is normal."""
        return any(one.covers(series.key, test, at_ms) for one in self._mutes.get(series.key, ()))

    def say_normal(
        self, episode_id: int, by: str, reason: str, *, until_ms: int | None, every_test: bool = False
    ) -> Mute:
        """What this episode tells is normal: its test (or whatever test) is not told of in its series until then.

        Its open episodes end now. NotFound where there is no such episode.
        """
        one = self.state.episode(episode_id)
        test, at_ms = None if every_test else one.test, self._now_ms()
        mute = Mute(0, one.series.key, test, one.series.name, one.id, reason, until_ms, by, at_ms)
        with self._lock:
            made = self.state.mute(mute)
            self._mutes = {**self._mutes, made.series_key: [*self._mutes.get(made.series_key, ()), made]}
            looking = self._looking
            ended = [] if looking is None else looking.end(one.series.key, test, at_ms)
            known = {gone.id for gone in ended}
            wanted = Wanted(series_key=one.series.key, is_open=True)
            ended += [
                replace(left, closed_at_ms=max(at_ms, left.end_ms))
                for left in self.state.find_all(wanted)
                if left.id not in known and test in (None, left.test)
            ]
            self._gone(ended)
            gone_ids = {gone.id for gone in ended}
            self.now = replace(self.now, open=tuple(left for left in self.now.open if left.id not in gone_ids))
        return made

    def take_back(self, mute_id: int, by: str) -> None:
        """It is not normal after all; NotFound where nobody said so."""
        with self._lock:
            self.state.unmute(mute_id, by, self._now_ms())
            self._read_mutes(self._now_ms())

    # --- numbers of its own

    def numbers(self) -> Iterator[Number]:
        """What looking costs, and how it went."""
        now = self.now
        yield Number("trimtab_anomaly_ticks_total", self.ticks_count)
        yield Number("trimtab_anomaly_ticks_late_total", self.late_count)
        yield Number("trimtab_anomaly_cpu_seconds_total", self.cpu_s)
        yield Number("trimtab_anomaly_tick_cpu_seconds", self.last_cpu_s)
        yield Number("trimtab_anomaly_rows_total", 0 if self._looking is None else self._looking.rows_count)
        yield Number("trimtab_anomaly_series", now.metrics_count, {"source": "metric"})
        yield Number("trimtab_anomaly_series", now.queries_count, {"source": "query"})
        yield Number("trimtab_anomaly_series_left_out", now.out_count, {"reason": "name"})
        yield Number("trimtab_anomaly_series_left_out", now.full_count, {"reason": "series_max"})
        yield Number("trimtab_anomaly_series_left_out", now.waiting_count, {"reason": "new"})
        yield Number("trimtab_anomaly_episodes_open", len(now.open))
        yield Number("trimtab_anomaly_episodes_total", self.opened_count)
        yield Number("trimtab_anomaly_state_bytes", self.file_bytes)


def _found_again(one: AnomalyEpisode, left: AnomalyEpisode) -> AnomalyEpisode:
    """An episode of before as it goes on: what was expected is what was told when it began. History that was read anew
    has taught the detector what is odd, too."""
    worse = one if one.score > left.score else left
    kept = replace(
        left, end_ms=max(one.end_ms, left.end_ms), closed_at_ms=one.closed_at_ms, score=worse.score, test=worse.test
    )
    return replace(kept, observed=worse.observed, start_ms=min(one.start_ms, left.start_ms))
