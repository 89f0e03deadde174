"""Values of samples as they are stored in little room, and back; see `packed`."""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

_DECIMALS_MAX = 7
_UNITS = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7)
_NUMBER_BITS = 47
_MIDDLE = 1 << (_NUMBER_BITS - 1)
_NUMBER = (1 << _NUMBER_BITS) - 1
_FIRST = -(1 << (_NUMBER_BITS + 3))
"""Whole numbers are stored from here up to -1: as bits of a value that would be NaN."""
_ONE_OF = 16
"""So few of a series may not fit: they stay as they are."""
_NAN = 0x7FF8_0000_0000_0001


@kernel("boolean(float64, int64, float64)", is_inlined=True)
def fits(value: float, bits: int, unit: float) -> bool:
    """Whether a whole number of units gives the value back to the bit."""
    whole = np.rint(value * unit)
    return bool(np.abs(whole) < _MIDDLE and whole / unit == value and (whole != 0.0 or bits == 0))


@kernel("void(int64[::1], int64[::1], float64[::1], int64[::1])")
def pack(offsets: I64, bits: I64, values: F64, out: I64) -> None:
    """Series by series: `bits` and `values` are the same numbers."""
    for series in range(len(offsets) - 1):
        first, end = offsets[series], offsets[series + 1]
        misfits_max = (end - first) // _ONE_OF
        decimals = 0
        while decimals <= _DECIMALS_MAX:
            unit = _UNITS[decimals]
            misfits = 0
            for row in range(first, end):
                value = values[row]
                if not fits(value, bits[row], unit) and not np.isnan(value):
                    misfits += 1
                    if misfits > misfits_max:
                        break
            if misfits <= misfits_max:
                break
            decimals += 1
        if decimals > _DECIMALS_MAX:
            for row in range(first, end):
                out[row] = _NAN if _FIRST <= bits[row] < 0 else bits[row]
            continue
        unit = _UNITS[decimals]
        base = np.int64(_FIRST + (decimals << _NUMBER_BITS) + _MIDDLE)
        for row in range(first, end):
            value = values[row]
            if fits(value, bits[row], unit):
                out[row] = base + np.int64(np.rint(value * unit))
            else:
                out[row] = _NAN if _FIRST <= bits[row] < 0 else bits[row]


@kernel("void(int64[::1], float64[::1])")
def unpack(bits: I64, values: F64) -> None:
    """In place: `values` is the same memory."""
    for row in range(len(bits)):
        stored = bits[row]
        if _FIRST <= stored < 0:
            values[row] = ((stored & _NUMBER) - _MIDDLE) / _UNITS[(stored >> _NUMBER_BITS) & 7]
