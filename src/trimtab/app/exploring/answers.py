"""What the Explorer page gets: lines over a range, rows at one moment, or what is wrong with a query and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trimtab.store.metrics.block import Labels

QUERY_CHARS_MAX = 10_000
LINES_MAX = 50
"""Lines of one chart; more cannot be told apart."""
ROWS_MAX = 1_000
"""Rows of one table."""
SAMPLES_SHOWN = 5
"""Of a range vector: the newest of each series."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a query has no answer. `line` and `column` from 1, where its text is to blame; `offset` counts characters."""

    message: str
    offset: int | None = None
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One series over the steps of a grid; NaN where there is nothing to draw."""

    labels: Labels
    values: Floats


@dataclass(frozen=True, slots=True)
class Ranged:
    """A query over a range: the lines that are drawn, of `count` that there are."""

    lines: Sequence[Line]
    count: int
    histograms_count: int = 0
    """Series of native histograms, which are no lines."""
    warnings: Sequence[str] = ()
    infos: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """A native histogram in words: numbers as Prometheus writes them."""

    count: str
    sum: str
    buckets: Sequence[str]
    """Such as `(0.5, 1]: 3`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One series at one moment. `text` is the value as Prometheus writes it; a range vector has `samples` instead."""

    labels: Labels
    value: float | None = None
    text: str = ""
    histogram: Histogram | None = None
    samples: Sequence[tuple[int, str]] = ()
    """(Unix milliseconds, value), newest first, at most SAMPLES_SHOWN."""
    samples_count: int = 0


@dataclass(frozen=True, slots=True)
class Instant:
    """A query at one moment. `kind` is vector, matrix, scalar or string; a string has its text in the only row."""

    kind: str
    rows: Sequence[Row]
    is_ordered: bool = False
    """The order of the rows means something (`sort`, `topk`)."""
    warnings: Sequence[str] = ()
    infos: Sequence[str] = ()
