"""Intervals from a few blocks hold as often as they say, on noise as a shared machine has it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trimtab.stats.paired import paired_ratio, total_ratio


@pytest.mark.parametrize("blocks", [3, 4, 6, 8])
def test_intervals_hold_nine_times_in_ten(blocks: int) -> None:
    random = np.random.default_rng(7)
    held = 0
    tries = 400
    for _ in range(tries):
        old = np.exp(random.standard_t(4, blocks) * 0.05)
        new = 0.7 * np.exp(random.standard_t(4, blocks) * 0.05)
        low, high = paired_ratio(old, new).interval_90
        held += low <= 0.7 <= high
    assert 0.86 <= held / tries <= 0.99


def test_sums_hold_too_and_what_stays_the_same_adds_no_noise() -> None:
    random = np.random.default_rng(8)
    held = 0
    tries = 300
    for _ in range(tries):
        old = [10 * np.exp(random.normal(0, 0.05, 5)), np.array([20.0]), np.exp(random.normal(0, 0.1, 5))]
        new = [5 * np.exp(random.normal(0, 0.05, 5)), np.array([20.0]), 2 * np.exp(random.normal(0, 0.1, 5))]
        low, high = total_ratio(old, new, [1.0, 1.0, 3.0]).interval_90
        held += low <= (5 + 20 + 6) / (10 + 20 + 3) <= high
    assert 0.85 <= held / tries <= 0.99
    same = total_ratio([np.array([5.0])], [np.array([5.0])], [1.0])
    assert same.interval_90 == (1.0, 1.0)


def test_two_blocks_say_nothing_of_the_noise() -> None:
    assert paired_ratio(np.array([1.0, 1.0]), np.array([0.5, 0.5])).interval_90 == (0.0, math.inf)
    assert total_ratio([np.array([1.0, 1.1])], [np.array([0.5, 0.6])], [1.0]).interval_90 == (0.0, math.inf)
