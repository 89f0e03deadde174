"""Weighted medians of many steps side by side.

To sort a dozen members at each step is what a combination mostly costs. `sort_rows` does it for all steps at once. So
that a member need not be moved along with what it says, its number stands in the last bits of what is sorted.
"""

from __future__ import annotations

import numpy as np

from trimtab.analyze.forecast.sorting_kernels import sort_rows
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

STEPS_AT_ONCE = 64
"""So many steps lie side by side: more would not stay in the nearest cache."""
MEMBERS_MAX = 32
"""So many members have a number in the last 5 bits of 52; which of two is larger that differ by less than 7e-15 of
themselves is therefore not asked: the first one counts as nearer to zero."""


@kernel("void(float64[:, ::1], float64[:, ::1], int64[::1], float64[::1])")
def weighted_medians(forecasts: F64, weights: F64, kinds: I64, out: F64) -> None:
    """The weighted median of at most `MEMBERS_MAX` members' forecasts [step, member] at each step, between the two
    values around half of the weight. `weights` [kind, member] has what each counts at steps of a kind, `kinds`
    [step]; some member has weight at every step."""
    count = forecasts.shape[1]
    active, held = np.empty(count, np.int64), 0
    for one in range(count):
        most = 0.0
        for kind in range(len(weights)):
            most = max(most, weights[kind, one])
        if most > 0:
            active[held] = one
            held += 1
    halves = np.empty(len(weights))
    for kind in range(len(weights)):
        halves[kind] = 0.5 * weights[kind].sum()
    width = min((len(out) + 3) // 4 * 4, STEPS_AT_ONCE)
    values = np.empty((held, width))
    bits = values.view(np.int64)
    for begin in range(0, len(out), width):
        for one in range(held):
            member = active[one]
            for place in range(width):
                values[one, place] = forecasts[min(begin + place, len(out) - 1), member]
            numbered = bits[one]
            for place in range(width):
                numbered[place] = numbered[place] & -MEMBERS_MAX | member
        sort_rows(values, held)
        for step in range(begin, min(begin + width, len(out))):
            place = step - begin
            kind = kinds[step]
            half = halves[kind]
            below = before = middle = 0.0
            earlier = value = 0.0
            for one in range(held):
                member = bits[one, place] & (MEMBERS_MAX - 1)
                weight = weights[kind, member]
                if weight > 0:
                    earlier, value = value, forecasts[step, member]
                    before, middle = middle, below + 0.5 * weight
                    if middle >= half:
                        break
                    below += weight
            share = (half - before) / (middle - before)
            out[step] = earlier + share * (value - earlier) if before > 0 else value
