"""Which series a `limit_ratio` takes: by the hash of their labels, so that `r` and `r - 1` together are all of them.

The hash is Prometheus' own (XXH64 of each name and value with its length before it), so that both take the same series.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.store.metrics.block import Labels
from trimtab.store.promql.vector import Bools, Floats

_P1, _P2, _P3, _P4, _P5 = (
    11400714785074694791,
    14029467366897019727,
    1609587929392839161,
    9650029242287828579,
    2870177450012600261,
)
_ALL = 2**64 - 1


def is_in_ratio(labels: Sequence[Labels], ratios: Floats) -> Bools:
    """By series and step."""
    shares = np.array([hash_of(one) / float(_ALL) for one in labels])[:, np.newaxis]
    capped = np.clip(ratios, -1.0, 1.0)
    is_in: Bools = np.where(capped >= 0, shares < capped, shares >= 1.0 + capped) & (capped != 0)
    return is_in


def hash_of(labels: Labels) -> int:
    """XXH64 of labels."""
    out = bytearray()
    for pair in labels:
        for text in pair:
            encoded = text.encode("utf-8", "surrogateescape")
            size = len(encoded)
            out += bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")
            out += encoded
    return xxh64(bytes(out))


def xxh64(data: bytes) -> int:
    """The hash, with seed 0.

    >>> hex(xxh64(b"")), hex(xxh64(b"abc"))
    ('0xef46db3751d8e999', '0x44bc2cf5ad770999')
    """
    at, size = 0, len(data)
    if size >= 32:
        lanes = [(_P1 + _P2) & _ALL, _P2, 0, (-_P1) & _ALL]
        while at + 32 <= size:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        total = sum(_rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _ALL
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _ALL
    else:
        total = _P5
    total = (total + size) & _ALL
    while at + 8 <= size:
        total ^= _round(0, int.from_bytes(data[at : at + 8], "little"))
        total = (_rotated(total, 27) * _P1 + _P4) & _ALL
        at += 8
    if at + 4 <= size:
        total ^= int.from_bytes(data[at : at + 4], "little") * _P1 & _ALL
        total = (_rotated(total, 23) * _P2 + _P3) & _ALL
        at += 4
    for byte in data[at:]:
        total ^= byte * _P5 & _ALL
        total = _rotated(total, 11) * _P1 & _ALL
    total = (total ^ total >> 33) * _P2 & _ALL
    total = (total ^ total >> 29) * _P3 & _ALL
    return total ^ total >> 32


def _round(total: int, word: int) -> int:
    return _rotated((total + word * _P2) & _ALL, 31) * _P1 & _ALL


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _ALL
