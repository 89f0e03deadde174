"""Senders whose clocks jump: what was acknowledged is read back, and what is refused is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import Points, now_ms, read, samples
from tests.store.metrics.test_store import QUICK, SERIES, opened
from trimtab.store.metrics.rolled import HOURS_MS

pytestmark = pytest.mark.store
AHEAD = replace(QUICK, ahead_s_max=7200.0, hot_bytes_max=1_500_000)


def test_clocks_that_jump_back_and_forth_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    draw = np.random.default_rng(9)
    begin = now_ms() - 600_000
    wanted: Points = {str(number): [] for number in range(20)}
    refused_count = 0
    offset_ms = 0
    with opened(tmp_path, AHEAD) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[:20]).slots
        for scrape in range(2000):
            if scrape % 40 == 0:
                offset_ms = int(draw.choice([-HOURS_MS, 0, HOURS_MS]))
            at_ms = begin + scrape * 250 + offset_ms
            for place in range(0, 20, 10):
                some = slots[place : place + 10]
                appended = metrics.append(samples(some, at_ms, [float(scrape)] * 10))
                assert appended.accepted_count + sum(appended.refused.values()) == 10
                assert set(appended.refused) <= {"out_of_order"}
                refused_count += sum(appended.refused.values())
                if appended.accepted_count:
                    assert appended.accepted_count == 10  # all of them have seen the same times
                    for number in range(place, place + 10):
                        wanted[str(number)].append((at_ms, float(scrape)))
            if scrape % 500 == 250:
                assert read(metrics, 0, 1 << 60) == {name: sorted(points) for name, points in wanted.items()}
            if scrape % 700 == 699:
                telemetry.flush(20)
                metrics.rollups.roller.roll(now_ms() + offset_ms, 0)  # the clock of this machine jumps, too
        wanted = {name: sorted(points) for name, points in wanted.items()}
        assert refused_count > 0  # an hour back from an hour ahead is more than the window for stragglers
        assert read(metrics, 0, 1 << 60) == wanted
        assert metrics.status().refused_samples["out_of_order"] == refused_count
    with opened(tmp_path, AHEAD) as telemetry:
        assert telemetry.metrics.wait_until_read_back(30)
        assert read(telemetry.metrics, 0, 1 << 60) == wanted
        telemetry.metrics.rollups.roller.roll(now_ms() + HOURS_MS, 0)
        rows = telemetry.query("SELECT sum(samples_count) AS n FROM metric_minutes_5 FINAL")["n"][0].as_py()
        mark = telemetry.metrics.rollups.roller.mark
        assert mark is not None
        assert rows == sum(at_ms <= mark.minutes_to_ms for points in wanted.values() for at_ms, _ in points)
