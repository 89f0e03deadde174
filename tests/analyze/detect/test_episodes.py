"""Episodes: few false ones whatever the number of series, one for what goes on."""

import numpy as np
import pytest

from tests.analyze.detect.feeding import events_of
from tests.analyze.detect.noises import NOISES
from trimtab.analyze.detect import (
    Closed,
    DetectSettings,
    EpisodeBook,
    Opened,
    Scores,
    Test,
    Worsened,
    detect_series,
)
from trimtab.stats.time_series import TimeSeries

SETTINGS = DetectSettings(false_per_day=1.0, odd_points=1)


def _scores(p: list[float], step_ms: float = 60_000) -> Scores:
    scores = Scores.none(len(p))
    scores.p[:] = p
    scores.step_ms[:] = step_ms
    scores.observed[:] = 9.0
    return scores


def _slots(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int32)


def test_one_episode_opens_worsens_and_closes() -> None:
    book = EpisodeBook(SETTINGS, lambda slot: f"cpu {slot}")
    calm, odd, odder = _scores([1.0, 1.0]), _scores([1.0, 1e-7]), _scores([1.0, 1e-9])
    assert book.step(0, _slots(2), calm) == []
    (opened,) = book.step(60_000, _slots(2), odd)
    assert isinstance(opened, Opened)
    assert (opened.episode.series, opened.episode.start_ms, opened.episode.observed) == ("cpu 1", 60_000, 9.0)
    assert book.step(120_000, _slots(2), odd) == []
    (worse,) = book.step(180_000, _slots(2), odder)
    assert isinstance(worse, Worsened)
    assert worse.episode.start_ms == 60_000
    for minute in range(4, 10):
        assert book.step(minute * 60_000, _slots(2), calm) == []
    (closed,) = book.step(600_000, _slots(2), calm)
    assert isinstance(closed, Closed)
    assert (closed.episode.start_ms, closed.episode.end_ms) == (60_000, 180_000)
    assert book.open == []


def test_a_series_that_falls_silent_or_goes_closes_its_episode() -> None:
    book = EpisodeBook(SETTINGS)
    book.step(0, _slots(1), _scores([1e-9]))
    (closed,) = book.step(10 * 60_000, _slots(0), _scores([]))
    assert isinstance(closed, Closed)
    book.step(20 * 60_000, _slots(1), _scores([1e-9]))
    (gone,) = book.close(_slots(1))
    assert isinstance(gone, Closed)
    assert book.close(_slots(1)) == []


def test_one_odd_sample_of_one_series_is_not_told_but_two_are_and_so_are_three_series_at_once() -> None:
    settings = DetectSettings(false_per_day=1.0)
    book = EpisodeBook(settings)
    assert book.step(0, _slots(3), _scores([1e-9, 1.0, 1.0])) == []
    (opened,) = book.step(4 * 60_000, _slots(3), _scores([5e-4, 1.0, 1.0]))  # the fifth sample
    assert (opened.episode.slot, opened.episode.start_ms) == (0, 0)
    late = EpisodeBook(settings)
    late.step(0, _slots(3), _scores([1e-9, 1.0, 1.0]))
    assert late.step(5 * 60_000, _slots(3), _scores([5e-4, 1.0, 1.0])) == []
    assert EpisodeBook(settings).step(0, _slots(3), _scores([1e-9, 1e-9, 1.0])) == []
    assert len(EpisodeBook(settings).step(0, _slots(3), _scores([1e-9, 1e-9, 1e-9]))) == 3


def test_an_episode_begins_with_its_first_odd_sample() -> None:
    book = EpisodeBook(DetectSettings(false_per_day=1.0))
    assert book.step(0, _slots(10), _scores([9e-4, *[1.0] * 9])) == []
    assert book.step(60_000, _slots(10), _scores([5e-4, *[1.0] * 9])) == []
    (opened,) = book.step(120_000, _slots(10), _scores([1e-9, *[1.0] * 9]))
    assert opened.episode.start_ms == 0


def test_open_episodes_survive_a_restart() -> None:
    book = EpisodeBook(SETTINGS)
    book.step(0, _slots(1), _scores([1e-9]))
    again = EpisodeBook(SETTINGS)
    again.restore(book.open)
    assert again.step(60_000, _slots(1), _scores([1e-9])) == []
    assert again.open[0].start_ms == 0


def test_more_series_have_to_be_odder_and_many_at_once_less() -> None:
    p = 0.5 / 1440  # of one series a day: half of what is allowed
    assert len(EpisodeBook(SETTINGS).step(0, _slots(1), _scores([p]))) == 1
    assert EpisodeBook(SETTINGS).step(0, _slots(10), _scores([p] + [1.0] * 9)) == []
    assert len(EpisodeBook(SETTINGS).step(0, _slots(10), _scores([p] * 5 + [1.0] * 5))) == 5
    assert EpisodeBook(SETTINGS).step(0, _slots(1), _scores([p]), watched=10) == []


def test_an_incident_may_reach_its_series_one_after_the_other() -> None:
    p = 0.5 / 1440
    book = EpisodeBook(SETTINGS)
    for tick in range(4):
        assert book.step(tick * 60_000, _slots(10), _scores([p if row == tick else 1.0 for row in range(10)])) == []
    opened = book.step(4 * 60_000, _slots(10), _scores([p if row == 4 else 1.0 for row in range(10)]))
    assert sorted((one.episode.slot, one.episode.start_ms) for one in opened) == [(at, at * 60_000) for at in range(5)]
    later = EpisodeBook(SETTINGS)
    for tick in range(5):
        row = _scores([p if row == tick else 1.0 for row in range(10)])
        assert later.step(tick * 10 * 60_000, _slots(10), row) == []


@pytest.mark.slow
@pytest.mark.parametrize(("series", "ticks"), [(1000, 2500), (10_000, 1400)])
def test_ten_times_the_series_do_not_ring_ten_times_as_often(series: int, ticks: int) -> None:
    rng = np.random.default_rng(1)
    kinds = ("even", "heavy", "wandering", "integers")
    values = np.concatenate([NOISES[kind](rng, ticks, series // 4) for kind in kinds], axis=1)
    allowed_a_day = 40.0
    warm = 600
    events = events_of(values, DetectSettings(false_per_day=allowed_a_day), warm=warm)
    allowed = allowed_a_day * (ticks - warm) * 10_000 / 86_400_000
    opened = sum(isinstance(event, Opened) for event in events)
    assert opened <= 2 * allowed + 4, f"{opened} episodes, {allowed:.1f} allowed"


def test_an_incident_in_a_fleet_is_found_once_in_each_series_that_has_it() -> None:
    rng = np.random.default_rng(2)
    values = NOISES["even"](rng, 2500, 100)
    values[2000:2030, :5] += 60.0
    events = events_of(values, SETTINGS)
    opened = [event.episode for event in events if isinstance(event, Opened)]
    assert len(opened) <= 6  # noise may open 0.3 in that time
    of_incident = [one for one in opened if one.slot < 5]
    assert sorted(one.slot for one in of_incident) == [0, 1, 2, 3, 4]
    for one in of_incident:
        assert 20_000_000 <= one.start_ms < 20_100_000
        assert one.low < one.expected < one.high < one.observed
        assert one.test != Test.NONE


def test_a_file_is_judged_as_if_it_came_sample_by_sample() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(10, 1, 3000)
    values[2000:2020] = 40.0
    at_ms = np.arange(3000, dtype=np.int64) * 60_000
    scores, episodes = detect_series(TimeSeries("cpu", at_ms, values), DetectSettings())
    early, _ = detect_series(TimeSeries("cpu", at_ms[:2500], values[:2500]), DetectSettings())
    assert np.array_equal(scores[:2500], early)
    assert [(one.series, one.start_ms // 60_000) for one in episodes] == [("cpu", 2000)]
    assert 2015 <= episodes[0].end_ms // 60_000 <= 2030
    assert detect_series(TimeSeries("one", at_ms[:1], values[:1]), DetectSettings())[1] == []
    assert detect_series(TimeSeries("none", at_ms[:0], values[:0]), DetectSettings())[0].size == 0


def test_what_was_0_for_2000_rows_and_is_6_for_20_opens_one_episode() -> None:
    values = NOISES["even"](np.random.default_rng(4), 2020, 50)
    values[:, 0] = 0.0
    values[2000:, 0] = 6.0
    opened = [event.episode for event in events_of(values, SETTINGS, 15_000, 1900) if isinstance(event, Opened)]
    assert [(one.slot, one.observed) for one in opened] == [(0, 6.0)]
    assert opened[0].start_ms <= 2004 * 15_000


def test_three_rows_of_8_sd_open_an_episode_in_heavy_and_in_light_noise() -> None:
    for kind, size in (("even", 8), ("heavy", 50)):
        values = NOISES[kind](np.random.default_rng(5), 2903, 50)
        values[2900:, :5] += size * values[:2900, :5].std(axis=0)
        opened = [event.episode for event in events_of(values, SETTINGS, 15_000, 2800) if isinstance(event, Opened)]
        assert sorted(one.slot for one in opened) == [0, 1, 2, 3, 4], kind
