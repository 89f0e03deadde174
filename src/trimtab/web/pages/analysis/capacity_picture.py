"""The picture of one resource: peaks so far, the range of futures, the limit and when it is reached. SVG, no script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import Saturation

F64 = NDArray[np.float64]
WIDTH, HEIGHT = 640.0, 180.0
LEFT, RIGHT, TOP, BOTTOM = 4.0, 636.0, 10.0, 160.0
TICKS_MAX = 6
LABEL_HALF = 36.0
"""So much room a label of the axis has on either side, in the large letters of phones."""
AHEAD_SHOWN = 3.0
"""Of the futures at most so many times the history is drawn, and a little behind the end of the range."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


@dataclass(frozen=True, slots=True)
class CapacityPicture:
    """Paths and places in a box of 640 × 180. Places that are None are outside the picture."""

    peaks: str
    band: str
    middle: str
    limit_y: float
    now_x: float
    current_y: float
    date_x: float | None
    earliest_x: float | None
    latest_x: float | None
    ticks: tuple[tuple[float, str], ...]
    top_value: float
    bottom_value: float


def capacity_picture(told: Saturation) -> CapacityPicture | None:
    """Lay the picture out; None where there are no peaks to draw."""
    if len(told.peaks) < 2:
        return None
    first_ms, now_ms = int(told.peaks_at_ms[0]), int(told.peaks_at_ms[-1])
    end_ms = now_ms
    shown = np.zeros(len(told.band.at_ms), dtype=bool)
    if len(told.band.at_ms):
        marks = [one for one in (told.latest_ms, told.date_ms, told.earliest_ms) if one is not None]
        wanted_ms = now_ms + (marks[0] - now_ms) * 1.15 if marks else now_ms + (now_ms - first_ms)
        end_ms = int(min(told.horizon_end_ms, now_ms + AHEAD_SHOWN * (now_ms - first_ms), wanted_ms))
        shown = told.band.at_ms <= max(end_ms, int(told.band.at_ms[0]))
        end_ms = max(end_ms, int(told.band.at_ms[shown][-1]))
    at = told.band.at_ms[shown]
    low, middle, high = (line[shown] for line in (told.band.low, told.band.middle, told.band.high))
    # The band may leave the picture: beyond a quarter above the limit nothing is told by it.
    values = np.concatenate([told.peaks, [told.limit], middle])
    bottom, top = float(values.min()), float(values.max())
    if told.falling:
        bottom = min(bottom, told.limit)
    else:
        top = min(top, max(told.limit, float(told.peaks.max())) + 0.25 * (told.limit - float(told.peaks.min())))
    bottom = min(bottom, 0.0) if 0 <= bottom < 0.5 * top else bottom
    margin = (top - bottom) * 0.06 or 1.0
    bottom, top = bottom - margin, top + margin
    span_ms = max(1, end_ms - first_ms)

    def x(at_ms: float) -> float:
        return round(LEFT + (at_ms - first_ms) / span_ms * (RIGHT - LEFT), 1)

    def y(value: float) -> float:
        share = min(max((value - bottom) / (top - bottom), 0.0), 1.0)
        return round(BOTTOM - share * (BOTTOM - TOP), 1)

    def line(moments: NDArray[np.int64], numbers: F64) -> str:
        return "M" + "L".join(f"{x(a)} {y(v)}" for a, v in zip(moments.tolist(), numbers.tolist(), strict=True))

    def inside(at_ms: int | None) -> float | None:
        return x(at_ms) if at_ms is not None and first_ms <= at_ms <= end_ms else None

    band = ahead = ""
    if len(at):
        start = f"{x(now_ms)} {y(float(told.peaks[-1]))}"
        up = "L".join(f"{x(a)} {y(v)}" for a, v in zip(at.tolist(), high.tolist(), strict=True))
        down = "L".join(f"{x(a)} {y(v)}" for a, v in zip(at[::-1].tolist(), low[::-1].tolist(), strict=True))
        band = f"M{start}L{up}L{down}Z"
        ahead = f"M{start}L{line(at, middle)[1:]}"
    return CapacityPicture(
        line(told.peaks_at_ms, told.peaks),
        band,
        ahead,
        y(told.limit),
        x(now_ms),
        y(float(told.peaks[-1])),
        inside(told.date_ms),
        inside(told.earliest_ms),
        inside(told.latest_ms),
        ticks_of(first_ms, end_ms, x),
        top,
        bottom,
    )


def ticks_of(first_ms: int, end_ms: int, place: Callable[[float], float]) -> tuple[tuple[float, str], ...]:
    """Round moments: months, days or hours, six at most, as places and texts (UTC)."""
    begin, end = datetime.fromtimestamp(first_ms / 1000, UTC), datetime.fromtimestamp(end_ms / 1000, UTC)
    days = (end - begin).total_seconds() / 86_400
    if days > 60:
        moments, text = _months(begin, end, max(1, round(days / 30 / TICKS_MAX + 0.4))), "%b %Y"
    elif days > 3:
        moments, text = _steps(begin, end, timedelta(days=max(1, round(days / TICKS_MAX + 0.4)))), "%-d %b"
    else:
        hours = max(1 / 6, days * 24 / TICKS_MAX)
        step = next((one for one in (0.25, 0.5, 1, 2, 3, 6, 12, 24) if one >= hours), 24)
        moments, text = _steps(begin, end, timedelta(hours=step)), "%H:%M"
    found = [(place(one.timestamp() * 1000), one.strftime(text)) for one in moments]
    return tuple((at, label) for at, label in found if LEFT + LABEL_HALF <= at <= RIGHT - LABEL_HALF)


def _steps(begin: datetime, end: datetime, step: timedelta) -> Sequence[datetime]:
    day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = day + step * (int((begin - day) / step) + 1)
    return [first + step * number for number in range(int((end - first) / step) + 1)]


def _months(begin: datetime, end: datetime, every: int) -> Sequence[datetime]:
    found: list[datetime] = []
    number = begin.year * 12 + begin.month
    number += -number % every
    while True:
        moment = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
        if moment > end:
            return found
        if moment >= begin:
            found.append(moment)
        number += every
