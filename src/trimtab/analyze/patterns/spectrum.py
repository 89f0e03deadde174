"""Whether a line stands out of a spectrum, whatever the colour of the noise around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

F64 = NDArray[np.float64]
NEIGHBOURS_MAX = 10


def periodogram(values: F64) -> F64:
    """Power at whole numbers of turns, shape [n // 2 + 1], of values whose two ends were brought to one level.

    Where the increments are independent (a random walk), the powers then are independent, too; a straight trend is
    gone.
    """
    count = values.size
    ends = max(1, count // 200)
    rise = float(values[-ends:].mean() - values[:ends].mean())
    level = values - np.linspace(0.0, rise, count)
    power: F64 = np.abs(np.fft.rfft(level - level.mean())) ** 2 / count
    return power


def line_p_value(values: F64, turns: int, harmonics: Sequence[int]) -> float:
    """How often noise would have as much power in a period's harmonics as these values, which hold `turns` whole
    periods.

    The power of each harmonic is compared with its neighbours': their ratio is F-distributed with 2 and 2 L degrees of
    freedom wherever the spectrum is about flat over them (a slope makes the test stricter). `harmonics` are numbers of
    them that are put together (Fisher 1932) and tried one after the other; the answer is corrected for that.

    >>> at = np.arange(7 * 96)
    >>> noise = np.random.default_rng(1).normal(0, 1, at.size)
    >>> line_p_value(noise + np.sin(at / 96 * 2 * np.pi), 7, (1, 4)) < 0.001, line_p_value(noise, 7, (1, 4)) > 0.05
    (True, True)
    """
    power = periodogram(values)
    wide = max(1, min(NEIGHBOURS_MAX, turns // 2))
    most = min(max(harmonics), (power.size - 1 - wide) // turns)
    if most < 1:
        return 1.0
    lines = turns * np.arange(1, most + 1)
    away = np.concatenate([np.arange(-wide, 0), np.arange(1, wide + 1)])
    around = power[lines[:, None] + away].mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(around > 0, power[lines] / around, np.where(power[lines] > 0, np.inf, 0.0))
    logs = -away.size * np.log1p(ratio / away.size)
    sums = np.cumsum(-2 * logs)
    tried = sorted({min(one, most) for one in harmonics})
    best = min(float(special.chdtrc(2 * one, sums[one - 1])) for one in tried)
    return min(1.0, best * len(tried))


def standing_out(values: F64, turns_min: int, steps_min: int) -> tuple[int, float]:
    """The number of turns whose power stands out most among those of at least `turns_min` turns and `steps_min` points
    a turn, and how often noise would have one like it among all of them (Bonferroni); (0, 1.0) where nothing can."""
    power = periodogram(values)
    highest = min(values.size // steps_min, power.size - 3)
    tried = np.arange(turns_min, highest + 1)
    if tried.size < 1:
        return 0, 1.0
    sums = np.concatenate([[0.0], np.cumsum(power)])
    wide = np.minimum(np.minimum(NEIGHBOURS_MAX, tried - 2), power.size - 1 - tried)
    own = sums[tried + 2] - sums[tried - 1]
    count = 2 * wide - 2
    around = (sums[tried + wide + 1] - sums[tried - wide] - own) / np.maximum(count, 1)
    is_fit = (count >= 4) & (around > 0)
    if not is_fit.any():
        return 0, 1.0
    logs = np.where(is_fit, -count * np.log1p(power[tried] / np.maximum(around, 1e-300) / np.maximum(count, 1)), 0.0)
    best = int(np.argmin(logs))
    return int(tried[best]), min(1.0, float(np.exp(logs[best])) * int(is_fit.sum()))


def refined_turns(values: F64, turns: int) -> float:
    """The same line between whole numbers of turns: where the power is highest within one turn on both sides."""
    level = (values - values.mean()) * np.hanning(values.size)
    tried = turns + np.linspace(-1.0, 1.0, 81)
    at = np.arange(values.size) / values.size
    power = np.array([abs(complex(level @ np.exp(-2j * np.pi * one * at))) for one in tried])
    return float(tried[int(np.argmax(power))])
