"""Documents as requests with log records that the store takes: kernels do the work, here they get their room."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError

Table = NDArray[np.int64]

INDEX_ATTRIBUTE = "elasticsearch.index"
"""The attribute (of the resource) that says to which index a document was sent."""

_ROOM_BYTES_MIN = 64 * 1024
_ROOM_FACTOR_MAX = 64
"""More than so many times a body is never asked for: every bound in the kernels is below that."""
_RECORDS_A_MESSAGE = 50_000
_SHARED_RECORDS_MAX = 64
"""A request says no resource for more records than this where the resource is much longer than they are: the store
refuses requests of which little bytes would become much."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request that the store takes, with the documents `[first, last)` (among those that are good)."""

    body: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Records:
    """What became of documents: a code for each (`document_kernels.GOOD`, ...), and the records of the good ones."""

    codes: NDArray[np.int64]
    good: NDArray[np.int64]
    rows: Table
    out: NDArray[np.uint8]
    resources: NDArray[np.uint8]

    def messages(self, bytes_max: int) -> Iterator[Message]:
        """Requests of at most so many bytes, in the order of the documents."""
        from trimtab.observe.elasticsearch import document_kernels as kernels

        rows = self.rows[self.good]
        if not len(rows):
            return
        changes = np.flatnonzero(np.diff(rows[:, kernels.RESOURCE_START])) + 1
        bounds = [0, *changes.tolist(), len(rows)]
        parts: list[bytes] = []
        size = begun = 0
        for first, last in _pieces(rows, bounds, bytes_max // 2):
            part = self._resource_logs(rows, first, last)
            if parts and (size + len(part) > bytes_max or first - begun >= _RECORDS_A_MESSAGE):
                yield Message(b"".join(parts), begun, first)
                parts, size, begun = [], 0, first
            parts.append(part)
            size += len(part)
        yield Message(b"".join(parts), begun, len(rows))

    def _resource_logs(self, rows: Table, first: int, last: int) -> bytes:
        """ResourceLogs with the records of some documents that share a resource."""
        from trimtab.observe.elasticsearch import document_kernels as kernels

        row = rows[first]
        resource = self.resources[row[kernels.RESOURCE_START] : row[kernels.RESOURCE_STOP]].tobytes()
        records = self.out[row[kernels.RECORD_START] : rows[last - 1, kernels.RECORD_STOP]].tobytes()
        return sized(b"\x0a", sized(b"\x0a", resource) + sized(b"\x12", records))


def records_of(
    body: bytearray,
    starts: Table,
    stops: Table,
    indexes: Sequence[str],
    index_numbers: Sequence[int],
    window_ns: tuple[int, int],
    record_bytes_max: int,
) -> Records:
    """The records of documents that stand in a body. `index_numbers` says of each to which of `indexes` it goes."""
    from trimtab.observe.elasticsearch import document_kernels as kernels
    from trimtab.observe.elasticsearch import names
    from trimtab.observe.scrape.text_kernels import powers_of_ten

    text = np.frombuffer(body, np.uint8)
    attributes = [_index_attribute(index) for index in indexes]
    index_starts = np.cumsum([0, *map(len, attributes)], dtype=np.int64)
    index_text = np.frombuffer(bytearray(b"".join(attributes)), np.uint8)
    rows = np.zeros((len(starts), kernels.ROW_COLUMNS), np.int64)
    factor = 2
    while True:
        room = factor * len(body) + _ROOM_BYTES_MIN
        out, resources = np.empty(room, np.uint8), np.empty(room, np.uint8)
        done = kernels.records_of(
            text,
            starts,
            stops,
            np.array(index_numbers, np.int64),
            index_text,
            index_starts,
            names.KNOWN_TEXT,
            names.KNOWN_STARTS,
            names.KNOWN_ROLES,
            names.RESOURCE_TEXT,
            names.RESOURCE_STARTS,
            powers_of_ten(),
            *window_ns,
            time.time_ns(),
            record_bytes_max,
            out,
            resources,
            rows,
        )
        if done != kernels.MORE_ROOM:
            break
        if factor > _ROOM_FACTOR_MAX:
            raise InputError(f"{len(body)} bytes of documents would become more than {room} bytes", limit=room)
        factor *= 3
    codes = rows[:, kernels.CODE]
    return Records(codes, np.flatnonzero(codes == kernels.GOOD), rows, out, resources)


def _pieces(rows: Table, bounds: Sequence[int], bytes_max: int) -> Iterator[tuple[int, int]]:
    """Parts of runs (documents behind each other with one resource) that are small enough to be written at once."""
    from trimtab.observe.elasticsearch import document_kernels as kernels

    stops = rows[:, kernels.RECORD_STOP]
    for begun, last in itertools.pairwise(bounds):
        first = begun
        row = rows[first]
        resource_bytes = int(row[kernels.RESOURCE_STOP] - row[kernels.RESOURCE_START])
        records_bytes = int(stops[last - 1] - row[kernels.RECORD_START])
        is_heavy = resource_bytes * (last - first) > _SHARED_RECORDS_MAX * (resource_bytes + records_bytes)
        count_max = _SHARED_RECORDS_MAX if is_heavy else _RECORDS_A_MESSAGE
        while first < last:
            fits = int(np.searchsorted(stops, rows[first, kernels.RECORD_START] + bytes_max - resource_bytes, "right"))
            after = max(min(last, fits, first + count_max), first + 1)
            yield first, after
            first = after


def sized(tag: bytes, data: bytes) -> bytes:
    """A field with a length.

    >>> sized(b"\\x0a", b"x" * 300)[:3].hex()
    '0aac02'
    """
    size, digits = len(data), bytearray()
    while size > 0x7F:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    digits.append(size)
    return tag + bytes(digits) + data


def _index_attribute(index: str) -> bytes:
    """The attribute of a resource, on the wire."""
    value = sized(b"\x0a", index.encode("utf-8", "replace"))
    return sized(b"\x0a", sized(b"\x0a", INDEX_ATTRIBUTE.encode()) + sized(b"\x12", value))
