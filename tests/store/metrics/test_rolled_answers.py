"""Answers from roll-ups, where samples are gone or too many: what they are, and that they say so."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.metrics.scrapes import Points, now_ms, read, samples
from tests.store.metrics.test_store import LIMITS, QUICK, SERIES
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS, NAMES
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
LATE = replace(QUICK, out_of_order_window_s=864_000.0)
DAYS, SCRAPE_MS = 3, 60_000


@contextlib.contextmanager
def opened(path: Path, policy: RetentionPolicy, limits: MetricLimits = LATE) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(make_tables(path), LIMITS, policy, limits) as telemetry:
        assert telemetry.metrics.wait_until_read_back(60)
        yield telemetry


def fill(telemetry: EmbeddedTelemetry) -> int:
    """Three days of eight counters that are reset now and then; when they begin."""
    draw = np.random.default_rng(11)
    metrics = telemetry.metrics
    slots = metrics.register(SERIES[:8]).slots
    begin = now_ms() // HOURS_MS * HOURS_MS - DAYS * 24 * HOURS_MS
    scrapes = np.arange((now_ms() - 60_000 - begin) // SCRAPE_MS)
    for slot in slots.tolist():
        grown = draw.integers(0, 50, len(scrapes)).astype(np.float64)
        values = np.cumsum(grown)
        for reset in np.flatnonzero(draw.random(len(scrapes)) < 0.01):
            values[reset:] -= values[reset] - grown[reset]
        at_ms = begin + scrapes * SCRAPE_MS + draw.integers(1, 1000, len(scrapes))
        metrics.append(samples([slot] * len(scrapes), at_ms.tolist(), values.tolist()))
    telemetry.flush(30)
    metrics.rollups.roller.roll(now_ms(), 0)
    return begin


def wait_until_gone(telemetry: EmbeddedTelemetry, before_ms: int) -> None:
    give_up_at = time.monotonic() + 30
    sql = "SELECT id FROM metric_samples WHERE at_ms < {before_ms:Int64} LIMIT 1"
    while telemetry.gather(sql, {"before_ms": before_ms}).table.num_rows:
        assert time.monotonic() < give_up_at, "the engine did not drop old samples"
        time.sleep(0.1)


def by_name(answer: Answer) -> dict[str, list[float | None]]:
    return {
        dict(labels)["name"]: [float(value) if there else None for value, there in zip(row, present, strict=True)]
        for labels, row, present in zip(answer.labels, answer.values, answer.present, strict=True)
    }


def grown(points: Points, name: str, from_ms: int, to_ms: int) -> float:
    """What a counter grew by from the last sample up to `from_ms` to the last one up to `to_ms`."""
    before = [value for at_ms, value in points[name] if at_ms <= from_ms][-1:]
    inside = [value for at_ms, value in points[name] if from_ms < at_ms <= to_ms]
    return sum(now if now < last else now - last for last, now in pairwise([*before, *inside]))


@pytest.mark.parametrize("width_ms", [MINUTES_MS, HOURS_MS])
def test_what_is_gone_is_answered_from_roll_ups(tmp_path: Path, width_ms: int) -> None:
    queries = [f"{name}(m[2h])" for name in ("avg_over_time", "sum_over_time", "min_over_time", "max_over_time")]
    queries += [
        f"{name}(m[2h])" for name in ("count_over_time", "last_over_time", "present_over_time", "first_over_time")
    ]
    queries += ["m", "sum(m)", "max_over_time(sum(m)[2h:1h])"]
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        begin = fill(telemetry)
        start, end, step = begin + 4 * HOURS_MS, begin + DAYS * 24 * HOURS_MS, HOURS_MS
        raw = {query: evaluate_range(telemetry.metrics, query, start, end, step) for query in queries}
        points = read(telemetry.metrics, 0, now_ms())
        assert all(answer.infos == () for answer in raw.values())
    minutes_days = 5 if width_ms == MINUTES_MS else 1
    shorter = RetentionPolicy(metrics_days=1, metrics_5m_days=minutes_days)
    with opened(tmp_path, shorter, replace(LATE, hot_bytes_max=40_000)) as telemetry:
        metrics = telemetry.metrics
        kept = metrics.kept()
        assert kept is not None
        hot = metrics._parts.hot
        hot.begin_reload(max(hot.from_ms, kept.raw_from_ms))  # as if memory had let go of the rest
        wait_until_gone(telemetry, begin + 24 * HOURS_MS)
        for query in queries:
            found = evaluate_range(metrics, query, start, end, step)
            assert found.samples_count < raw[query].samples_count
            assert found.labels == raw[query].labels
            assert (found.present == raw[query].present).all(), query
            np.testing.assert_allclose(found.values, raw[query].values, rtol=1e-12, err_msg=query)
            assert len(found.infos) == 1
            assert "roll-ups before" in found.infos[0]
            assert "raw samples are kept for 1 days" in found.infos[0]
        for query, per_s in (("increase(m[2h])", 1.0), ("rate(m[2h])", 7200.0)):
            answer = evaluate_range(metrics, query, start, end, step)
            rates = {dict(labels)["name"]: row for labels, row in zip(answer.labels, answer.values, strict=True)}
            for column, at_ms in enumerate(answer.at_ms.tolist()):
                if at_ms - 2 * HOURS_MS < kept.raw_from_ms:
                    for name, row in rates.items():
                        wanted = grown(points, name, at_ms - 2 * HOURS_MS, at_ms) / per_s
                        assert row[column] == pytest.approx(wanted, rel=1e-12), (name, at_ms)
            before = evaluate_instant(metrics, query.replace("2h", "7300s"), start)
            assert "range of" in before.infos[0]
            assert len(before.labels) == 8
        # the whole time at once: nothing is counted twice, and nothing lost
        whole = evaluate_instant(metrics, "increase(m[40h])", begin + 44 * HOURS_MS)
        parts = evaluate_range(metrics, "increase(m[2h])", begin + 6 * HOURS_MS, begin + 44 * HOURS_MS, 2 * HOURS_MS)
        np.testing.assert_allclose(whole.values[:, 0], parts.values.sum(axis=1), rtol=1e-12)
        other = evaluate_range(metrics, "changes(m[1h])", start, end, step)
        assert "PromQL info: evaluated on first and last samples of" in other.infos[0]
        assert len(other.labels) == 8
        # steps that are on no end of a window
        loose = evaluate_range(metrics, "m", start + 1234, start + 1234 + 20 * 60_000, 60_000)
        assert loose.present.all()
        assert evaluate_range(metrics, "m", end - HOURS_MS, end, step).infos == ()
        infos = evaluate_range(metrics, "rate(m[30m])", start, end, step).infos
        assert any(NAMES[width_ms] in info for info in infos if "answered" in info)


def test_what_is_too_much_is_answered_from_roll_ups(tmp_path: Path) -> None:
    with opened(tmp_path, RetentionPolicy()) as telemetry:
        begin = fill(telemetry)
        end = begin + DAYS * 24 * HOURS_MS
        raw = evaluate_instant(telemetry.metrics, "avg_over_time(m[2d])", end)
    few = replace(LATE, samples_a_query_max=10_000)
    with opened(tmp_path, RetentionPolicy(), few) as telemetry:
        metrics = telemetry.metrics
        metrics._parts.hot.begin_reload(end)  # as if memory had let go of it
        found = evaluate_instant(metrics, "avg_over_time(m[2d])", end)
        np.testing.assert_allclose(found.values, raw.values, rtol=1e-12)
        (info,) = found.infos
        assert "answered from 5m roll-ups before" in info
        assert "raw samples would be read, the limit is 10000" in info
        now = evaluate_instant(metrics, "avg_over_time(m[2d])", now_ms())
        np.testing.assert_allclose(now.values, raw.values, rtol=0.2)
        assert evaluate_range(metrics, "sum(rate(m[5m]))", begin + HOURS_MS, now_ms(), MINUTES_MS).present.all()
        assert evaluate_range(metrics, "m", begin + HOURS_MS, now_ms() - 60_000, MINUTES_MS).present.all()
