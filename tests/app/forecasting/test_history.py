"""The history of a family: asked for once, then only what is new."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trimtab.app.forecasting.families import FAMILIES
from trimtab.app.forecasting.history import AGAIN_STEPS, DAY_MS, HOUR_MS, Block, History, enough
from trimtab.app.forecasting.subjects import labelled

CPU = next(family for family in FAMILIES if family.name == "host_cpu")
ONE, TWO = (labelled(CPU, {"job": "node", "instance": name}, "%") for name in ("web1", "web2"))


@dataclass
class Hours:
    """Two series: each value is its hour; the second begins at `second_ms`. Nothing before `begins_ms`."""

    begins_ms: int = 0
    second_ms: int = 10**15
    asked: list[tuple[int, int, int]] = field(default_factory=list)

    def newest_ms(self, now_ms: int, step_ms: int) -> int:
        return now_ms // step_ms * step_ms

    def read(self, from_ms: int, count: int, step_ms: int) -> Block:
        self.asked.append((from_ms, count, step_ms))
        at = from_ms + step_ms * np.arange(count)
        values = np.stack([np.where(at >= begin, at / HOUR_MS, np.nan) for begin in (self.begins_ms, self.second_ms)])
        rows = np.flatnonzero(np.isfinite(values).any(axis=1))
        return Block([(ONE, TWO)[row] for row in rows.tolist()], from_ms, step_ms, values[rows])


def test_the_second_time_only_the_end_is_asked_for() -> None:
    source, history = Hours(), History()
    now = 100 * DAY_MS
    first = history.bring(source, now, 28 * DAY_MS, 10)
    assert first.values.shape == (1, 28 * 24)
    second = history.bring(source, now + 2 * HOUR_MS, 28 * DAY_MS, 10)
    assert second.values.shape == (1, 28 * 24)
    assert source.asked[-1][1] == AGAIN_STEPS + 2
    assert second.end_ms == now + 3 * HOUR_MS
    np.testing.assert_array_equal(second.values[0], np.arange(second.start_ms, second.end_ms, HOUR_MS) / HOUR_MS)


def test_a_series_that_comes_later_joins_and_one_that_is_gone_for_good_leaves() -> None:
    now = 100 * DAY_MS
    source, history = Hours(second_ms=now + HOUR_MS), History()
    history.bring(source, now, 4 * DAY_MS, 10)
    both = history.bring(source, now + 3 * HOUR_MS, 4 * DAY_MS, 10)
    assert [one.name for one in both.subjects] == ["web1", "web2"]
    assert np.isfinite(both.values[1]).sum() == 3
    assert enough(both).tolist() == [True, False]
    source.begins_ms = 10**15
    for step in range(4, 4 + 5 * 24, 8):
        left = history.bring(source, now + step * HOUR_MS, 4 * DAY_MS, 10)
    assert [one.name for one in left.subjects] == ["web2"]


def test_a_young_server_is_taken_by_smaller_steps_until_it_has_days() -> None:
    begins = 100 * DAY_MS
    source, history = Hours(begins_ms=begins), History()
    steps = [
        history.bring(source, begins + hours * HOUR_MS, 28 * DAY_MS, 10).step_ms // 60_000
        for hours in (1, 3, 14, 40, 80, 110, 130)
    ]
    assert steps == [5, 5, 15, 15, 60, 60, 60]


def test_of_too_many_those_with_most_history_stay() -> None:
    now = 100 * DAY_MS
    source = Hours(second_ms=now - DAY_MS)
    assert [one.name for one in History().bring(source, now, 28 * DAY_MS, 1).subjects] == ["web1"]


def test_after_a_long_gap_everything_is_asked_anew() -> None:
    source, history = Hours(), History()
    history.bring(source, 100 * DAY_MS, 4 * DAY_MS, 10)
    history.bring(source, 200 * DAY_MS, 4 * DAY_MS, 10)
    assert source.asked[-1][1] == 4 * 24
