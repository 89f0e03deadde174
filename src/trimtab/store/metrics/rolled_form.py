"""How roll-ups are written in little room, and read again, to the bit.

The last value of a window is near its first, the least is mostly the first (of a counter), what it grew by is mostly
the last less the first, and the sum is near the middle of both times the count. So what is stored of each is the
difference from that guess: mostly zeros, which compress to little. The column `form` says of each row in which way:

0  the numbers as they are (rows of an older version)
1  differences of the numbers' bits, as whole numbers. A guess is made by one operation after the other, none of which
   a compiler may join; where it is no number, it is 0.
2  differences of the numbers themselves, which are whole; 3, 4, 5: they are tenths, hundredths, thousandths (`n / 10`,
   `n / 100`, … gives each number back to the bit). Less than zero is odd: -1 is 1, 1 is 2, -2 is 3. What was added up
   (sum, increase) may be some bits away from such a number: its lowest byte says how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.arrays import F64, I64, U8, U64
from trimtab.store.metrics.rolled import Column

_BITS, _WHOLE = 1, 2
_UNITS = np.array([1.0, 10.0, 100.0, 1000.0])
_WHOLE_MAX = float(1 << 40)
_COUNT_MAX = 1 << 12
_AWAY_BITS = 8
"""Larger ones are left to the bits: no product may leave 64 bits."""
_NUMBERS: Sequence[Column] = ("first_value", "last_value", "value_min", "value_max", "increase", "value_sum")
_ADDED_UP: Sequence[Column] = ("increase", "value_sum")
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

    >>> needed(["value_min", "first_at_ms"])
    ['value_min', 'first_at_ms', 'first_value']
    """
    found = dict.fromkeys(columns)
    for column in columns:
        found.update(dict.fromkeys(_NEEDS.get(column, ())))
    return list(found)


def packed(columns: Columns) -> tuple[dict[Column, NDArray[np.generic]], U8]:
    """Columns as they are stored, and the form of each row.

    >>> row = {"samples_count": np.array([3], np.uint32), "first_value": np.array([1.5])}
    >>> row |= {"last_value": np.array([5.0]), "value_min": np.array([1.5]), "value_max": np.array([5.0])}
    >>> row |= {"increase": np.array([3.5]), "value_sum": np.array([9.5])}
    >>> stored, form = packed(row)
    >>> form.tolist(), [name for name in stored if not stored[name].view(np.uint8).any()]
    ([3], ['value_min', 'value_max', 'increase'])
    >>> unpacked(stored, form) == row
    True
    """
    stored = dict(columns)
    for name in _NEEDS:
        stored[name] = (_bits(columns[name]) - _guess(name, columns)).view(np.float64)
    stored["first_value"] = columns["first_value"].copy()
    form = np.full(len(stored["first_value"]), _BITS, np.uint8)
    for decimals, one in enumerate(_UNITS.tolist()):
        rows = np.flatnonzero((form == _BITS) & (columns["samples_count"].view("<u4") < _COUNT_MAX))
        whole = {name: _whole(columns[name].view("<f8")[rows], one) for name in _NUMBERS}
        fits = np.ones(len(rows), np.bool_)
        for name, (_, away) in whole.items():
            fits &= (away < 1 << _AWAY_BITS) if name in _ADDED_UP else (away == 0)
        if not fits.any():
            continue
        rows = rows[fits]
        of = {name: values[fits] for name, (values, _) in whole.items()}
        away_of = {name: whole[name][1][fits].view(np.int64) for name in _ADDED_UP}
        first, last, count = of["first_value"], of["last_value"], columns["samples_count"][rows].astype(np.int64)
        _put(stored, "first_value", rows, first)
        _put(stored, "last_value", rows, _folded(last - first))
        _put(stored, "value_min", rows, _folded(first - of["value_min"]))
        _put(stored, "value_max", rows, _folded(of["value_max"] - last))
        grown, twice = of["increase"] - (last - first), 2 * of["value_sum"] - count * (first + last)
        _put(stored, "increase", rows, _folded(grown) << _AWAY_BITS | away_of["increase"])
        _put(stored, "value_sum", rows, _folded(twice) << _AWAY_BITS | away_of["value_sum"])
        form[rows] = _WHOLE + decimals
    return stored, form


def unpacked(stored: Columns, form: NDArray[np.generic]) -> dict[Column, NDArray[np.generic]]:
    """The other way: what rows say, whichever form each has. `stored` has what `needed` says."""
    columns = dict(stored)
    is_bits, rows = form == _BITS, np.flatnonzero(form.view("u1") >= _WHOLE)
    for name in _NEEDS:
        if name in stored and is_bits.any():
            guess = _guess(name, columns)
            guess[~is_bits] = 0
            columns[name] = (_bits(stored[name]) + guess).view(np.float64)
    if len(rows) == 0:
        return columns
    unit = _UNITS[form[rows].astype(np.int64) - _WHOLE]
    of = {name: _bits(stored[name])[rows].view(np.int64) for name in _NUMBERS if name in stored}
    first = last = of.get("first_value", np.zeros(len(rows), np.int64))
    if "last_value" in of:
        last = first + _unfolded(of["last_value"])
    for name, value in of.items():
        if name == "first_value":
            whole = first
        elif name == "last_value":
            whole = last
        elif name == "value_min":
            whole = first - _unfolded(value)
        elif name == "value_max":
            whole = last + _unfolded(value)
        elif name == "increase":
            whole = last - first + _unfolded(value >> _AWAY_BITS)
        else:
            count = stored["samples_count"][rows].astype(np.int64)
            whole = (_unfolded(value >> _AWAY_BITS) + count * (first + last)) // 2
        bits = (whole / unit).view(np.int64)
        if name in _ADDED_UP:
            bits += _unfolded(value & ((1 << _AWAY_BITS) - 1))
        columns[name] = np.array(columns[name])
        columns[name].view(np.int64)[rows] = bits
    return columns


def _whole(values: F64, unit: float) -> tuple[I64, U64]:
    """Numbers as whole ones of a unit, and how many bits each is away from it, folded; very many: it is too large."""
    with np.errstate(all="ignore"):
        found = np.rint(values * unit)
        is_small = np.abs(found) < _WHOLE_MAX
        found[~is_small] = 0.0
        away = _folded((_bits(values) - _bits(found / unit + 0.0)).view(np.int64)).view(np.uint64)
    away[~is_small] = np.uint64(1 << 63)
    return found.astype(np.int64), away


def _put(stored: dict[Column, NDArray[np.generic]], name: Column, rows: NDArray[np.intp], values: I64) -> None:
    stored[name].view(np.int64)[rows] = values


def _folded(values: I64) -> I64:
    return (values << 1) ^ (values >> 63)


def _unfolded(values: I64) -> I64:
    return (values >> 1) ^ -(values & 1)


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
