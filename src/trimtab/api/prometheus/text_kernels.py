"""Numbers and points of an answer as text, written into one buffer.

The text of a double is the shortest that reads back as the same double, and of those the nearest (R. Giulietti, "The
Schubfach way to render doubles", 2020): the interval of decimals that read back as the double is scaled by a power of
ten, so that it holds one or two integers of 16 or 17 digits. Numbers that were written with few decimals, which most
are, are found quicker: `round(v * 100) / 100 == v` says that two decimals do, since both sides are rounded correctly.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

U64 = np.uint64
_READ_F64 = "Array(float64,1,'C',readonly=True)"
_READ_U8 = "Array(uint8,1,'C',readonly=True)"
_READ_I64 = "Array(int64,1,'C',readonly=True)"
_POWER_MIN, _POWER_MAX = -292, 324
NUMBER_BYTES_MAX = 26
"""The longest text: a sign, seventeen digits, a point, an exponent; or `0.00000` and seventeen digits."""


def _powers() -> NDArray[np.uint64]:
    """128 bits of each power of ten, rounded up, the first of them set: high and low half."""
    halves = []
    for exponent in range(_POWER_MIN, _POWER_MAX + 1):
        above, below = (10**exponent, 1) if exponent >= 0 else (1, 10**-exponent)
        shift = 128 - above.bit_length() + below.bit_length()
        bits = -(-(above << shift) // below) if shift >= 0 else -(-above // (below << -shift))
        while bits.bit_length() > 128:
            shift -= 1
            bits = -(-(above << shift) // below) if shift >= 0 else -(-above // (below << -shift))
        halves.append((bits >> 64, bits & (2**64 - 1)))
    return np.array(halves, np.uint64)


_POWERS = _powers()
_TENS = np.array([10.0**exponent for exponent in range(5)])
_LOW_HALF = U64(0xFFFFFFFF)
_WHOLE_MAX = 2.0**53
_QUICK_MAX = 2.0**49


@kernel("UniTuple(uint64,2)(uint64,uint64)", is_inlined=True)
def _product(left: np.uint64, right: np.uint64) -> tuple[np.uint64, np.uint64]:
    """High and low half."""
    half = U64(32)
    left_low, left_high = left & _LOW_HALF, left >> half
    right_low, right_high = right & _LOW_HALF, right >> half
    low = left_low * right_low
    first, second = left_high * right_low, left_low * right_high
    middle = (low >> half) + (first & _LOW_HALF) + (second & _LOW_HALF)
    high = left_high * right_high + (first >> half) + (second >> half) + (middle >> half)
    return high, (middle << half) | (low & _LOW_HALF)


@kernel("uint64(uint64,uint64,uint64)", is_inlined=True)
def _scaled(power_high: np.uint64, power_low: np.uint64, value: np.uint64) -> np.uint64:
    """The upper part of the product; its last bit is set where anything was cut off."""
    carried, _ = _product(power_low, value)
    high, low = _product(power_high, value)
    total = low + carried
    if total < low:
        high += U64(1)
    return high | U64(1) if total > U64(1) else high


@kernel("Tuple((uint64,int64))(uint64)")
def _shortest(bits: np.uint64) -> tuple[np.uint64, np.int64]:
    """Digits and exponent of ten of a finite double that is above 0, by its bits."""
    fraction = bits & U64(0xFFFFFFFFFFFFF)
    biased = np.int64(bits >> U64(52))
    if biased == 0:
        significand, exponent = fraction, np.int64(-1074)
    else:
        significand, exponent = fraction | U64(0x10000000000000), biased - 1075
    is_even = significand & U64(1) == U64(0)
    is_closer_below = fraction == U64(0) and biased > 1
    around = significand << U64(2)
    below = around - (U64(1) if is_closer_below else U64(2))
    above = around + U64(2)
    scale = (exponent * 1262611 - (524031 if is_closer_below else 0)) >> 22
    shift = U64(exponent + ((-scale * 1741647) >> 19) + 1)
    high, low = _POWERS[-scale - _POWER_MIN, 0], _POWERS[-scale - _POWER_MIN, 1]
    lower = _scaled(high, low, below << shift)
    middle = _scaled(high, low, around << shift)
    upper = _scaled(high, low, above << shift)
    if not is_even:
        lower += U64(1)
        upper -= U64(1)
    digits = middle >> U64(2)
    if digits >= U64(10):
        fewer = digits // U64(10)
        is_inside = lower <= fewer * U64(40)
        is_next_inside = fewer * U64(40) + U64(40) <= upper
        if is_inside != is_next_inside:
            return fewer + (U64(1) if is_next_inside else U64(0)), scale + 1
    is_inside = lower <= digits << U64(2)
    is_next_inside = (digits << U64(2)) + U64(4) <= upper
    if is_inside != is_next_inside:
        return digits + (U64(1) if is_next_inside else U64(0)), scale
    half = (digits << U64(2)) + U64(2)
    is_up = middle > half or (middle == half and digits & U64(1) == U64(1))
    return digits + (U64(1) if is_up else U64(0)), scale


@kernel("int64(uint64)", is_inlined=True)
def _length(digits: np.uint64) -> int:
    count = 1
    limit = U64(10)
    while count < 20 and digits >= limit:
        count += 1
        limit *= U64(10)
    return count


@kernel("int64(uint64,int64,int64,uint8[::1],int64)")
def _decimal(digits: np.uint64, length: int, decimals: int, out: NDArray[np.uint8], at: int) -> int:
    """Write digits (`length` of them), the last `decimals` of them after a point; answers where the text ends."""
    if decimals <= 0:
        end = at + length - decimals
        for place in range(at + length, end):
            out[place] = 48
        place = at + length - 1
        while place >= at:
            rest = digits // U64(10)
            out[place] = np.uint8(48 + np.int64(digits - rest * U64(10)))
            digits = rest
            place -= 1
        return end
    whole = max(length - decimals, 1)
    end = at + whole + 1 + decimals
    place = end - 1
    point = at + whole
    while place > point:
        rest = digits // U64(10)
        out[place] = np.uint8(48 + np.int64(digits - rest * U64(10)))
        digits = rest
        place -= 1
    out[point] = 46
    place -= 1
    while place >= at:
        rest = digits // U64(10)
        out[place] = np.uint8(48 + np.int64(digits - rest * U64(10)))
        digits = rest
        place -= 1
    return end


@kernel("int64(float64,uint64,uint8[::1],int64)")
def _number(value: float, bits: np.uint64, out: NDArray[np.uint8], at: int) -> int:
    """Write a number as Prometheus does; answers where the text ends."""
    if value != value:  # noqa: PLR0124 - NaN is the one number that differs from itself
        out[at], out[at + 1], out[at + 2] = 78, 97, 78
        return at + 3
    size = abs(value)
    is_negative = bits >> U64(63) == U64(1)
    if np.isinf(size):
        out[at] = 45 if is_negative else 43
        out[at + 1], out[at + 2], out[at + 3] = 73, 110, 102
        return at + 4
    if is_negative:
        out[at] = 45
        at += 1
    if size < _WHOLE_MAX and size == np.floor(size):
        digits = U64(size)
        return _decimal(digits, _length(digits), 0, out, at)
    if 0.001 <= size < _QUICK_MAX:
        for decimals in range(1, 5):
            scaled = size * _TENS[decimals]
            if scaled >= _QUICK_MAX:
                break
            rounded = np.rint(scaled)
            if rounded / _TENS[decimals] == size:
                digits = U64(rounded)
                return _decimal(digits, _length(digits), decimals, out, at)
    digits, exponent = _shortest(bits & U64(0x7FFFFFFFFFFFFFFF))
    while digits % U64(10) == U64(0):
        digits //= U64(10)
        exponent += 1
    length = _length(digits)
    if 1e-6 <= size < 1e21:
        return _decimal(digits, length, int(-exponent), out, at)
    leading = int(exponent) + length - 1
    at = _decimal(digits, length, length - 1, out, at)
    out[at] = 101
    out[at + 1] = 45 if leading < 0 else 43
    digits = U64(abs(leading))
    return _decimal(digits, _length(digits), 0, out, at + 2)


@kernel(f"void({_READ_F64},Array(uint64,1,'C',readonly=True),uint8[::1],int64[::1])")
def numbers(
    values: NDArray[np.float64], bits: NDArray[np.uint64], out: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> None:
    """Text of each number, `out[offsets[i] : offsets[i + 1]]`."""
    at = 0
    offsets[0] = 0
    for index in range(values.shape[0]):
        at = _number(values[index], bits[index], out, at)
        offsets[index + 1] = at


@kernel(f"void({_READ_I64},uint8[::1],int64[::1])")
def moments(at_ms: NDArray[np.int64], out: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
    """Milliseconds as the text of seconds, with three decimals where there are any."""
    at = 0
    offsets[0] = 0
    for index in range(at_ms.shape[0]):
        moment = at_ms[index]
        if moment < 0:
            out[at] = 45
            at += 1
        digits = U64(abs(moment))
        if digits % U64(1000) == U64(0):
            digits //= U64(1000)
            at = _decimal(digits, _length(digits), 0, out, at)
        else:
            at = _decimal(digits, _length(digits), 3, out, at)
        offsets[index + 1] = at


@kernel(
    f"int64({_READ_U8},{_READ_I64},{_READ_I64},{_READ_I64},{_READ_F64},Array(uint64,1,'C',readonly=True),"
    "Array(boolean,1,'C',readonly=True),uint8[::1],int64[::1],int64[::1])"
)
def points(
    times: NDArray[np.uint8],
    time_offsets: NDArray[np.int64],
    first_times: NDArray[np.int64],
    ends: NDArray[np.int64],
    values: NDArray[np.float64],
    bits: NDArray[np.uint64],
    present: NDArray[np.bool_],
    out: NDArray[np.uint8],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
) -> int:
    """`[t,"v"],[t,"v"],…` of rows, row after row; answers where the text ends.

    A row are the values up to `ends[row]`; its first one has the time `first_times[row]`, the others those after it.
    The text of a row is `out[firsts[row] : lasts[row]]`.
    """
    at = 0
    index = 0
    for row in range(ends.shape[0]):
        firsts[row] = at
        time = first_times[row]
        while index < ends[row]:
            if present[index]:
                if at > firsts[row]:
                    out[at] = 44
                    at += 1
                out[at] = 91
                at += 1
                for place in range(time_offsets[time], time_offsets[time + 1]):
                    out[at] = times[place]
                    at += 1
                out[at], out[at + 1] = 44, 34
                at = _number(values[index], bits[index], out, at + 2)
                out[at], out[at + 1] = 34, 93
                at += 2
            time += 1
            index += 1
        lasts[row] = at
    return at
