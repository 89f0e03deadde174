"""Where things stand in the picture "predicted beside measured": one logarithmic axis of after ÷ before."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trimtab.model.readable import digits_of

WIDTH = 400.0
LEFT, RIGHT = 12.0, 388.0
_LABELS_MAX = 6


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its interval, as positions on the axis (0..WIDTH)."""

    x: float
    low_x: float
    high_x: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EffectPicture:
    """Positions of everything drawn. `one_x` is "no change"; ticks are (position, label)."""

    one_x: float
    predicted: Mark | None
    measured: Mark | None
    ticks: tuple[tuple[float, str], ...]


Interval = tuple[float, float] | list[float] | None


def effect_picture(
    predicted: float | None, predicted_interval: Interval, measured: float | None, measured_interval: Interval
) -> EffectPicture | None:
    """Lay the picture out; None where there is nothing to show.

    >>> picture = effect_picture(0.1, (0.05, 0.2), None, None)
    >>> picture.predicted.low_x < picture.predicted.x < picture.predicted.high_x < picture.one_x, picture.measured
    (True, None)
    """
    points = [
        (value, interval or (value, value))
        for value, interval in ((predicted, predicted_interval), (measured, measured_interval))
        if value is not None and value > 0
    ]
    if not points:
        return None
    values = [1.0]
    for value, (low, high) in points:
        values += [value, low, high]
    values = [min(max(v, 1e-4), 1e4) for v in values]
    low_log, high_log = math.log10(min(values)), math.log10(max(values))
    margin = max((high_log - low_log) * 0.08, 0.04)
    low_log, high_log = low_log - margin, high_log + margin

    def place(value: float) -> float:
        share = (math.log10(min(max(value, 1e-4), 1e4)) - low_log) / (high_log - low_log)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def mark(value: float | None, interval: Interval) -> Mark | None:
        if value is None or value <= 0:
            return None
        low, high = interval or (value, value)
        return Mark(place(value), place(low), place(high), value, low, high)

    ticks = tuple((place(tick), f"{digits_of(tick)}×") for tick in ticks_of(low_log, high_log))
    return EffectPicture(place(1.0), mark(predicted, predicted_interval), mark(measured, measured_interval), ticks)


def ticks_of(low_log: float, high_log: float) -> list[float]:
    """Round values between two decimal logarithms: 1, 2, 5 of each decade on a short axis, whole decades on a long one.

    >>> ticks_of(-1.1, 0.1), ticks_of(-4.8, 0.3)
    ([0.1, 0.2, 0.5, 1.0], [0.0001, 0.001, 0.01, 0.1, 1.0])
    """
    span = high_log - low_log
    parts = (1, 2, 5) if span <= 1.5 else (1,)
    every = max(1, math.ceil(span / _LABELS_MAX))
    decades = [decade for decade in range(math.floor(low_log), math.ceil(high_log) + 1) if decade % every == 0]
    values = [float(f"{part}e{decade}") for decade in decades for part in parts]
    return [value for value in values if low_log <= math.log10(value) <= high_log]
