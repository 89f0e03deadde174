"""Which untouched query shapes a change is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
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


def control_rows(
    slices: SliceTable,
    shapes: Mapping[str, QueryShape],
    fingerprint: str,
    target: str,
    count_before: int,
    used: NDArray[np.int64],
) -> tuple[tuple[int, str], ...]:
    """Rows of `slices` and fingerprints of shapes that do not touch relation `target` and run often enough.

    `used` are the positions of the slices that count, the first `count_before` of them the baseline. Those come
    first that take about as long a call as `fingerprint` did: on a machine short of CPU a statement of 100 ms waits
    for its turn many times, one of 0.1 ms hardly ever, and only shapes that are alike drift alike. At most
    `CONTROLS_MAX`.
    """
    calls = slices.calls[:, used]
    baseline = used[:count_before]
    own = slices.row_of(fingerprint)
    own_ms = 1.0 if own is None else _mean_ms(slices, own, baseline)
    eligible = []
    for row, name in enumerate(slices.fingerprints):
        shape = shapes.get(name)
        if shape is None or shape.statement is StatementKind.OTHER or not shape.tables:
            continue
        if name == fingerprint or touches(shape, target):
            continue
        ran = calls[row] > 0
        if ran[:count_before].mean() < PRESENT_SHARE_MIN:
            continue
        if len(ran) > count_before and ran[count_before:].mean() < PRESENT_SHARE_MIN:
            continue
        eligible.append((row, name))
    eligible.sort(key=lambda pair: (abs(math.log(_mean_ms(slices, pair[0], baseline) / own_ms)), pair[1]))
    return tuple(eligible[:CONTROLS_MAX])


def _mean_ms(slices: SliceTable, row: int, used: NDArray[np.int64]) -> float:
    """Mean execution time over the slices at `used`, never 0."""
    calls = float(slices.calls[row, used].sum())
    return max(float(slices.total_exec_time_ms[row, used].sum()) / calls, 1e-6) if calls else 1e-6
