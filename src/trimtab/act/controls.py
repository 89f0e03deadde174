"""Which untouched query shapes a change is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.model.query import QueryShape, StatementKind

if TYPE_CHECKING:
    from trimtab.store.telemetry import SliceTable

CONTROLS_MAX = 8
"""More controls than this add little, and are less and less like the changed shape."""
PRESENT_SHARE_MIN = 0.5
"""A control must have run in this share of the slices, before and after."""


def touches(shape: QueryShape, target: str) -> bool:
    """Whether a shape names a relation, in whatever schema.

    A statement's text does not say which schema an unqualified name is resolved in, so that only the bare name is
    compared: a table of the same name in another schema counts as touched, which costs a control and no more.
    """
    bare = target.rpartition(".")[2]
    return any(table.rpartition(".")[2] == bare for table in shape.tables)


@dataclass(frozen=True, slots=True)
class Untouched:
    """The shapes that do not touch the changed relation and ran often enough, with how long a call took before."""

    rows: tuple[int, ...]
    names: tuple[str, ...]
    mean_ms: tuple[float, ...]


def untouched(
    slices: SliceTable,
    shapes: Mapping[str, QueryShape],
    target: str,
    before: NDArray[np.int64],
    after: NDArray[np.int64] | None = None,
) -> Untouched:
    """Rows of `slices` that can serve as controls for any shape of relation `target`.

    They must have run in a share of the slices at the positions `before`, and in one of those at `after`, if any.
    Found once for a whole comparison: a table may have hundreds of shapes, beside ten thousand others.
    """
    often = _ran_often(slices, before)
    if after is not None and len(after):
        often = often & _ran_often(slices, after)
    found = []
    for row in np.flatnonzero(often).tolist():
        name = slices.fingerprints[row]
        shape = shapes.get(name)
        if shape is None or shape.statement is StatementKind.OTHER or not shape.tables or touches(shape, target):
            continue
        found.append((row, name, mean_ms(slices, row, before)))
    return Untouched(*zip(*found, strict=True)) if found else Untouched((), (), ())


def control_rows(
    slices: SliceTable, fit: Untouched, fingerprint: str, before: NDArray[np.int64]
) -> tuple[tuple[int, str], ...]:
    """Rows of `slices` and fingerprints of those that one shape is compared with, at most `CONTROLS_MAX`.

    Those come first that take about as long a call as `fingerprint` did at the positions `before`: on a machine short
    of CPU a statement of 100 ms waits for its turn many times, one of 0.1 ms hardly ever, and only shapes that are
    alike drift alike.
    """
    own = slices.row_of(fingerprint)
    own_ms = 1.0 if own is None else mean_ms(slices, own, before)
    order = sorted(
        (abs(math.log(its_ms / own_ms)), name, row)
        for row, name, its_ms in zip(fit.rows, fit.names, fit.mean_ms, strict=True)
        if name != fingerprint
    )
    return tuple((row, name) for _, name, row in order[:CONTROLS_MAX])


def _ran_often(slices: SliceTable, used: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each row ran in `PRESENT_SHARE_MIN` of the slices at these positions."""
    ran = np.count_nonzero(slices.calls[:, used], axis=1)
    return np.asarray(ran >= PRESENT_SHARE_MIN * len(used)) if len(used) else np.zeros(len(ran), np.bool_)


def mean_ms(slices: SliceTable, row: int, used: NDArray[np.int64]) -> float:
    """Mean execution time over the slices at `used`, never 0."""
    calls = float(slices.calls[row, used].sum())
    return max(float(slices.total_exec_time_ms[row, used].sum()) / calls, 1e-6) if calls else 1e-6
