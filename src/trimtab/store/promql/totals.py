"""Groups of an aggregation while series are added to them, some at a time."""

from __future__ import annotations

import numpy as np

from trimtab.store.promql import group_kernels
from trimtab.store.promql.vector import Bools, Floats, Ints

OPERATORS = frozenset(group_kernels.OPERATIONS)


class Totals:
    """`sum avg min max count group stdvar stddev` of groups at steps.

    >>> totals = Totals("sum", 1, 2)
    >>> totals.add(np.zeros(2, np.int64), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[True, True], [True, False]]))
    >>> values, present = totals.done()
    >>> values.tolist(), present.tolist()
    ([[4.0, 2.0]], [[True, True]])
    """

    def __init__(self, operator: str, groups_count: int, steps_count: int) -> None:
        shape = (groups_count, steps_count)
        self._operation = group_kernels.OPERATIONS[operator]
        self._values, self._rest = np.zeros(shape), np.zeros(shape)
        self._counts = np.zeros(shape, dtype=np.int64)
        self._is_stepwise = np.zeros(shape, dtype=np.bool_)

    def add(self, groups: Ints, values: Floats, present: Bools) -> None:
        """More series, in their order: the group, the numbers of each."""
        into = self._values, self._rest, self._counts
        if self._operation == group_kernels.SUM:
            group_kernels.sums(groups, values, present, *into)
        elif self._operation == group_kernels.AVG:
            group_kernels.means(groups, values, present, *into, self._is_stepwise)
        else:
            group_kernels.others(groups, values, present, self._operation, *into)

    def done(self) -> tuple[Floats, Bools]:
        """Values, and where there are any."""
        group_kernels.finish(self._operation, self._values, self._rest, self._counts, self._is_stepwise)
        return self._values, self._counts > 0
