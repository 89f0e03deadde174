"""What every detector has to hold, whatever is behind it: silence on noise, gaps, bounds, repeatability."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.analyze.detect.feeding import scored, table_scored
from tests.analyze.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings, Test
from trimtab.model.errors import InputError


@pytest.mark.parametrize("kind", NOISES)
def test_is_silent_on_noise_at_the_rate_that_p_says(kind: str) -> None:
    values = NOISES[kind](np.random.default_rng(3), 6000, 25)
    p = table_scored(values).p.reshape(values.shape)[1000:]
    beginnings = (p[1:] <= 1e-4) & (p[:-1] > 1e-4)
    episodes = float(beginnings.mean()) / 1e-4
    assert episodes < 4.0, f"{kind}: p <= 1e-4 begins {episodes:.1f} times as often as it says"
    assert (p <= 1e-6).sum() <= 1


@pytest.mark.parametrize("kind", NOISES)
def test_something_that_is_far_out_is_found(kind: str) -> None:
    values = NOISES[kind](np.random.default_rng(4), 5000, 1)[:, 0]
    odd = values.max() + 10 * (np.quantile(values, 0.999) - np.median(values))
    values[4500:4540] = odd
    scores = scored(values)
    assert scores.p[4500:4540].min() < 1e-5
    assert scores.p[4300:4500].min() > 1e-5
    assert scores.low[4500] <= scores.expected[4500] <= scores.high[4500] < odd
    assert scores.test[4500] != Test.NONE


def test_99_of_100_values_lie_within_the_band() -> None:
    for kind in ("even", "daily", "wandering", "integers"):
        values = NOISES[kind](np.random.default_rng(5), 6000, 10)
        scores = table_scored(values)
        rows = slice(1000 * 10, None)
        inside = (scores.observed >= scores.low) & (scores.observed <= scores.high)
        assert 0.98 < inside[rows].mean() < 0.997, kind


def test_a_first_value_that_was_none_leaves_the_band() -> None:
    values = np.random.default_rng(18).normal(100.0, 3.0, 12_000)
    values[0] = 0.0
    scores = scored(values, 15_000)
    assert 70.0 < scores.low[-1] < 95.0 < 105.0 < scores.high[-1] < 130.0  # 220 before


@pytest.mark.parametrize("kind", ["even", "heavy", "counts"])
def test_factor_and_offset_change_nothing(kind: str) -> None:
    values = NOISES[kind](np.random.default_rng(6), 3000, 1)[:, 0]
    seconds = scored(values)
    others = [values * 1000.0, values / 1024.0]
    if kind != "counts":  # a step that never came before is judged beside the number itself, too
        others.append(values + 64.0)
    for same in map(scored, others):
        assert np.allclose(np.log(seconds.p), np.log(same.p), atol=1e-3)
        assert np.allclose(seconds.score, same.score, atol=1e-3)
        assert np.array_equal(seconds.test, same.test)


def test_upside_down_is_as_odd() -> None:
    values = NOISES["even"](np.random.default_rng(7), 3000, 1)[:, 0]
    values[2500] = 0.0
    assert np.allclose(scored(values).p, scored(-values).p)


def test_batches_and_other_series_change_nothing() -> None:
    values = NOISES["heavy"](np.random.default_rng(8), 2000, 5)
    together = table_scored(values)
    one = scored(values[:, 2])
    assert np.array_equal(together.p[2::5], one.p)
    detector = Detector(DetectSettings())
    slots = np.repeat(detector.add(1, 60_000), 2000)
    at_ms = np.arange(2000, dtype=np.int64) * 60_000
    cuts = [0, 1, 2, 700, 701, 1999, 2000]
    parts = [detector.update(slots[a:b], at_ms[a:b], values[a:b, 2]) for a, b in itertools.pairwise(cuts)]
    assert np.array_equal(np.concatenate([part.p for part in parts]), one.p)
    assert np.array_equal(np.concatenate([part.low for part in parts]), one.low, equal_nan=True)


def test_a_score_uses_no_later_sample() -> None:
    values = NOISES["wandering"](np.random.default_rng(9), 2500, 1)[:, 0]
    assert np.array_equal(scored(values).score[:1700], scored(values[:1700]).score)


def test_nothing_is_said_while_it_warms_up() -> None:
    scores = scored(np.r_[np.ones(30), 1e6, np.ones(40)], settings=DetectSettings(warm_up_points=50))
    assert (scores.p[:50] == 1.0).all()
    assert np.isnan(scores.expected[:50]).all()
    assert np.isfinite(scores.expected[50:]).all()
    assert (scores.test[:50] == Test.NONE).all()


def test_what_is_no_number_is_passed_over() -> None:
    values = NOISES["even"](np.random.default_rng(10), 3000, 1)[:, 0]
    holes = values.copy()
    holes[500:3000:7] = np.nan
    holes[501:3000:7] = np.inf
    holes[502:3000:7] = -np.inf
    scores = scored(holes)
    missing = ~np.isfinite(holes)
    assert (scores.p[missing] == 1.0).all()
    assert (scores.score[missing] == 0.0).all()
    assert np.isnan(scores.expected[missing]).all()
    assert scores.p.min() > 1e-6


def test_rows_that_do_not_ascend_are_passed_over() -> None:
    detector = Detector(DetectSettings(warm_up_points=20))
    slots = np.repeat(detector.add(1, 1000), 101)
    values = np.random.default_rng(11).normal(0, 1, 101)
    detector.update(slots, np.arange(101, dtype=np.int64) * 1000, values)
    before = detector.dump()
    late = detector.update(slots[:2], np.array([99_000, 100_000]), np.array([1e9, 1e9]))
    assert late.p.tolist() == [1.0, 1.0]
    assert detector.dump() == before


@given(
    arrays(np.float64, st.integers(60, 200), elements=st.floats(allow_nan=True, allow_infinity=True)),
    st.sampled_from([1, 1000, 300_000, 86_400_000, 7 * 86_400_000]),
)
@settings(max_examples=40, deadline=None)
def test_any_numbers_give_scores(values: np.ndarray, step_ms: int) -> None:
    scores = scored(np.concatenate([values, values[::-1]]), step_ms, DetectSettings(warm_up_points=20))
    assert ((scores.score >= 0) & (scores.score < 1)).all()
    assert ((scores.p > 0) & (scores.p <= 1)).all()
    assert (scores.test <= Test.SPREAD).all()


def test_a_series_takes_at_most_a_kilobyte_and_no_more_are_taken_than_allowed() -> None:
    detector = Detector(DetectSettings(series_max=1000))
    slots = detector.add(1000, 1000)
    assert detector.size_bytes <= 1000 * 1024
    with pytest.raises(InputError, match="1001 series, the limit"):
        detector.add(1, 1000)
    size = detector.size_bytes
    for _ in range(3):
        detector.remove(slots[:400])
        slots[:400] = detector.add(400, 1000)
    assert len(detector) == 1000
    assert detector.size_bytes == size


def test_a_place_that_is_used_again_remembers_nothing() -> None:
    values = NOISES["even"](np.random.default_rng(12), 500, 1)[:, 0]
    detector = Detector(DetectSettings())
    slot = detector.add(1, 60_000)
    detector.update(np.repeat(slot, 500), np.arange(500, dtype=np.int64), values * 1e6)
    detector.remove(slot)
    again = detector.add(1, 60_000)
    assert again.tolist() == slot.tolist()
    scores = detector.update(np.repeat(again, 500), np.arange(500, dtype=np.int64) * 60_000, values)
    assert np.array_equal(scores.p, scored(values).p)


def test_one_by_one_is_the_same_as_together() -> None:
    values = NOISES["even"](np.random.default_rng(13), 600, 1)[:, 0]
    values[400], values[500] = 1e4, np.nan
    together = scored(values)
    detector = Detector(DetectSettings())
    slot = int(detector.add(1, 60_000)[0])
    for row, value in enumerate(values.tolist()):
        one = detector.update_one(slot, row * 60_000, value)
        said = together.row(row)
        assert np.array_equal(one[:5], [said.score[0], said.p[0], said.expected[0], said.low[0], said.high[0]], True)
        assert one.test == said.test[0]
    assert together.p[400] < 1e-6, "and it says something"


def test_wrong_input_is_named() -> None:
    detector = Detector(DetectSettings())
    for slot in (0, -1, 5):
        with pytest.raises(InputError, match="a slot has no series"):
            detector.update_one(slot, 0, 1.0)
    with pytest.raises(InputError, match="a slot has no series"):
        detector.update(np.array([0], np.int32), 0, np.array([1.0]))
    with pytest.raises(InputError, match="step_ms is 0"):
        detector.add(1, 0)
    slots = detector.add(2, np.array([1000, 2000]))
    for slot in (-1, 2, 2_000_000_000):
        with pytest.raises(InputError, match="a slot has no series"):
            detector.update(np.array([0, slot], np.int32), 0, np.ones(2))
    with pytest.raises(InputError, match="slots and"):
        detector.update(slots, 0, np.array([1.0]))
