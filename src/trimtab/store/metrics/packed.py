"""Values of samples in little room: whole numbers instead of floating-point ones, where they are whole.

Counters count, and gauges are mostly told with a few decimals. The bits of such a number as a double look like noise;
the number of tenths or thousandths does not, and the difference to the one before is small. So the loader looks for
the fewest decimals (0 to 7) that say the values of a series in a segment, and what is stored of a value is

    -2^50 + decimals * 2^47 + 2^46 + (how many units of the last decimal)

where dividing that again gives the value to the bit, and else its bits as they are. Numbers from -2^50 to -1 are the
bits of no value but some forms of NaN, so nothing else has to be stored to tell one from the other; such a NaN becomes
the ordinary one. (Stale markers and the NaN of Prometheus are others, and stay.) All of it is lossless.
"""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.arrays import I64

COLUMN = "packed"


def packed_of(offsets: I64, bits: I64, stored: I64 | None = None) -> I64:
    """What is stored of values (by their bits); rows `[offsets[i], offsets[i + 1])` are of one series. It is set in
    `stored`, where that is given.

    >>> values = np.array([20.5, 20.25, 21.0, 1 / 3])
    >>> stored = packed_of(np.array([0, 3, 4]), values.view(np.int64))
    >>> np.diff(stored[:3]).tolist(), bits_of(stored.copy()).view(np.float64).tolist() == values.tolist()
    ([-25, 75], True)
    """
    from trimtab.store.metrics.packed_kernels import pack

    stored = np.empty(len(bits), np.int64) if stored is None else stored
    pack(offsets, bits, bits.view(np.float64), stored)
    return stored


def bits_of(stored: I64) -> I64:
    """The other way, in place."""
    from trimtab.store.metrics.packed_kernels import unpack

    unpack(stored, stored.view(np.float64))
    return stored
