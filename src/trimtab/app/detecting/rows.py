"""Rows for the detector: which series, when, what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import F64, I32, I64


@dataclass(frozen=True, slots=True)
class Rows:
    """Arrays of one length. Rows of one place stand together, and ascend in time."""

    places: I32
    at_ms: I64
    values: F64

    def __len__(self) -> int:
        return len(self.places)

    @staticmethod
    def none() -> Rows:
        """Nothing."""
        return Rows(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.float64))

    @staticmethod
    def together(parts: Sequence[Rows]) -> Rows:
        """All of them, one after the other."""
        if not parts:
            return Rows.none()
        return Rows(*(np.concatenate([getattr(one, name) for one in parts]) for name in Rows.__slots__))
