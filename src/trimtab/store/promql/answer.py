"""What a query gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import Labels, SeriesBlock

Kind = Literal["scalar", "vector", "matrix", "string"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Series at times: a row of `values` for each of `labels`, a column for each of `at_ms`.

    A scalar is one row without labels. `values[s, t]` means something where `present[s, t]`, and where
    `histograms[s, t]` (if there are any) is None. Range queries give a matrix, sorted by labels.
    """

    kind: Kind
    labels: Sequence[Labels]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    histograms: NDArray[np.object_] | None = None
    block: SeriesBlock | None = None
    """The samples themselves, of an instant query such as `up[5m]`."""
    text: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    is_ordered: bool = False
    """The order of the series means something (`sort`, `topk`)."""
    samples_count: int = 0
    """How many samples were read."""
