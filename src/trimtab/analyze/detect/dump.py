"""The detector's state as bytes: a line of magic, a header in JSON, arrays, and a checksum over all of it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.settings import DetectSettings
from trimtab.model.errors import InputError

MAGIC = b"trimtab-detect\n"
VERSION = 10
"""Raise it whenever a field of the state means something else: an older dump is then refused by name."""
_LENGTH = struct.Struct("<I")

Arrays = dict[str, NDArray[Any]]


def write_dump(settings: DetectSettings, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Bytes of settings and arrays, which `read_dump` reads."""
    shapes = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    header = json.dumps({"version": VERSION, "settings": asdict(settings), "arrays": shapes}).encode()
    parts = [
        MAGIC,
        _LENGTH.pack(len(header)),
        header,
        *(np.ascontiguousarray(one).tobytes() for one in arrays.values()),
    ]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([*parts, _LENGTH.pack(checksum)])


def read_dump(data: bytes) -> tuple[DetectSettings, Arrays]:
    """Settings and arrays (writable copies) of a dump.

    Raises InputError, which says why: no dump, torn, or of another version.

    >>> read_dump(write_dump(DetectSettings(), {"one": np.arange(3)}))[1]["one"].tolist()
    [0, 1, 2]
    >>> read_dump(write_dump(DetectSettings(), {"one": np.arange(3)})[:-1])
    Traceback (most recent call last):
    trimtab.model.errors.InputError: the detector's dump is torn: its checksum does not fit
    """
    at = len(MAGIC) + _LENGTH.size
    if not data.startswith(MAGIC) or len(data) < at + _LENGTH.size:
        raise InputError("no dump of a detector: it begins otherwise, or is too short", field="dump")
    if zlib.crc32(data[: -_LENGTH.size]) != _LENGTH.unpack(data[-_LENGTH.size :])[0]:
        raise InputError("the detector's dump is torn: its checksum does not fit", field="dump")
    (length,) = _LENGTH.unpack(data[len(MAGIC) : at])
    header = json.loads(data[at : at + length])
    if header["version"] != VERSION:
        raise InputError(
            f"the detector's dump has version {header['version']}, this trimtab reads {VERSION}", field="dump"
        )
    at += length
    arrays: Arrays = {}
    for name, (kind, shape) in header["arrays"].items():
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, np.dtype(kind), count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return DetectSettings(**header["settings"]), arrays
