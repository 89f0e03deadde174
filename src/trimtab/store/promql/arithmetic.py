"""What operators do to numbers, as Go does it: `%` keeps the sign of the left side, 1 `^` anything is 1, even NaN."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trimtab.store.promql.vector import Bools, Floats


def _modulo(left: Floats, right: Floats) -> Floats:
    return np.fmod(left, right)


ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": _modulo,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARED: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def changes_meaning(operator: str) -> bool:
    """Whether the result is something else than the left side was."""
    return operator in ARITHMETIC


def computed(operator: str, left: Floats, right: Floats) -> tuple[Floats, Bools]:
    """Values, and where a comparison holds (everywhere, for operators that compare nothing).

    >>> computed("%", np.array([-5.0, 5.0]), np.array([3.0, 0.0]))[0]
    array([-2., nan])
    """
    with np.errstate(all="ignore"):
        if operator in COMPARED:
            return np.broadcast_arrays(left, right)[0], COMPARED[operator](left, right)
        if operator in ARITHMETIC:
            values = ARITHMETIC[operator](left, right)
            return values, np.ones(values.shape, dtype=np.bool_)
    values = np.broadcast_arrays(left, right)[0]
    return values, np.zeros(values.shape, dtype=np.bool_)
