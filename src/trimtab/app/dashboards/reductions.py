"""One number of many: Grafana's calculations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def reduced(values: Sequence[float | None] | Floats, calculation: str) -> float | None:
    """The number that a calculation makes of values (None or NaN: none there); None where there is none.

    >>> [reduced([1.0, 4.0, None], name) for name in ("lastNotNull", "last", "mean", "max", "sum", "range", "count")]
    [4.0, None, 2.5, 4.0, 5.0, 3.0, 2.0]
    >>> reduced([], "mean"), reduced([3.0, 1.0, 2.0], "delta"), reduced([1.0, 2.0, 3.0], "p50")
    (None, 2.0, 2.0)
    """
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    known = numbers[~np.isnan(numbers)]
    if calculation == "count":
        return float(len(numbers)) - float(len(numbers) - len(known))
    if not len(known):
        return None
    if calculation in ("last", "first"):
        end = numbers[-1 if calculation == "last" else 0]
        return None if np.isnan(end) else float(end)
    with np.errstate(invalid="ignore", over="ignore"):
        found = float(_known(known, calculation))
    return None if np.isnan(found) else found


def is_known(calculation: str) -> bool:
    """Whether it is one of those that are done; others count as `lastNotNull`."""
    return calculation in _NAMES or _percentile(calculation) is not None


_NAMES = frozenset(
    {"lastNotNull", "last", "first", "firstNotNull", "mean", "min", "max", "sum", "total", "count", "range", "diff"}
    | {"delta", "stdDev", "variance", "median", "logmin"}
)


def _known(known: Floats, calculation: str) -> Any:
    match calculation:
        case "mean" | "avg":
            return np.mean(known)
        case "min":
            return np.min(known)
        case "max":
            return np.max(known)
        case "sum" | "total":
            return np.sum(known)
        case "firstNotNull":
            return known[0]
        case "range":
            return np.max(known) - np.min(known)
        case "diff":
            return known[-1] - known[0]
        case "delta":
            steps = np.diff(known)
            return np.sum(np.where(steps >= 0, steps, known[1:]))
        case "stdDev":
            return np.std(known)
        case "variance":
            return np.var(known)
        case "median":
            return np.median(known)
        case "logmin":
            above = known[known > 0]
            return np.min(above) if len(above) else np.nan
    percent = _percentile(calculation)
    return known[-1] if percent is None else np.percentile(known, percent)


def _percentile(calculation: str) -> int | None:
    digits = calculation[1:]
    is_one = calculation.startswith("p") and digits.isascii() and digits.isdigit() and len(digits) < 3
    return int(digits) if is_one else None
