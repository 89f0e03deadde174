"""Native histograms on their way in: bytes (`histogram_codec`) one after the other, and the sample that each is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.store.metrics.histogram_codec import decoded, encoded
from trimtab.store.promql.histogram import FloatHistogram


@dataclass(frozen=True, slots=True)
class Natives:
    """The `i`-th is of the sample with the number `index[i]`; its bytes are `data[offsets[i]:offsets[i + 1]]`."""

    index: NDArray[np.int64]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    def bytes_at(self, place: int) -> bytes:
        """Of one."""
        return self.data[int(self.offsets[place]) : int(self.offsets[place + 1])].tobytes()

    def value_at(self, place: int) -> FloatHistogram:
        """One."""
        return decoded(self.bytes_at(place))

    def picked(self, places: NDArray[np.int64]) -> Natives:
        """Some of them."""
        from trimtab.store.metrics.natives_kernels import pick

        if len(places) == len(self.index) and (len(places) == 0 or np.array_equal(places, np.arange(len(places)))):
            return self
        return Natives(self.index[places], *pick(self.data, self.offsets, places))

    def replaced(self, others: Mapping[int, bytes]) -> Natives:
        """The same with other bytes at some places."""
        if not others:
            return self
        pieces = [others.get(place) or self.bytes_at(place) for place in range(len(self))]
        return natives_of_bytes(self.index, pieces)

    def column(self, first: int, end: int) -> pa.BinaryArray:
        """Those from `first` to before `end`, as the spool takes them."""
        offsets = self.offsets[first : end + 1]
        data = self.data[int(offsets[0]) : int(offsets[-1])]
        places = (offsets - offsets[0]).astype(np.int32)
        return pa.BinaryArray.from_buffers(pa.binary(), end - first, [None, pa.py_buffer(places), pa.py_buffer(data)])


def natives_of_bytes(index: Sequence[int] | NDArray[np.int64], pieces: Sequence[bytes]) -> Natives:
    """Of encoded ones."""
    offsets = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=offsets[1:])
    return Natives(np.asarray(index, np.int64), np.frombuffer(bytearray().join(pieces), np.uint8), offsets)


def natives_of_column(column: pa.ChunkedArray) -> Natives:
    """Encoded ones as the engine gives them (it calls all bytes text); the `i`-th is of the `i`-th sample."""
    array = column.combine_chunks().cast(pa.large_binary())
    if not isinstance(array, pa.LargeBinaryArray):
        raise TypeError(f"histograms came as {array.type}")
    _, places, data = array.buffers()
    if places is None or data is None:
        return natives_of_bytes((), ())
    offsets = np.frombuffer(memoryview(places), np.int64)[array.offset : array.offset + len(array) + 1].copy()
    return Natives(np.arange(len(array)), np.frombuffer(memoryview(data), np.uint8).copy(), offsets)


def natives_of(histograms: Iterable[tuple[int, FloatHistogram]]) -> Natives:
    """Of values.

    >>> one = FloatHistogram(count=3.0, sum=2.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
    >>> found = natives_of([(7, one)])
    >>> found.index.tolist(), found.value_at(0) == one
    ([7], True)
    """
    given = list(histograms)
    return natives_of_bytes([index for index, _ in given], [encoded(value) for _, value in given])
