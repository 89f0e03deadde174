"""Pictures of patterns as paths in a box of 600 × 160: drawn on the server. Labels stand beside it, not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.analyze.patterns.found import Bursts, Cycle, Knee, Leak, Mix, SawTeeth
from trimtab.analyze.patterns.regular import duration
from trimtab.app.patterns.answers import PatternLine, PatternRow
from trimtab.web.format import moment_text
from trimtab.web.units import value_text

WIDTH, HEIGHT, EDGE = 600.0, 160.0, 4.0
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = ("00:00", "06:00", "12:00", "18:00", "24:00")
"""All of one width, so that each stands below its hour; that they are UTC is said beside the picture."""
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Picture:
    """`band`, `line` and `dots` are paths; `marks` vertical lines at x; `range` a span of x; `areas` stacked paths.

    `top` and `bottom` label the vertical axis, `ticks` the horizontal one from left to right. `told` is what a person
    who does not see it reads.
    """

    told: str
    line: str = ""
    band: str = ""
    dots: str = ""
    areas: tuple[str, ...] = ()
    marks: tuple[float, ...] = ()
    range: tuple[float, float] | None = None
    top: str = ""
    bottom: str = ""
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Box:
    """Where values stand in it."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        span = self.x_high - self.x_low
        return round(WIDTH * (value - self.x_low) / span, 1) if span > 0 else WIDTH / 2

    def y(self, value: float) -> float:
        span = self.y_high - self.y_low
        share = (value - self.y_low) / span if span > 0 else 0.5
        return round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share, 1)

    def path(self, points: Points) -> str:
        """A line through points."""
        return "M" + "L".join(f"{self.x(x):g} {self.y(y):g}" for x, y in points) if points else ""


def picture_of(row: PatternRow) -> Picture | None:
    """The picture of a pattern; None where a table says it."""
    match row.found:
        case Cycle() as cycle:
            return _profile(cycle)
        case Knee() as knee:
            return _scatter(knee)
        case Mix() as mix:
            return _shares(mix)
        case Leak(unit=unit, last_reset_ms=reset_ms):
            return _line(row.line, unit, () if reset_ms is None else (reset_ms,))
        case SawTeeth(unit=unit, resets_ms=resets) | Bursts(unit=unit, starts_ms=resets):
            return _line(row.line, unit, resets)
    return None


def _profile(found: Cycle) -> Picture:
    count = len(found.profile)
    low, line, high = (_closed(values) for values in (found.low, found.profile, found.high))
    box = _Box(0, count, min(*low, *line), max(*high, *line))
    outward = list(enumerate(high))
    back = list(enumerate(low))[::-1]
    told = f"The typical {found.name if found.name != 'other' else 'period'} of {found.series}"
    return Picture(
        told,
        line=box.path(list(enumerate(line))),
        band=f"{box.path([*outward, *back])}Z",
        marks=(box.x(found.peak_ms / found.period_ms * count),),
        top=value_text(box.y_high, found.unit),
        bottom=value_text(box.y_low, found.unit),
        ticks=_period_ticks(found),
    )


def _closed(values: Sequence[float]) -> list[float]:
    """One period up to its end, which is its beginning."""
    return [*values, values[0]]


def _period_ticks(found: Cycle) -> tuple[str, ...]:
    if found.name == "day":
        return HOURS
    if found.name == "week":
        return WEEKDAYS
    return ("0", duration(found.period_ms / 2), duration(found.period_ms))


def _scatter(found: Knee) -> Picture:
    points = [*found.scatter, *found.curve]
    ys = sorted(y for _, y in found.scatter)
    highest = max(ys[int((len(ys) - 1) * 0.99)], *(y for _, y in found.curve))
    box = _Box(0.0, max(x for x, _ in points), 0.0, highest)
    seen = [(x, min(y, highest)) for x, y in found.scatter]
    return Picture(
        f"{found.series} against {found.load}, with the fitted curve and the knee",
        line=box.path(found.curve),
        dots="".join(f"M{box.x(x):g} {box.y(y):g}h0" for x, y in seen),
        marks=(box.x(found.knee),),
        range=(box.x(found.knee_90[0]), max(2.0, box.x(found.knee_90[1]) - box.x(found.knee_90[0]))),
        top=value_text(highest, found.unit),
        bottom=value_text(0.0, found.unit),
        ticks=tuple(value_text(box.x_high * part, found.load_unit) for part in (0.0, 0.5, 1.0)),
    )


def _line(line: PatternLine | None, unit: str, marks_ms: Sequence[int]) -> Picture | None:
    if line is None:
        return None
    known = [value for value in line.values if value is not None]
    if len(known) < 2:
        return None
    box = _Box(0, len(line.values) - 1, min(known), max(known))
    paths, run = [], list[tuple[float, float]]()
    for at, value in enumerate([*line.values, None]):
        if value is not None:
            run.append((at, value))
        elif run:
            paths.append(box.path(run))
            run = []
    end_ms = line.start_ms + (len(line.values) - 1) * line.step_ms
    marks = [box.x((at - line.start_ms) / line.step_ms) for at in marks_ms if line.start_ms <= at <= end_ms]
    return Picture(
        "Its values over time",
        line="".join(paths),
        marks=tuple(marks),
        top=value_text(box.y_high, unit),
        bottom=value_text(box.y_low, unit),
        ticks=(_short(line.start_ms), f"{_short(end_ms)} UTC"),
    )


def _short(at_ms: float) -> str:
    """A moment that fits under a picture on a phone: 03-26 14:05."""
    return moment_text(at_ms)[5:16]


def _shares(found: Mix) -> Picture | None:
    """Clusters on each other by the hour of the day."""
    shown = [_closed(one.share_by_hour) for one in found.clusters if one.share_by_hour]
    if not shown:
        return None
    box = _Box(0, 24, 0.0, 1.0)
    below = [0.0] * 25
    areas = []
    for shares in shown:
        above = [low + share for low, share in zip(below, shares, strict=True)]
        areas.append(f"{box.path([*enumerate(above), *reversed(list(enumerate(below)))])}Z")
        below = above
    told = "Shares of load by the hour of the day (UTC)"
    return Picture(told, areas=tuple(areas), top="100 %", bottom="0 %", ticks=HOURS)
