"""A part that the engine keeps in one file, `data.packed`: what is in it, by the list at its beginning.

    version u8 = 0 | count u64 | (length varint, name, offset u64, size u64)*     all little-endian

Small parts are kept so (`engine.xml`): one file instead of fifteen, each of which takes a block of the disk and a sync.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

FILE = "data.packed"
_HEAD = struct.Struct("<BQ")
_PLACE = struct.Struct("<QQ")
_LIST_BYTES_MAX = 64 * 1024


def sizes_in(path: Path) -> Mapping[str, int] | None:
    """The sizes of the files in it; None where the list or anything that it names is not there whole."""
    with path.open("rb") as file:
        data = file.read(_LIST_BYTES_MAX)
        size_bytes = file.seek(0, 2)
    found: dict[str, int] = {}
    ends = [0]
    try:
        version, count = _HEAD.unpack_from(data)
        position = _HEAD.size
        if version != 0 or not count:
            return None
        for _ in range(count):
            length = data[position]
            name = data[position + 1 : position + 1 + length].decode()
            offset, size = _PLACE.unpack_from(data, position + 1 + length)
            position += 1 + length + _PLACE.size
            found[name] = size
            ends.append(offset + size)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    return found if max(ends) == size_bytes else None
