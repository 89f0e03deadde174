"""Pictures of what was found in a file, as PNG or SVG. Needs matplotlib: the extra `plot`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.model.errors import InputError, ProgramMissing
from trimtab.stats.time_series import F64, I64, TimeSeries

PANELS_MAX = 12
POINTS_MAX = 20_000
"""A line of more points than this is drawn by the least and the greatest of each stretch."""
WRITTEN_FROM, WRITTEN_TO, WRITTEN_SPAN = 1e4, 1e15, 20
"""Large numbers at the axis are written out (5,000,000,000) rather than as 5 with a factor above the picture."""
SUFFIXES = (".png", ".svg")
_INK, _ACCENT, _BAND, _WRONG = "#1d2733", "#0b6e8f", "#8fc7da", "#c2410c"


@dataclass(frozen=True)
class Panel:
    """One series and what is said of it. Spans and marks are Unix milliseconds; a band is times, low and high."""

    series: TimeSeries
    title: str
    spans: Sequence[tuple[int, int]] = ()
    marks: Sequence[int] = ()
    levels: Sequence[tuple[int, int, float]] = ()
    middle: tuple[I64, F64] | None = None
    bands: Sequence[tuple[I64, F64, F64]] = ()
    limit: float | None = None
    notes: Sequence[str] = field(default_factory=tuple)


def check_plot(path: Path | None) -> None:
    """Refuse a name that is no picture, or a picture without matplotlib, before anything is computed."""
    if path is None:
        return
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"--plot: {path} ends neither in {' nor in '.join(SUFFIXES)}")
    try:
        import matplotlib as _  # noqa: F401
    except ImportError as error:
        raise ProgramMissing("--plot needs matplotlib: pip install 'trimtab[plot]'") from error


def draw(panels: Sequence[Panel], path: Path) -> str:
    """Draw the panels below each other; answers what is to be said of it (what was left out), else ""."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = panels[:PANELS_MAX]
    figure = Figure(figsize=(12, 0.6 + 2.9 * len(shown)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for place, panel in enumerate(shown, 1):
        _panel(figure.add_subplot(len(shown), 1, place), panel)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    said = []
    if left := len(panels) - len(shown):
        said.append(f"{left} more series are not drawn: the first {PANELS_MAX} are")
    if any("missing from font" in str(one.message) for one in warned):
        said.append("letters that the font of the picture lacks are boxes in it")
    return "; ".join(said)


def _panel(axes: Any, panel: Panel) -> None:
    series = panel.series
    for start_ms, end_ms in panel.spans:
        axes.axvspan(_moment(start_ms), _moment(max(end_ms, start_ms + series.step_ms)), color=_WRONG, alpha=0.18, lw=0)
    for at_ms, low, high in panel.bands:
        axes.fill_between(_moments(at_ms), low, high, color=_BAND, alpha=0.35, lw=0)
    at_ms, values = _thinned(series.at_ms, series.values)
    axes.plot(_moments(at_ms), values, color=_INK, lw=0.9)
    if panel.middle is not None:
        axes.plot(_moments(panel.middle[0]), panel.middle[1], color=_ACCENT, lw=1.3)
    for start_ms, end_ms, level in panel.levels:
        axes.hlines(level, _moment(start_ms), _moment(end_ms), color=_ACCENT, lw=1.8)
    for mark_ms in panel.marks:
        axes.axvline(_moment(mark_ms), color=_WRONG, lw=1.0, ls="--")
    if panel.limit is not None:
        axes.axhline(panel.limit, color=_WRONG, lw=1.2)
    axes.set_title("  ·  ".join([panel.title, *panel.notes]), loc="left", fontsize=10, parse_math=False)
    if series.unit:
        axes.set_ylabel(series.unit, parse_math=False)
    low, high = axes.get_ylim()
    if WRITTEN_FROM <= max(abs(low), abs(high)) < WRITTEN_TO and high - low >= WRITTEN_SPAN:
        axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("UTC", loc="right", fontsize=8)
    axes.grid(visible=True, color="#d8dee4", lw=0.5)
    axes.margins(x=0.01)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _moments(at_ms: I64) -> Any:
    return at_ms.astype("datetime64[ms]")


def _thinned(at_ms: I64, values: F64) -> tuple[I64, F64]:
    """At most POINTS_MAX points that look the same: of each stretch the least and the greatest."""
    if len(values) <= POINTS_MAX:
        return at_ms, values
    width = -(-len(values) // (POINTS_MAX // 2))
    count = len(values) // width
    block = values[: count * width].reshape(count, width)
    starts = np.arange(count) * width
    low = starts + np.where(np.isnan(block), np.inf, block).argmin(1)
    high = starts + np.where(np.isnan(block), -np.inf, block).argmax(1)
    kept = np.unique(np.concatenate([low, high, np.arange(count * width, len(values))]))
    return at_ms[kept], values[kept]
