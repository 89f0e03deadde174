"""A record corrects, slowly at first; intervals are judged against always saying the mean."""

from __future__ import annotations

import math
import random

from trimtab.stats.prediction_record import Judged, against_history, correction, interval_score


def test_a_record_moves_predictions_the_more_the_longer_it_is() -> None:
    shifts = [correction([0.5] * count, [0.5] * count).shift for count in (0, 1, 5, 20, 200)]
    assert shifts == sorted(shifts)
    assert shifts[0] == 0.0
    assert shifts[1] < 0.1
    assert shifts[-1] > 0.45


def test_kinds_are_corrected_by_their_own_record() -> None:
    mixed = [0.0] * 40 + [1.0] * 40
    loops, plain = correction([1.0] * 40, mixed), correction([0.0] * 40, mixed)
    assert loops.factor > 2
    assert 1.0 <= plain.factor < 1.2
    assert (loops.count, loops.count_all) == (40, 80)


def test_a_long_record_gives_an_interval_that_holds() -> None:
    source = random.Random(3)
    drawn = [source.gauss(0.3, 0.4) for _ in range(4_000)]
    held = 0
    for place in range(60, 4_000):
        found = correction(drawn[place - 60 : place], [])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= drawn[place] - found.shift <= found.high
    assert 0.885 < held / 3_940 < 0.96
    assert correction(drawn[:19], drawn[:19]).low is None


def test_narrow_and_right_beats_history_and_wide_or_wrong_does_not() -> None:
    source = random.Random(5)
    seen = [math.exp(source.uniform(-3, 0)) for _ in range(100)]
    right = against_history([Judged(value / 1.2, value * 1.2, value) for value in seen])
    wrong = against_history([Judged(value * 2, value * 3, value) for value in seen])
    wide = against_history([Judged(1e-6, 1e6, value) for value in seen])
    assert right.beats_history is True
    assert wrong.beats_history is False
    assert wide.beats_history is False
    assert (right.inside_count, wrong.inside_count, wide.inside_count) == (100, 0, 100)
    assert against_history([Judged(0.1, 1, 0.5)] * 4).beats_history is None


def test_to_miss_costs_more_than_to_be_wide() -> None:
    assert interval_score(0.5, 2, 2.5) > interval_score(0.4, 2.5, 2.5)
