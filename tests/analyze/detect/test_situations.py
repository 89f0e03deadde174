"""Situations that real series are in: cycles, gaps, resets, constants, jumps of scale, the same incident again."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.analyze.detect.feeding import scored, table_scored
from tests.analyze.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings, Test

DAY = 1440


def test_what_is_usual_at_noon_is_odd_at_night() -> None:
    values = NOISES["daily"](np.random.default_rng(1), 8 * DAY, 1)[:, 0]
    at = 7 * DAY + 1080  # the lowest time of the day
    values[at : at + 30] = 110.0
    scores = scored(values)
    assert scores.p[at : at + 30].min() < 1e-5
    assert abs(scores.expected[at] - 50.0) < 10.0
    assert scores.p[6 * DAY : 7 * DAY].min() > 1e-5


def test_weekends_are_not_odd_once_one_was_seen() -> None:
    rng = np.random.default_rng(2)
    at = np.arange(28 * 288)
    is_weekend = (at // 288 + 3) % 7 >= 5
    values = np.where(is_weekend, 20.0, 100.0) + 10 * np.sin(2 * np.pi * at / 288) + rng.normal(0, 3, at.size)
    scores = scored(values, step_ms=300_000)
    assert scores.p[14 * 288 :].min() > 1e-6
    error = np.abs(scores.expected - values)[14 * 288 :]
    assert np.median(error) < 5.0


def test_a_gap_is_no_jump() -> None:
    rng = np.random.default_rng(3)
    values = np.cumsum(rng.normal(0, 0.2, 4000)) + rng.normal(0, 0.2, 4000)
    at_ms = np.arange(4000, dtype=np.int64) * 10_000
    at_ms[3000:] += 6 * 3_600_000
    values[3000:] += 4.0
    detector = Detector(DetectSettings())
    slots = np.repeat(detector.add(1, 10_000), 4000)
    scores = detector.update(slots, at_ms, values)
    assert scores.test[3000] != Test.JUMP
    assert scores.p[3000:3050].min() > 1e-6


def test_a_counter_may_begin_anew() -> None:
    rng = np.random.default_rng(4)
    grown = rng.poisson(20, 6000).cumsum().astype(float)
    grown[4000:] -= grown[3999]
    scores = scored(grown, 10_000)
    assert scores.p[4000] == 1.0
    assert scores.p[4001:4100].min() > 1e-6


def test_a_series_that_always_grows_is_not_odd_for_growing() -> None:
    rng = np.random.default_rng(5)
    scores = scored(np.arange(6000) * 5.0 + rng.normal(0, 3, 6000))
    assert (scores.p[1000:] < 1e-6).mean() < 0.002
    assert (scores.score[1000:] > 0.3).sum() < 20


def test_constants_are_silent_and_one_step_of_them_is_not_sure() -> None:
    scores = scored(np.r_[np.full(5000, 7.0), 8.0, np.full(100, 7.0)])
    assert (scores.p[:5000] == 1.0).all()
    assert 1e-7 < scores.p[5000] < 1e-3
    assert (scored(np.zeros(3000)).p == 1.0).all()


def test_a_constant_that_falls_to_zero_is_not_taken_for_a_reset() -> None:
    scores = scored(np.r_[np.full(3000, 7.0), np.zeros(50)])
    assert scores.p[3000] < 1e-3


def test_another_scale_becomes_usual() -> None:
    rng = np.random.default_rng(6)
    values = np.r_[rng.normal(10, 1, 3000), rng.normal(10_000, 1000, 5000)]
    scores = scored(values, 10_000)
    assert scores.p[3000:3010].min() < 1e-5
    assert scores.p[6000:].min() > 1e-6
    assert np.median(np.abs(scores.expected - values)[7000:]) < 2000


def test_silence_of_a_noisy_series_is_odd() -> None:
    rng = np.random.default_rng(7)
    values = np.r_[rng.normal(50, 5, 4000), np.full(400, 50.0)]
    scores = scored(values, 10_000)
    at = 4000 + int(scores.p[4000:].argmin())
    assert scores.p[at] < 2e-3
    assert scores.test[at] == Test.SPREAD


def test_a_shift_too_small_for_one_sample_is_found_as_a_shift() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(50, 5, 5000)
    values[4500:4600] += 12.0
    scores = scored(values, 10_000)
    at = 4500 + int(scores.p[4500:4600].argmin())
    assert scores.p[at] < 1e-4
    assert scores.test[at] == Test.SHIFT


def test_the_same_incident_is_told_again_days_later() -> None:
    rng = np.random.default_rng(9)
    values = rng.normal(50, 5, 12_000)
    for at in (5000, 8000, 11_000):
        values[at : at + 30] += 100.0
    scores = scored(values, 60_000)
    for at in (5000, 8000, 11_000):
        assert scores.p[at : at + 30].min() < 1e-5, at


@pytest.mark.parametrize(("kind", "size"), [("even", 8), ("heavy", 50)])
def test_three_rows_that_are_far_out_are_surer_than_one(kind: str, size: float) -> None:
    values = NOISES[kind](np.random.default_rng(13), 3000, 20)
    values[2900:2903] += size * values.std(axis=0)
    p = table_scored(values, 15_000).p.reshape(values.shape)
    assert np.median(p[2902]) < 1e-6
    assert np.median(p[2902]) < np.median(p[2900]) / 5


def test_what_was_constant_and_is_another_number_for_long_gets_surer() -> None:
    locks = np.r_[np.zeros(2000), np.full(20, 6.0)]
    p = scored(locks, 15_000).p
    assert p[2000] > 1e-6
    assert p[2002] < p[2000] / 5
    assert p[2002:2015].max() < 3e-6


@pytest.mark.parametrize(("base", "other", "lasts"), [(0.0, 6.0, 20), (7.0, 9.0, 100), (100.0, 0.0, 20)])
def test_a_constant_that_is_back_is_as_usual(base: float, other: float, lasts: int) -> None:
    values = np.full(6000, base)
    values[5000 : 5000 + lasts] = other
    p = scored(values, 15_000).p
    assert p[5002 : 5000 + lasts].max() < 1e-5
    assert p[5000 + lasts + 40 :].min() > 1e-3


def test_three_rows_that_are_apart_are_not_three_in_a_row() -> None:
    values = NOISES["even"](np.random.default_rng(14), 3000, 20)
    together, apart = values.copy(), values.copy()
    together[2900:2903] += 8 * values.std(axis=0)
    apart[2900:2960:20] += 8 * values.std(axis=0)
    third = table_scored(together, 15_000).p.reshape(values.shape)[2902]
    assert np.median(third) < np.median(table_scored(apart, 15_000).p.reshape(values.shape)[2940]) / 10


def test_an_incident_that_is_over_does_not_begin_again_while_means_remember_it() -> None:
    values = NOISES["even"](np.random.default_rng(15), 3000, 20)
    values[2500:2520] += 150.0
    p = table_scored(values).p.reshape(values.shape)
    assert p[2500:2520].min(axis=0).max() < 1e-6
    assert p[2570:2700].min() > 1e-6


def test_another_level_is_told_beside_what_was_usual_before_it() -> None:
    values = NOISES["heavy"](np.random.default_rng(16), 1500, 40)
    step = 8 * values.std(axis=0)
    values[1450:1462] += step
    scores = table_scored(values, 15_000)
    is_told = (scores.test == Test.SHIFT) & (scores.p < 1e-3)
    rows = slice(1452 * 40, 1462 * 40)
    off = ((scores.expected[rows].reshape(10, 40) - values[:1450].mean(axis=0)) / step)[is_told[rows].reshape(10, 40)]
    assert off.size > 100
    assert np.median(off) < 0.1
    assert np.quantile(off, 0.95) < 0.3
    told = np.flatnonzero(is_told)
    assert ((scores.low <= scores.expected) & (scores.expected <= scores.high))[told].all()


@pytest.mark.parametrize("kind", ["even", "heavy", "counts"])
def test_an_incident_of_the_first_day_that_is_over_is_not_told_again(kind: str) -> None:
    values = NOISES[kind](np.random.default_rng(17), 1200, 20)
    values[720:880] += 20 * values.std(axis=0)  # 40 minutes: its last ten are learned
    p = table_scored(values, 15_000).p.reshape(values.shape)
    assert p[720:726].min(axis=0).max() < 1e-5
    assert (p[880:].min(axis=0) < 1e-6).mean() < 0.2


def test_what_goes_on_alerts_once() -> None:
    rng = np.random.default_rng(10)
    values = rng.normal(50, 5, 5000)
    values[4000:4090] += 80.0
    scores = scored(values, 60_000)
    assert 1 <= (scores.score[4000:4100] > 0.3).sum() <= 6
    assert (scores.p[4000:4060] < 1e-3).mean() > 0.8


def test_steps_of_a_second_and_of_minutes_give_the_same_silence() -> None:
    values = NOISES["even"](np.random.default_rng(11), 5000, 1)[:, 0]
    values[4500:4530] += 60.0
    for step_ms in (1000, 10_000, 60_000, 300_000):
        scores = scored(values, step_ms)
        assert scores.p[4500:4530].min() < 1e-5, step_ms
        assert scores.p[500:4500].min() > 1e-6, step_ms


@pytest.mark.parametrize(("incident_ms", "is_usual"), [(1_800_000, True), (14_400_000, False)])
def test_what_lasts_becomes_usual_after_so_long(incident_ms: int, is_usual: bool) -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(100, 3, 6000)
    values[4000:4720] += 60.0  # three hours
    detector = Detector(DetectSettings(incident_ms=incident_ms))
    slots = np.repeat(detector.add(1, 15_000), values.size)
    scores = detector.update(slots, np.arange(values.size, dtype=np.int64) * 15_000, values)
    assert scores.p[4000:4010].min() < 1e-6
    assert bool(scores.p[4480:4720].min() > 1e-4) is is_usual  # its third hour


def _nightly(rng: np.random.Generator, days: int) -> NDArray[np.float64]:
    """A batch from two o'clock to twenty to three, each day; little else."""
    at = np.arange(days * DAY)
    return rng.poisson(np.where((at % DAY >= 120) & (at % DAY < 160), 8.0, 0.05)).astype(float)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_batch_of_each_night_is_told_no_second_time(seed: int) -> None:
    values = _nightly(np.random.default_rng(seed), 3)[118:]  # the first one comes before anything is known
    second = slice(DAY - 8, DAY + 62)
    assert scored(values).p[second].min() > 3e-4
    no_days = DetectSettings(cycle_ms=7 * DAY * 60_000)  # who knows no days is surprised
    assert scored(values, settings=no_days).p[second].min() < 3e-5


def test_a_cycle_may_be_shorter_than_a_day() -> None:
    values = _nightly(np.random.default_rng(7), 3)[118:]
    at_ms = 118_000 + np.arange(values.size, dtype=np.int64) * 1000  # a second a minute
    for cycle_ms, is_odd in ((DAY * 1000, False), (86_400_000, True)):
        detector = Detector(DetectSettings(cycle_ms=cycle_ms, incident_ms=30_000))
        slots = np.repeat(detector.add(1, 1000), values.size)
        assert bool(detector.update(slots, at_ms, values).p[DAY - 8 : DAY + 62].min() < 3e-4) is is_odd


def test_an_incident_that_comes_again_the_next_day_is_told_again() -> None:
    values = np.random.default_rng(8).poisson(0.02, 3 * DAY).astype(float)
    for day in (1, 2):
        values[day * DAY + 700 : day * DAY + 740] = 5.0
    p = scored(values).p
    assert p[DAY + 700 : DAY + 710].min() < 1e-5
    assert p[2 * DAY + 700 : 2 * DAY + 710].min() < 1e-5


@pytest.mark.parametrize("begins", [200, 420, 700])
def test_three_times_as_much_is_told_at_night_too(begins: int) -> None:
    # no more than the evening has: only the hour and the last hour tell
    begins += 2 * DAY
    minutes = np.arange(3 * DAY)
    level = 200.0 + 800.0 * np.exp(-0.5 * ((minutes % DAY - 1200) / 130.0) ** 2)
    level[begins : begins + 40] *= 3.5
    p = scored(np.random.default_rng(9).poisson(level).astype(float)).p
    assert p[DAY:begins].min() > 1e-5
    assert p[begins : begins + 4].min() < 1e-6


@pytest.mark.parametrize(("lasts", "times"), [(40, 5.0), (90, 3.0), (300, 3.0)])
def test_a_batch_of_each_night_that_has_much_more_to_do_is_told(lasts: int, times: float) -> None:
    values = np.random.default_rng(12).poisson(0.5, 5 * DAY).astype(float)
    for day in range(5):
        values[day * DAY + 120 : day * DAY + 120 + lasts] += 20.0 * (times if day == 4 else 1.0)
    p = scored(values).p
    assert p[2 * DAY : 4 * DAY + 120].min() > 1e-6
    assert p[4 * DAY + 120 : 4 * DAY + 120 + lasts].min() < 1e-6


@pytest.mark.parametrize("begins", [60, 420, 700, 1200])
def test_nothing_at_all_is_told_at_night_too(begins: int) -> None:
    # hours are low at night as those beside them: 0 is on their side of the day's mean, and not as usual
    begins += 3 * DAY
    minutes = np.arange(4 * DAY)
    level = 200.0 + 800.0 * np.exp(-0.5 * ((minutes % DAY - 1200) / 130.0) ** 2)
    level[begins : begins + 30] = 0.0
    p = scored(np.random.default_rng(11).poisson(level).astype(float)).p
    assert p[2 * DAY : begins].min() > 1e-5
    assert p[begins : begins + 10].min() < 2e-6


def test_back_to_what_it_was_is_no_incident_of_its_own() -> None:
    values = np.random.default_rng(10).normal(100.0, 3.0, 3 * DAY)
    values[2 * DAY + 300 : 2 * DAY + 320] += 60.0
    p = scored(values).p
    assert p[2 * DAY + 300 : 2 * DAY + 310].min() < 1e-8
    assert p[2 * DAY + 325 : 2 * DAY + 400].min() > 1e-5


def test_an_hour_of_trouble_is_told_again_another_day() -> None:
    # half an hour of it is not learned, the rest counts as little more than the greatest before
    values = np.random.default_rng(12).normal(1000.0, 3.0, 7 * 5760)
    begins = [2 * 5760 + 400, 3 * 5760 + 2000, 4 * 5760 + 3600, 5 * 5760 + 5200]
    for begin in begins:
        values[begin : begin + 240] += 300.0
    p = scored(values, 15_000).p
    assert [p[begin : begin + 10].min() < 1e-8 for begin in begins] == [True] * 4


def test_a_batch_of_each_night_is_not_told_again_when_it_ends() -> None:
    values = np.random.default_rng(13).normal(100.0, 3.0, 6 * DAY)
    nights = [day * DAY + 120 for day in range(6)]
    for begin in nights:
        values[begin : begin + 40] += 60.0
    p = scored(values).p
    # as it begins, as it lasts, and as it ends in the middle of its hour
    assert [bool(p[begin : begin + 60].min() < 1e-6) for begin in nights[1:]] == [False] * 5
