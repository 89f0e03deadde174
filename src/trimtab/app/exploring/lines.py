"""Queries as lines for `/series`: named by what tells each from the others, and what has to be said beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.app.exploring.answers import LINES_MAX, Ranged, Trouble
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.exploring.names import common_of, series_text, shared_words, short_names
from trimtab.store.grid import Grid

NAME_CHARS_MAX = 300
ABOUT_CHARS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class QueryLine:
    """One line. `about` has all labels, where `name` leaves some out."""

    name: str
    about: str
    values: list[float | None]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryLines:
    """The lines of one query; `error` says why there are none, `notes` what else is to be known."""

    lines: Sequence[QueryLine] = ()
    error: str = ""
    notes: Sequence[str] = ()


def query_lines(
    explorer: Explorer, queries: Sequence[str], grid: Grid, cancelled: Callable[[], bool]
) -> list[QueryLines]:
    """One for each query."""
    return [lines_of(found) for found in explorer.ranges(queries, grid, cancelled)]


def lines_of(found: Ranged | Trouble) -> QueryLines:
    """An answer as a chart wants it."""
    if isinstance(found, Trouble):
        return QueryLines(error=found.message)
    series = [line.labels for line in found.lines]
    drawn = [
        QueryLine(
            _cut(name, NAME_CHARS_MAX),
            _cut(series_text(line.labels), ABOUT_CHARS_MAX),
            [None if value != value else value for value in line.values.tolist()],  # noqa: PLR0124 - NaN
            dict(line.labels),
        )
        for name, line in zip(short_names(series), found.lines, strict=True)
    ]
    notes = []
    if found.count > len(drawn):
        notes.append(
            f"The {len(drawn)} lines that reach highest are drawn, of {found.count:,}: topk({LINES_MAX}, …), "
            "an aggregation or a narrower selector makes fewer."
        )
    if blank := sum(1 for line in drawn if all(value is None for value in line.values)):
        notes.append(f"Of {blank:,} series there is no number to draw (NaN, +Inf, -Inf): the table says it.")
    if found.histograms_count:
        notes.append(
            f"{found.histograms_count:,} series of native histograms are no lines: histogram_quantile(0.95, …) or "
            "histogram_avg(…) makes them some."
        )
    if shared := common_of(series):
        notes.append(_cut(shared_words(shared), NAME_CHARS_MAX))
    return QueryLines(drawn, "", [*notes, *found.warnings, *found.infos])


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
