"""What a panel shows, made ready but for its words: numbers, their units, names and tones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line. `pile`: those of one number lie on each other, the first at the bottom; None lies on nothing.

    `calculations` are those of the legend, by name.
    """

    name: str
    about: str
    values: Floats
    unit: str = ""
    pile: int | None = None
    is_filled: bool = False
    calculations: Sequence[tuple[str, float | None]] = ()


@dataclass(frozen=True, slots=True)
class ChartAnswer:
    """Lines over the steps of one grid. `said`: why there are none."""

    from_ms: int
    to_ms: int
    step_ms: int
    lines: Sequence[ChartLine]
    said: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name. `text` stands for the number where it was mapped, `share` is where it is between the
    least and the most."""

    name: str
    value: float | None
    unit: str
    text: str = ""
    tone: str = ""
    share: float | None = None
    spark: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell: a text, or a number with its unit."""

    text: str = ""
    value: float | None = None
    unit: str = ""
    tone: str = ""
    is_moment: bool = False


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """A table; `count` are the rows that there are."""

    heads: Sequence[tuple[str, bool]]
    """Name, and whether its cells are numbers."""
    rows: Sequence[Sequence[TableCell]]
    count: int


@dataclass(frozen=True, slots=True)
class PanelAnswer:
    """One panel. `trouble`: why there is nothing; `notes`: what else is to be known."""

    key: str
    chart: ChartAnswer | None = None
    figures: Sequence[Figure] | None = None
    table: TableAnswer | None = None
    trouble: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
