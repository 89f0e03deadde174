"""The detector's state in a file of the data directory, so that a restart goes on where it was.

A line of magic, a header in JSON (version, lengths, shapes of queries), the arrays of the metrics' series, the
detector's own dump, and a checksum over all of it. It is put in place whole or not at all.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import structlog

from trimtab.analyze.detect import Detector
from trimtab.app.detecting.metric_rows import KeptMetrics
from trimtab.model.errors import InputError
from trimtab.store.disk import write_file

MAGIC = b"trimtab-anomalies\n"
VERSION = 1
"""Raise it whenever something in it means something else: an older file is then passed over, and said so."""
_LENGTH = struct.Struct("<I")
log = structlog.get_logger()
KeptShape = tuple[str, str, int, int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """What stood in the file."""

    detector: Detector
    interval_ms: int
    metrics: KeptMetrics
    shapes: list[KeptShape]


def write(path: Path, detector: Detector, interval_ms: int, metrics: KeptMetrics, shapes: list[KeptShape]) -> int:
    """Put it in place; its size in bytes. Raises OSError."""
    data = pack(detector, interval_ms, metrics, shapes)
    write_file(path, data)
    return len(data)


def pack(detector: Detector, interval_ms: int, metrics: KeptMetrics, shapes: list[KeptShape]) -> bytes:
    """The file's bytes."""
    dump = detector.dump()
    arrays = {one.name: np.ascontiguousarray(getattr(metrics, one.name)) for one in fields(metrics)}
    header = json.dumps(
        {
            "version": VERSION,
            "interval_ms": interval_ms,
            "arrays": {name: (array.dtype.str, len(array)) for name, array in arrays.items()},
            "detector_bytes": len(dump),
            "shapes": shapes,
        }
    ).encode()
    parts = [MAGIC, _LENGTH.pack(len(header)), header, *(one.tobytes() for one in arrays.values()), dump]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([*parts, _LENGTH.pack(checksum)])


def unpack(data: bytes) -> Kept:
    """What `pack` wrote. Raises InputError: it is torn, or of another version."""
    at = len(MAGIC) + _LENGTH.size
    if not data.startswith(MAGIC) or len(data) < at + _LENGTH.size:
        raise InputError("it is no state of anomalies: it begins otherwise, or is too short", field="file")
    if zlib.crc32(memoryview(data)[: -_LENGTH.size]) != _LENGTH.unpack(data[-_LENGTH.size :])[0]:
        raise InputError("it is torn: its checksum does not fit", field="file")
    (length,) = _LENGTH.unpack(data[len(MAGIC) : at])
    header = json.loads(data[at : at + length])
    if header["version"] != VERSION:
        raise InputError(f"it has version {header['version']}, this trimtab reads {VERSION}", field="file")
    at += length
    arrays = {}
    for name, (kind, count) in header["arrays"].items():
        arrays[name] = np.frombuffer(data, np.dtype(kind), count, at).copy()
        at += arrays[name].nbytes
    detector = Detector.load(data[at : at + header["detector_bytes"]])
    shapes = [(str(a), str(b), int(c), int(d), int(e)) for a, b, c, d, e in header["shapes"]]
    return Kept(detector, int(header["interval_ms"]), KeptMetrics(**arrays), shapes)


def read(path: Path) -> Kept | None:
    """What stands there; None where nothing does, or nothing that can be gone on from (which is logged)."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("anomaly_state_not_read", path=str(path), reason=error.strerror)
        return None
    try:
        return unpack(data)
    except (InputError, KeyError, TypeError, ValueError) as error:
        reason = error.message if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        log.warning("anomaly_state_not_read", path=str(path), reason=reason)
        return None
