"""Changes of level in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.app.change_points.answers import ChangePointRow, row_of
from trimtab.model.change_points import KeptChangePoint
from trimtab.web.format import duration_text, number_text
from trimtab.web.pages.analysis.forecasts import value_text
from trimtab.web.pages.analysis.level_picture import LevelPicture, level_picture

BESIDE_WORDS: Mapping[str, tuple[str, str]] = {
    "deployment": ("deployment", "Spans of a service carry another service.version from then on"),
    "setting": ("setting", "A setting of the server has another value"),
    "event": ("server", "Something befell the server"),
    "plan": ("plan", "The plan of this query does other steps"),
    "change": ("trimtab", "trimtab's own change was being made"),
    "verdict": ("trimtab", "trimtab's own change ended"),
}
TONES = {"deployment": "live", "setting": "live", "plan": "live", "change": "accent", "verdict": "accent"}
SPREAD_TOLD = 1.5


@dataclass(frozen=True, slots=True)
class Told:
    """One change with its words and its picture."""

    row: ChangePointRow
    moved: str
    interval: str
    before: str
    after: str
    chance: str
    notes: tuple[str, ...]
    picture: LevelPicture | None


def told(one: KeptChangePoint) -> Told:
    """For a page."""
    row = row_of(one)
    cut = round((one.at_ms - one.samples_ms) / one.step_ms)
    picture = level_picture(one.samples, cut, one.before, one.after)
    return Told(
        row,
        moved_of(row),
        interval_of(row),
        value_text(row.before, row.unit),
        value_text(row.after, row.unit),
        chance_of(row.p_value),
        tuple(_notes(row)),
        picture,
    )


def moved_of(row: ChangePointRow) -> str:
    """How far it moved: as a ratio where there is one.

    >>> from dataclasses import replace
    >>> from trimtab.app.change_points.answers import ChangePointRow
    >>> row = ChangePointRow(1, "s", "f", "t", "ms", "", 0, 1, 10.0, 15.0, 1.5, None, 0.01, False, (), 1.0, (), "", "",
    ...     0, None, None, None)
    >>> moved_of(row), moved_of(replace(row, ratio=None, after=-2.0))
    ('1.5×', '-12 ms')
    """
    if row.ratio is not None:
        return f"{number_text(row.ratio)}×"
    difference = row.after - row.before
    return f"{'+' if difference > 0 else ''}{value_text(difference, row.unit)}"


def interval_of(row: ChangePointRow) -> str:
    """The ratio's interval; '' where there is none."""
    if row.interval_90 is None:
        return ""
    low, high = row.interval_90
    return f"{number_text(low)} to {number_text(high)}×"


def chance_of(p_value: float) -> str:
    """How often chance alone would show it.

    >>> chance_of(0.02), chance_of(1e-9)
    ('1 in 50', 'less than 1 in a million')
    """
    if p_value < 1e-6:
        return "less than 1 in a million"
    return f"1 in {number_text(1 / p_value)}"


def away(away_ms: int) -> str:
    """How far from the change something was.

    >>> away(-120_000), away(0), away(90_000)
    ('2 min before', 'at the same moment', '1 min 30 s after')
    """
    if abs(away_ms) < 1000:
        return "at the same moment"
    return f"{duration_text(abs(away_ms))} {'after' if away_ms > 0 else 'before'}"


def _notes(row: ChangePointRow) -> list[str]:
    found = []
    if row.adjusted_for:
        taken = " and ".join(row.adjusted_for)
        found.append(f"Levels are at the usual {taken}: what {taken} explains was taken out first")
    if row.spread_ratio >= SPREAD_TOLD:
        found.append(f"Values scatter {number_text(row.spread_ratio)}× as widely as before")
    elif row.spread_ratio <= 1 / SPREAD_TOLD:
        found.append(f"Values scatter less: {number_text(row.spread_ratio)}× as widely as before")
    return found
