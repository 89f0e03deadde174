"""The picture above the list: each trace a point, when it began and how long it took, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.store.traces.answers import TraceSummary
from trimtab.web.format import duration_text

WIDTH, HEIGHT = 1000, 150
PAD_X, PAD_Y = 8.0, 9.0
_STEPS = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Dot:
    """One trace; `x` and `y` in a picture of WIDTH by HEIGHT."""

    trace: TraceSummary
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the axis of durations."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """`from_ms` and `to_ms` are the ends of the axis of time."""

    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    from_ms: int
    to_ms: int


def scatter(traces: Sequence[TraceSummary], from_ms: int, to_ms: int) -> Scatter | None:
    """The picture of these traces over the range; None where there is none.

    >>> one = TraceSummary("a", "shop", "GET /", 1_500_000_000, 20.0, 1, 0, ())
    >>> made = scatter([one], 1000, 2000)
    >>> (made.dots[0].x, [tick.text for tick in made.ticks])
    (500.0, ['10 ms', '30 ms'])
    """
    if not traces:
        return None
    shown_ms = [max(one.duration_ms, 0.001) for one in traces]
    low, high = _log_bounds(min(shown_ms), max(shown_ms))
    span_ms = max(to_ms - from_ms, 1)
    dots = []
    for one, took_ms in zip(traces, shown_ms, strict=True):
        share = min(max((one.started_at_ns / 1e6 - from_ms) / span_ms, 0.0), 1.0)
        x = PAD_X + share * (WIDTH - 2 * PAD_X)
        dots.append(Dot(one, round(x, 1), _y(took_ms, low, high)))
    return Scatter(tuple(dots), tuple(_ticks(low, high)), from_ms, to_ms)


def _log_bounds(least: float, most: float) -> tuple[float, float]:
    """Exponents of ten with room for at least half a decade."""
    low, high = math.log10(least), math.log10(most)
    if high - low < 0.6:
        middle = (low + high) / 2
        low, high = middle - 0.4, middle + 0.4
    return low, high


def _y(ms: float, low: float, high: float) -> float:
    return round(HEIGHT - PAD_Y - (math.log10(ms) - low) / (high - low) * (HEIGHT - 2 * PAD_Y), 1)


def _ticks(low: float, high: float) -> Sequence[Tick]:
    found = [
        step * 10.0**power
        for power in range(math.floor(low), math.ceil(high) + 1)
        for step in _STEPS
        if low <= math.log10(step * 10.0**power) <= high
    ]
    if len(found) > 4:
        found = [ms for ms in found if abs(math.log10(ms) - round(math.log10(ms))) < 1e-9]
    found = found[:: -(-len(found) // 5)] if found else []
    return [Tick(_y(ms, low, high), duration_text(ms)) for ms in found]
