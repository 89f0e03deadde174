"""Unpacks snappy's block format, which says at its beginning how long it gets: that is looked at, never believed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.otlp import BodyTooLong

_RATIO_MAX = 24
"""Three bytes become at most 64."""
_HEADER_BYTES = 64


def unpacked(packed: bytes, bytes_max: int, claim: Callable[[int], None] = lambda _: None) -> NDArray[np.uint8]:
    """The bytes in it. BodyTooLong where they are more than `bytes_max`, InputError where it is not snappy.

    `claim` is asked for room for so many bytes, before they are taken.

    >>> unpacked(bytes([3, 8]) + b"abc", 100).tobytes()
    b'abc'
    """
    import cramjam

    try:
        size = cramjam.snappy.decompress_raw_len(packed)
    except cramjam.DecompressionError as error:
        raise InputError(f"the body is not snappy (block format): {error}") from error
    if size > bytes_max:
        raise BodyTooLong(
            f"a body may have {bytes_max} bytes unpacked; this one says {size}", limit=bytes_max, observed=size
        )
    if size > len(packed) * _RATIO_MAX + _HEADER_BYTES:
        raise InputError(f"the body is not snappy: {len(packed)} bytes cannot become {size}", observed=size)
    claim(size)
    body = np.empty(size, np.uint8)  # not a bytearray: that would be filled with zeros first
    try:
        written = cramjam.snappy.decompress_raw_into(packed, body.data)
    except cramjam.DecompressionError as error:
        raise InputError(f"the body is not snappy (block format): {error}") from error
    if written != size:
        raise InputError(f"the body is not snappy: it says {size} bytes and has {written}", observed=written)
    return body
