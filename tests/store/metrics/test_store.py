"""The store with the real engine: what was appended is read back, hot or cold, before and after a restart."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.metrics.scrapes import now_ms, points, read, samples, series_named
from trimtab.model.errors import EngineRefused, InputError, SpoolFull
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.block import STALE_BITS, Matcher, QueryTooBig
from trimtab.store.metrics.contract import Exemplar, Metadata, Samples
from trimtab.store.metrics.hot import Judged
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.natives import natives_of
from trimtab.store.metrics.rolled import HOURS_MS
from trimtab.store.metrics.sinks import NativeSink
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.retention import DAY_MS
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2)
QUICK = MetricLimits(load_interval_s=0.05)
TINY = replace(QUICK, hot_bytes_max=1_500_000)
STALE = np.array([STALE_BITS], np.uint64).view(np.float64)[0]
SERIES = [series_named(str(number)) for number in range(100)]


@contextlib.contextmanager
def opened(path: Path, limits: MetricLimits = QUICK) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(make_tables(path), LIMITS, RetentionPolicy(), limits) as telemetry:
        yield telemetry


def test_what_was_appended_is_there_at_once_and_after_a_restart(tmp_path: Path) -> None:
    begin = now_ms() - 3_600_000
    wanted = {
        str(number): [(begin + scrape * 15_000 + number, number + scrape / 7) for scrape in range(50)]
        for number in range(100)
    }
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES).slots
        for scrape in range(50):
            at_ms = [begin + scrape * 15_000 + number for number in range(100)]
            appended = metrics.append(samples(slots, at_ms, [number + scrape / 7 for number in range(100)]))
            assert (appended.accepted_count, appended.refused) == (100, {})
        assert read(metrics, 0, now_ms()) == wanted
    for _ in range(2):
        with opened(tmp_path) as telemetry:
            assert read(telemetry.metrics, 0, now_ms()) == wanted
            part = read(telemetry.metrics, begin + 15_000, begin + 30_000, Matcher("name", "=", "0"))
            assert part == {"0": wanted["0"][1:3]}
            assert telemetry.metrics.status().series_count == 100
            assert telemetry.gather("SELECT id FROM metric_samples").table.num_rows == 5000


def test_cold_and_hot_together_are_one_answer(tmp_path: Path) -> None:
    begin = now_ms() - 3_600_000
    with opened(tmp_path, TINY) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES).slots
        for scrape in range(1500):
            metrics.append(samples(slots, begin + scrape * 2000, [float(scrape)] * 100))
            if scrape % 300 == 299:
                telemetry.flush(20)
        telemetry.flush(20)
        metrics.append(samples(slots, begin + 1500 * 2000, [1500.0] * 100))
        hot = metrics.status().hot
        assert begin < hot.from_ms < begin + 1500 * 2000
        assert hot.size_bytes <= hot.size_bytes_max
        found = read(metrics, begin, now_ms() + 10_000)
        assert set(found) == {str(number) for number in range(100)}
        assert all(
            series == [(begin + scrape * 2000, float(scrape)) for scrape in range(1501)] for series in found.values()
        )
    with opened(tmp_path, TINY) as telemetry:
        assert read(telemetry.metrics, begin, now_ms() + 10_000) == found
        assert telemetry.metrics.wait_until_read_back(60)
        assert read(telemetry.metrics, begin, now_ms() + 10_000) == found
        assert telemetry.metrics.status().hot.samples_count > 10_000


def test_stragglers_repetitions_and_conflicts(tmp_path: Path) -> None:
    now = now_ms()
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        slot, other = metrics.register(SERIES[:2]).slots.tolist()
        metrics.append(samples([slot, other], now - 60_000, [1.0, STALE]))
        appended = metrics.append(
            samples(
                [slot, slot, slot, slot, 77],
                [now - 90_000, now - 60_000, now - 60_000, now - 4_000_000, now],
                [0.5, 1.0, 2.0, 0.1, 0.0],
            )
        )
        assert appended.accepted_count == 2
        assert appended.refused == {"duplicate_timestamp": 1, "out_of_order": 1, "series_unknown": 1}
        assert len(appended.first_refusals) == 3
        assert "older than the newest of its series by more than 3600000 ms" in "".join(appended.first_refusals)
        ahead = metrics.append(samples([slot, slot], [now + 3_600_000, now - 31 * 86_400_000], [0.0, 0.0]))
        assert ahead.refused == {"too_far_ahead": 1, "too_old": 1}
        wanted = {"0": [(now - 90_000, 0.5), (now - 60_000, 1.0)]}
        found = metrics.select([[Matcher("__name__", "=", "m")]], 0, now)
        assert points(found)["0"] == wanted["0"]
        telemetry.flush(20)
    with opened(tmp_path) as telemetry:
        found = telemetry.metrics.select([[Matcher("__name__", "=", "m")]], 0, now)
        assert points(found)["0"] == wanted["0"]
        stale = found.values[found.offsets[1] :] if dict(found.labels[0])["name"] == "0" else found.values[:1]
        assert stale.view(np.uint64).tolist() == [STALE_BITS]
        slot = int(telemetry.metrics.register(SERIES[:1]).slots[0])
        again = telemetry.metrics.append(samples([slot, slot], [now - 90_000, now - 60_000], [0.5, 9.0]))
        assert (again.accepted_count, again.refused) == (1, {"duplicate_timestamp": 1})
        assert telemetry.query("SELECT count() AS n FROM metric_samples")["n"].to_pylist() == [3]


def test_of_two_values_of_two_senders_at_one_moment_the_same_counts_wherever_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = zip((1.0, 2.0), (2.0, 1.0), (2.0, STALE), (STALE, 2.0), (2.0, math.nan), strict=True)
    now = now_ms()
    at_ms = now - 2 * HOURS_MS - 10_000
    wanted = {str(number): [(at_ms, 2.0)] for number in range(len(first))}
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[: len(first)]).slots
        hot, begun = metrics._parts.hot, threading.Event()
        judge = hot.judge

        def judge_beside_another(*arguments: Any) -> Judged:
            judged = judge(*arguments)
            if not begun.is_set():  # the other sender comes between judging and storing
                begun.set()
                metrics.append(samples(slots, at_ms, second))
            return judged

        monkeypatch.setattr(hot, "judge", judge_beside_another)
        assert metrics.append(samples(slots, at_ms, first)).accepted_count == len(first)
        assert read(metrics, 0, now) == wanted
        again = metrics.append(samples(np.repeat(slots, 2), at_ms, [2.0, 3.0] * len(first)))
        assert again.refused == {"duplicate_timestamp": len(first)}
        telemetry.flush(20)
        assert telemetry.gather("SELECT at_ms FROM metric_samples").table.num_rows == 2 * len(first)
        for hot_from_ms in (0, now):  # as if it had been evicted
            hot.begin_reload(hot_from_ms)
            assert read(metrics, 0, now) == wanted
            metrics.rollups.roller.mark = None
            telemetry._engine.write("TRUNCATE TABLE metric_rollup_marks")
            metrics.rollups.roller.roll(now, 0)
            rolled = metrics.select_rolled([[Matcher("__name__", "=", "m")]], HOURS_MS, 0, now, ("value_sum",))
            assert rolled.numbers("value_sum").tolist() == [2.0] * len(first)
    with opened(tmp_path) as telemetry:
        assert telemetry.metrics.wait_until_read_back(30)
        assert read(telemetry.metrics, 0, now) == wanted


def test_what_only_the_engine_has_is_not_taken_twice(tmp_path: Path) -> None:
    now = now_ms()
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES[:2]).slots
        metrics.append(samples(slots, now - 10_000, [1.0, 2.0]))
        telemetry.flush(20)
        metrics._parts.hot.begin_reload(now)  # as if it had been evicted
        metrics._parts.hot._newest_at[:] = 0
        again = metrics.append(samples([*slots, slots[0]], [now - 10_000, now - 10_000, now - 5_000], [1.0, 3.0, 4.0]))
        assert (again.accepted_count, again.refused) == (2, {"duplicate_timestamp": 1})
        telemetry.flush(20)
        assert read(metrics, 0, now) == {"0": [(now - 10_000, 1.0), (now - 5_000, 4.0)], "1": [(now - 10_000, 2.0)]}
        assert telemetry.query("SELECT count() AS n FROM metric_samples")["n"].to_pylist() == [3]


def test_histograms_starts_exemplars_and_metadata_come_back(tmp_path: Path) -> None:
    now = now_ms()
    one = FloatHistogram(count=3.0, sum=2.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
    two = replace(one, count=4.0, positive_buckets=(2.0, 2.0))
    metadata = Metadata("m", "histogram", "seconds", "How long it took.")
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES[:2]).slots
        at_ms = np.array([now - 30_000, now - 15_000, now - 30_000, now - 15_000, now], np.int64)
        exemplar = Exemplar(int(slots[0]), (("trace_id", "abc"),), 0.7, now - 15_000)
        appended = metrics.append(
            Samples(
                slots=np.array([slots[0], slots[0], slots[1], slots[1], slots[1]], np.int32),
                at_ms=at_ms,
                values=np.array([0.0, 0.0, 5.0, 6.0, 1.0]),
                start_ms=np.array([100, 100, 200, 200, 300], np.int64),
                histograms=natives_of([(0, one), (1, two)]),
                exemplars=[exemplar, exemplar],
                metadata=[metadata],
            )
        )
        assert (appended.accepted_count, appended.histograms_count, appended.exemplars_count) == (5, 2, 1)
    for _ in range(2):
        with opened(tmp_path) as telemetry:
            metrics = telemetry.metrics
            block = metrics.select([[Matcher("__name__", "=~", "m|n")]], 0, now)
            assert block.histograms is not None
            assert block.start_ms is not None
            found = {
                dict(labels)["name"]: list(
                    zip(
                        block.at_ms[first:end].tolist(),
                        block.start_ms[first:end].tolist(),
                        block.histograms[first:end],
                        strict=True,
                    )
                )
                for labels, first, end in zip(
                    block.labels, block.offsets[:-1].tolist(), block.offsets[1:].tolist(), strict=True
                )
            }
            assert found == {
                "0": [(now - 30_000, 100, one), (now - 15_000, 100, two)],
                "1": [(now - 30_000, 200, None), (now - 15_000, 200, None), (now, 300, None)],
            }
            assert metrics.metadata("m") == [metadata]
            (kept,) = metrics.exemplars([[Matcher("name", "=", "0")]], 0, now)
            assert kept.series == SERIES[0]
            assert [(one.labels, one.value, one.at_ms) for one in kept.exemplars] == [
                ((("trace_id", "abc"),), 0.7, now - 15_000)
            ]
            slot = int(metrics.register(SERIES[:1]).slots[0])
            again = Samples(
                np.array([slot], np.int32),
                at_ms[1:2],
                np.zeros(1),
                histograms=natives_of([(0, one)]),
                metadata=[metadata],
            )
            assert metrics.append(again).refused == {"duplicate_timestamp": 1}


def test_lookups(tmp_path: Path) -> None:
    now = now_ms()
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        batch = [series_named("a"), series_named("b"), (("__name__", "n"), ("job", "x"))]
        slots = metrics.register(batch).slots
        metrics.append(samples(slots, [now - 1000, now - 1000, now - 900_000], [1.0, 2.0, 3.0]))
        assert metrics.label_names([], 0, now) == ["__name__", "job", "name"]
        assert metrics.label_names([[Matcher("job", "=", "")]], 0, now) == ["__name__", "name"]
        assert metrics.label_values("name", [], 0, now) == ["a", "b"]
        assert metrics.label_values("__name__", [], now - 60_000, now) == ["m"]
        assert metrics.series([[Matcher("__name__", "=~", "m|n")]], 0, now, limit=2) == batch[:2]
        sizes = metrics.cardinality(1)
        assert sizes.series_by_metric == [("m", 2)]
        assert sizes.values_by_label == [("__name__", 2)]
        assert sizes.series_by_pair == [("__name__=m", 2)]


def test_too_much_is_refused_with_the_limit(tmp_path: Path) -> None:
    now = now_ms()
    small = replace(QUICK, samples_a_query_max=99, series_a_query_max=99, samples_a_request_max=100)
    with opened(tmp_path, small) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES).slots
        metrics.append(samples(slots, now, [1.0] * 100))
        with pytest.raises(QueryTooBig, match="100 series; the limit is 99"):
            read(metrics, 0, now)
        with pytest.raises(InputError, match="may have 100 samples; this one has 101"):
            metrics.append(samples([0] * 101, now, [1.0] * 101))


def test_a_full_disk_refuses_serves_and_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = now_ms()
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES[:2]).slots
        metrics.append(samples(slots, now - 2000, [1.0, 2.0]))
        monkeypatch.setattr("trimtab.store.spool.free_bytes", lambda _: 0)
        with pytest.raises(SpoolFull):
            metrics.append(samples(slots, now - 1000, [3.0, 4.0]))
        with pytest.raises(SpoolFull):
            metrics.register(SERIES[:3])
        assert metrics.register(SERIES[:2]).slots.tolist() == slots.tolist()
        assert read(metrics, 0, now) == {"0": [(now - 2000, 1.0)], "1": [(now - 2000, 2.0)]}
        assert metrics.status().series_count == 2
        monkeypatch.undo()
        assert metrics.append(samples(slots, now - 1000, [3.0, 4.0])).accepted_count == 2
        telemetry.flush(20)
    with opened(tmp_path) as telemetry:
        assert read(telemetry.metrics, now - 1500, now) == {"0": [(now - 1000, 3.0)], "1": [(now - 1000, 4.0)]}


def test_while_the_engine_takes_nothing_all_stays_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = now_ms()
    begin = now - 1_000_000

    def refuse(*_: object) -> None:
        raise EngineRefused("No space left on device", code=243)

    with monkeypatch.context() as patch:
        patch.setattr(NativeSink, "load", refuse)
        telemetry = EmbeddedTelemetry.open(tmp_path, LIMITS, RetentionPolicy(), TINY)
        slots = telemetry.metrics.register(SERIES).slots
        for scrape in range(900):
            telemetry.metrics.append(samples(slots, begin + scrape * 1000, [float(scrape)] * 100))
        assert telemetry.metrics.status().hot.size_bytes > TINY.hot_bytes_max
        found = read(telemetry.metrics, 0, now)
        assert all(series == [(begin + n * 1000, float(n)) for n in range(900)] for series in found.values())
        assert len(found) == 100
    with contextlib.closing(telemetry):
        telemetry.flush(60)
        telemetry.metrics.append(samples(slots, now, [900.0] * 100))
        assert telemetry.metrics.status().hot.size_bytes <= TINY.hot_bytes_max
        assert read(telemetry.metrics, 0, now - 1) == found


@pytest.mark.usefixtures("kept_by_hand")
def test_the_oldest_days_go_when_there_is_too_much_on_disk(tmp_path: Path) -> None:
    now = now_ms()
    draw = np.random.default_rng(7)
    with opened(tmp_path, replace(QUICK, disk_bytes_max=1)) as telemetry:
        metrics = telemetry.metrics
        slots = metrics.register(SERIES).slots
        for days_ago in (5, 3, 0):
            metrics.append(samples(slots, now - days_ago * DAY_MS, draw.random(100).tolist()))
        telemetry.flush(20)
        metrics._budget.keep()
        days = telemetry.gather("SELECT DISTINCT intDiv(at_ms, 86400000) AS day FROM metric_samples").table
        assert set(days["day"].to_pylist()) == {now // DAY_MS}
        status = metrics.status()
        assert status.dropped_days_count == 2
        assert status.disk_bytes > 0
        assert status.hot.span_ms == 5 * DAY_MS


def test_a_new_start_does_not_make_the_first_question_wait_for_everything(tmp_path: Path) -> None:
    with opened(tmp_path) as telemetry:
        assert telemetry.metrics._thread is None
        telemetry.metrics.start()
        telemetry.metrics.wait(60)
        assert telemetry.metrics.wait_until_read_back(60)
        assert telemetry.metrics.status().series_count == 0
