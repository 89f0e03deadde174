"""Exemplars as columns: how many come in one request, and how they lie in memory until the engine has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import overload

import numpy as np
import pyarrow as pa

from trimtab.store.metrics.arrays import F64, I32, I64, U8
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import Exemplar


@dataclass(frozen=True, slots=True, eq=False)
class Exemplars(Sequence[Exemplar]):
    """The labels of the `i`-th are the pairs `[pairs[i], pairs[i + 1])`, sorted; of pair `p` the name is the text
    `[ends[2 * p], ends[2 * p + 1])` in UTF-8, and the value the one behind it."""

    slots: I32
    at_ms: I64
    values: F64
    pairs: I64
    ends: I64
    text: U8

    def __len__(self) -> int:
        return len(self.slots)

    @overload
    def __getitem__(self, index: int) -> Exemplar: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Exemplar]: ...
    def __getitem__(self, index: int | slice) -> Exemplar | Sequence[Exemplar]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        place = index % len(self)
        return Exemplar(int(self.slots[place]), self._labels(place), float(self.values[place]), int(self.at_ms[place]))

    def __iter__(self) -> Iterator[Exemplar]:
        return (self[place] for place in range(len(self)))

    def _labels(self, place: int) -> Labels:
        first, last = int(self.pairs[place]), int(self.pairs[place + 1])
        ends = self.ends[2 * first : 2 * last + 1].tolist()
        texts = [self.text[start:end].tobytes().decode() for start, end in pairwise(ends)]
        return tuple(zip(texts[::2], texts[1::2], strict=True))

    def of(self, slots: I32) -> Exemplars:
        """The same of other series."""
        return self if slots is self.slots else replace(self, slots=slots)

    def picked(self, places: I64) -> Exemplars:
        """Some of them."""
        from trimtab.store.metrics.exemplar_kernels import picked

        if len(places) == len(self):
            return self
        columns = picked(self.pairs, self.ends, self.text, places)
        return Exemplars(self.slots[places], self.at_ms[places], self.values[places], *columns)

    def labels_column(self) -> pa.MapArray:
        """All labels, as the spool takes them."""
        from trimtab.store.metrics.exemplar_kernels import split

        names, name_ends, values, value_ends = split(self.ends, self.text)
        return pa.MapArray.from_arrays(
            pa.array(self.pairs.astype(np.int32)), _texts(names, name_ends), _texts(values, value_ends)
        )


def _texts(data: U8, ends: I32) -> pa.StringArray:
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(data))


def columns_of(exemplars: Iterable[Exemplar]) -> Exemplars:
    """As columns.

    >>> one = Exemplar(3, (("trace_id", "ab"),), 0.5, 70)
    >>> list(columns_of([one])) == [one]
    True
    """
    if isinstance(exemplars, Exemplars):
        return exemplars
    given = list(exemplars)
    pairs = np.zeros(len(given) + 1, np.int64)
    np.cumsum([len(one.labels) for one in given], out=pairs[1:])
    texts = [text.encode() for one in given for pair in one.labels for text in pair]
    ends = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=ends[1:])
    return Exemplars(
        np.array([one.slot for one in given], np.int32),
        np.array([one.at_ms for one in given], np.int64),
        np.array([one.value for one in given], np.float64),
        pairs,
        ends,
        np.frombuffer(bytearray().join(texts), np.uint8),
    )
