"""How fine a panel is asked: the step of its range, and what `$__interval` and `$__rate_interval` stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimtab.app.reading.ranges import RANGE_MS_MAX, Range
from trimtab.store.grid import STEPS_MS, Grid, grid_of

SCRAPE_MS = 15_000
"""What is taken for the interval of scrapes where a panel says nothing: Grafana's own default."""
STEPS_MAX = 10_000
UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_DURATION = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>ms|[smhdwy])", re.ASCII)


def duration_ms(text: str) -> int | None:
    """Milliseconds of `1m`, `>15s`, `1h30m`; None for anything else.

    >>> duration_ms("1m"), duration_ms(">15s"), duration_ms("1h30m"), duration_ms("$x"), duration_ms("")
    (60000, 15000, 5400000, None, None)
    """
    rest = text.strip().removeprefix(">")
    total, at = 0.0, 0
    while found := _DURATION.match(rest, at):
        total += float(found["number"]) * UNIT_MS[found["unit"]]
        at = found.end()
    return round(total) if at and at == len(rest) and total > 0 else None


def duration_text(ms: int) -> str:
    """As PromQL has it: one unit, the largest that fits.

    >>> duration_text(90_000), duration_text(3_600_000), duration_text(1_500)
    ('90s', '1h', '1500ms')
    """
    for unit in ("w", "d", "h", "m", "s"):
        if ms % UNIT_MS[unit] == 0:
            return f"{ms // UNIT_MS[unit]}{unit}"
    return f"{ms}ms"


@dataclass(frozen=True, slots=True)
class Step:
    """The grid that is asked for, and the time that the panel is about."""

    grid: Grid
    within: Range
    rate_ms: int

    @property
    def interval_ms(self) -> int:
        """`$__interval`."""
        return self.grid.step_ms


def step_of(within: Range, points: int, least: str = "", points_max: int | None = None) -> Step:
    """The step for a range that is drawn with so many points; `least` is the least interval that was written.

    >>> found = step_of(Range(0, 3_600_000), 600)
    >>> found.interval_ms, found.rate_ms
    (10000, 60000)
    >>> step_of(Range(0, 3_600_000), 600, "1m").rate_ms
    240000
    """
    least_ms = duration_ms(least) or 0
    points = max(2, min(points, points_max or points, STEPS_MAX))
    wanted = next((step for step in STEPS_MS if step >= least_ms), STEPS_MS[-1]) if least_ms else 1_000
    grid = grid_of(within.from_ms, within.to_ms, points, wanted)
    scrape_ms = max(least_ms, SCRAPE_MS)
    return Step(grid, within, max(grid.step_ms + scrape_ms, 4 * scrape_ms))


def shifted(within: Range, time_from: str, time_shift: str) -> Range:
    """The range of a panel that has one of its own.

    >>> shifted(Range(0, 7_200_000), "1h", "30m")
    Range(from_ms=1800000, to_ms=5400000, is_live=False)
    """
    from_ms, to_ms, is_live = within.from_ms, within.to_ms, within.is_live
    length = duration_ms(time_from.removeprefix("now-"))
    if length is not None:
        from_ms = to_ms - min(length, RANGE_MS_MAX)
    shift = duration_ms(time_shift)
    if shift is not None:
        from_ms, to_ms, is_live = max(from_ms - shift, 0), max(to_ms - shift, 1), False
    return Range(from_ms, to_ms, is_live)
