"""Sums of rows of numbers in windows, compensated (Neumaier), column by column."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64_2 = "Array(float64,2,'C',readonly=True)"


@kernel(f"void({F64_2},{I64},{I64},float64[:,::1])")
def window_sums(
    numbers: NDArray[np.float64], lows: NDArray[np.int64], highs: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """`out[step]` is the sum of the rows `[lows[step], highs[step])`."""
    for step in range(len(lows)):
        for column in range(numbers.shape[1]):
            total = rest = 0.0
            for row in range(lows[step], highs[step]):
                value = numbers[row, column]
                new = total + value
                if np.isinf(new):
                    rest = 0.0
                elif abs(total) >= abs(value):
                    rest += (total - new) + value
                else:
                    rest += (value - new) + total
                total = new
            out[step, column] = total + rest
