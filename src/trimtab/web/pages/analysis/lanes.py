"""A lane of the timeline: a series over the page's range as SVG, with the times in which it was not as expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trimtab.app.detecting.answers import EpisodeRow
from trimtab.app.detecting.words import seen_in
from trimtab.app.reading.ranges import Range
from trimtab.model.anomalies import SpokenTest
from trimtab.web.words import Word

WIDTH, HEIGHT, PAD = 600.0, 48.0, 4.0
SPAN_MIN = 2.0
"""An episode is never narrower than this."""
POINTS = 150
SCORE_BAD, SCORE_WARN = 0.62, 0.55


@dataclass(frozen=True, slots=True)
class Span:
    """An episode in the lane."""

    x: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True)
class Band:
    """What was expected when it began, over the episode: a box from `y` down."""

    x: float
    y: float
    width: float
    height: float
    middle: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One series with its episode. `line` '' where there are no numbers to draw."""

    row: EpisodeRow
    word: Word
    span: Span
    band: Band | None
    line: str

    @property
    def seen(self) -> str:
        """What is odd about the value."""
        row = self.row
        return seen_in(SpokenTest(row.test), row.observed, row.low, row.high)


def word_of(score: float) -> Word:
    """How odd a score is.

    >>> [word_of(score).text for score in (0.5, 0.6, 0.65)]
    ['odd', 'very odd', 'extreme']
    """
    nines = round(6 * score / max(1 - score, 1e-9))
    meaning = f"Score {score:.2f}: noise looks like that once in 10^{min(nines, 300)} samples"
    if score >= SCORE_BAD:
        return Word("extreme", "bad", meaning)
    return Word("very odd", "warn", meaning) if score >= SCORE_WARN else Word("odd", "info", meaning)


def lane_of(row: EpisodeRow, within: Range, values: Sequence[float | None], now_ms: int) -> Lane:
    """The lane of one episode; `values` are the series over the range, on a regular grid."""
    word = word_of(row.score)
    end_ms = row.closed_at_ms if row.closed_at_ms is not None else max(now_ms, row.end_ms)
    x = _place(row.start_ms, within)
    width = max(_place(end_ms, within) - x, SPAN_MIN)
    x = min(x, WIDTH - SPAN_MIN)
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Lane(row, word, Span(x, width, word.tone), None, "")
    bounds = [value for value in (row.low, row.high, row.observed) if value is not None]
    low, high = min(*known, *bounds), max(*known, *bounds)
    span = (high - low) or abs(high) or 1.0

    def height(value: float) -> float:
        return round(HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / span, 2)

    band = None
    if row.low is not None and row.high is not None and row.expected is not None:
        top = height(row.high)
        band = Band(x, top, width, max(height(row.low) - top, 1.0), height(row.expected))
    return Lane(row, word, Span(x, width, word.tone), band, _line(values, height))


def _line(values: Sequence[float | None], height: Callable[[float], float]) -> str:
    step = WIDTH / max(len(values) - 1, 1)
    parts: list[str] = []
    is_drawn = False
    for number, value in enumerate(values):
        if value is None:
            is_drawn = False
            continue
        parts.append(f"{'L' if is_drawn else 'M'}{number * step:.1f} {height(value):g}")
        is_drawn = True
    return "".join(parts)


def _place(at_ms: int, within: Range) -> float:
    share = (at_ms - within.from_ms) / max(within.length_ms, 1)
    return round(WIDTH * min(max(share, 0.0), 1.0), 1)
