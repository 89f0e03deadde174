"""How roll-ups are written in little room, and read again, to the bit.

The last value of a window is near its first, the least is mostly the first (of a counter), what it grew by is mostly
the last less the first, and the sum is near the middle of both times the count. So what is stored of each is the
difference of its bits, as whole numbers, from that guess: mostly zeros, which compress to little. A guess is made by
one operation after the other, none of which a compiler may join; where it is no number, it is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.arrays import F64, U64
from trimtab.store.metrics.rolled import Column

FORM = 1
_NEEDS: Mapping[Column, Sequence[Column]] = {
    "last_value": ("first_value",),
    "value_min": ("first_value",),
    "value_max": ("first_value", "last_value"),
    "increase": ("first_value", "last_value"),
    "value_sum": ("samples_count", "first_value", "last_value"),
}
"""What the guess of a column is made from. The last value is read first, since others need it."""

Columns = Mapping[Column, NDArray[np.generic]]


def needed(columns: Sequence[Column]) -> list[Column]:
    """The columns to read for these: these and what guesses need.

    >>> needed(["value_min", "end_ms"])
    ['value_min', 'end_ms', 'first_value']
    """
    found = dict.fromkeys(columns)
    for column in columns:
        found.update(dict.fromkeys(_NEEDS.get(column, ())))
    return list(found)


def packed(columns: Columns) -> dict[Column, NDArray[np.generic]]:
    """Columns as they are stored with form 1.

    >>> row = {"samples_count": np.array([3], np.uint32), "first_value": np.array([1.0])}
    >>> row |= {"last_value": np.array([5.0]), "value_min": np.array([1.0]), "value_max": np.array([5.0])}
    >>> row |= {"increase": np.array([4.0]), "value_sum": np.array([9.0])}
    >>> stored = packed(row)
    >>> [name for name in stored if not stored[name].view(np.uint8).any()]
    ['value_min', 'value_max', 'increase', 'value_sum']
    >>> unpacked(stored, np.array([1], np.uint8)) == row
    True
    """
    stored = dict(columns)
    for name in _NEEDS:
        if name in columns:
            stored[name] = (_bits(columns[name]) - _guess(name, columns)).view(np.float64)
    return stored


def unpacked(stored: Columns, form: NDArray[np.uint8]) -> dict[Column, NDArray[np.generic]]:
    """The other way: what rows say, whichever form each has."""
    columns = dict(stored)
    is_packed = form == FORM
    if not is_packed.any():
        return columns
    for name in _NEEDS:
        if name in stored:
            guess = _guess(name, columns)
            guess[~is_packed] = 0
            columns[name] = (_bits(stored[name]) + guess).view(np.float64)
    return columns


def _guess(name: Column, columns: Columns) -> U64:
    first = columns["first_value"].view("<f8")
    if name in ("last_value", "value_min"):
        return _bits(first.copy())
    last = columns["last_value"].view("<f8")
    if name == "value_max":
        return _bits(last.copy())
    with np.errstate(all="ignore"):
        guess: F64 = last - first if name == "increase" else (first + last) * columns["samples_count"] * 0.5
    guess[np.isnan(guess)] = 0.0
    return _bits(guess)


def _bits(column: NDArray[np.generic]) -> U64:
    return np.ascontiguousarray(column).view(np.uint64)
