"""What the spool holds of metrics: blocks in the engine's Native format for numbers, Arrow streams for the rest.

A Native block is its column's bytes one after the other, so packing samples costs what copying them costs, and the
loader gives messages to the engine as they are: blocks that follow each other in a file are one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import EngineRefused

Columns = Mapping[str, NDArray[np.generic]]


def _varuint(value: int) -> bytes:
    """
    >>> _varuint(300)
    b'\\xac\\x02'
    """
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _text(text: str) -> bytes:
    data = text.encode()
    return _varuint(len(data)) + data


@dataclass(frozen=True, slots=True)
class NativeTable:
    """A table of plain numbers: the engine's type and ours, by column."""

    name: str
    columns: Mapping[str, tuple[str, np.dtype[np.generic]]]
    heads: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    """What stands before each column: the same in every message."""

    def __post_init__(self) -> None:
        """Made once: there is a message for every request."""
        object.__setattr__(
            self, "heads", {name: _text(name) + _text(type_) for name, (type_, _) in self.columns.items()}
        )

    @property
    def structure(self) -> str:
        """As `file()` wants to know it."""
        return ", ".join(f"{name} {type_}" for name, (type_, _) in self.columns.items())

    @property
    def row_bytes(self) -> int:
        """What a row takes in a message."""
        return sum(dtype.itemsize for _, dtype in self.columns.values())

    def pack(self, columns: Columns) -> bytes:
        """One block of rows."""
        return b"".join(self.parts(columns))

    def parts(self, columns: Columns) -> list[bytes | memoryview]:
        """The same as pieces, without a copy of the columns."""
        count = len(next(iter(columns.values())))
        parts: list[bytes | memoryview] = []
        before = _varuint(len(self.columns)) + _varuint(count)
        for name, (_, dtype) in self.columns.items():
            column = np.ascontiguousarray(columns[name], dtype)
            parts += [before + self.heads[name], column.view(np.uint8).data]
            before = b""
        return parts

    def unpack(self, payload: bytes | memoryview) -> dict[str, NDArray[np.generic]]:
        """The rows of a block that `pack` made; EngineRefused where it is another.

        >>> block = SAMPLES.pack({"id": np.array([7]), "at_ms": np.array([5]), "value": np.array([0.5])})
        >>> {name: column.tolist() for name, column in SAMPLES.unpack(block).items()}
        {'id': [7], 'at_ms': [5], 'value': [0.5]}
        """
        width, position = _read_varuint(payload, 0)
        count, position = _read_varuint(payload, position)
        found: dict[str, NDArray[np.generic]] = {}
        for name, (type_, dtype) in self.columns.items():
            head = self.heads[name]
            end = position + len(head) + count * dtype.itemsize
            if width != len(self.columns) or payload[position : position + len(head)] != head or end > len(payload):
                raise EngineRefused(f"a message of {self.name} is no block with {name} {type_}", table=self.name)
            found[name] = np.frombuffer(payload, dtype, count, position + len(head))
            position = end
        return found


SAMPLES = NativeTable(
    "metric_samples",
    {
        "id": ("UInt64", np.dtype("<u8")),
        "at_ms": ("Int64", np.dtype("<i8")),
        "value": ("Float64", np.dtype("<f8")),
    },
)
STORED_SAMPLES = NativeTable(
    SAMPLES.name,
    {
        "id": ("UInt64", np.dtype("<u8")),
        "at_ms": ("Int64", np.dtype("<i8")),
        "packed": ("Int64", np.dtype("<i8")),
    },
)
"""The same as the engine gets them: see `packed`."""
STARTS = NativeTable(
    "metric_starts",
    {
        "id": ("UInt64", np.dtype("<u8")),
        "at_ms": ("Int64", np.dtype("<i8")),
        "start_ms": ("Int64", np.dtype("<i8")),
    },
)


def _read_varuint(data: bytes | memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
    raise EngineRefused("a message is no block of the engine", observed=len(data))


def slices(count: int, rows_max: int) -> Sequence[slice]:
    """Pieces of at most so many rows.

    >>> slices(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + rows_max, count)) for start in range(0, count, rows_max)]
