from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

class Bounds:
    def __init__(self, lb: NDArray[np.float64], ub: NDArray[np.float64]) -> None: ...

class LinearConstraint:
    def __init__(
        self,
        A: csr_array | NDArray[np.float64],
        lb: NDArray[np.float64] | float = ...,
        ub: NDArray[np.float64] | float = ...,
    ) -> None: ...

class OptimizeResult:
    x: NDArray[np.float64] | None
    fun: float | None
    status: int
    mip_dual_bound: float | None

def milp(
    c: NDArray[np.float64],
    *,
    integrality: NDArray[np.float64] | None = ...,
    bounds: Bounds | None = ...,
    constraints: Sequence[LinearConstraint] = ...,
    options: Mapping[str, float | bool] | None = ...,
) -> OptimizeResult: ...
def nnls(A: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]: ...
