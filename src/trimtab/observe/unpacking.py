"""Packed bodies, unpacked piece by piece: never more than a limit is held, whatever the body would become."""

from __future__ import annotations

import zlib
from typing import Protocol

from trimtab.model.errors import InputError
from trimtab.observe.otlp import BodyTooLong

_GZIP = 16 + zlib.MAX_WBITS
_DEFLATE = zlib.MAX_WBITS
_PIECE_BYTES = 64 * 1024
_ZSTD_WINDOW_BYTES_MAX = 8 * 1024 * 1024
_ZSTD_RATIO_MAX = 32 * 1024
"""Four bytes of a block become at most 128 KiB."""


class _Stream(Protocol):
    @property
    def is_over(self) -> bool:
        """Whether the end was reached, and nothing follows."""

    def feed(self, chunk: bytes, room: int) -> list[bytes]:
        """What becomes of a piece: about `room` bytes, if it would be more. InputError where it is broken."""


class Unpacker:
    """Unpacks a body of `encoding` (gzip, deflate or zstd) within `bytes_max`.

    >>> import gzip
    >>> unpacker = Unpacker("gzip", bytes_max=4)
    >>> unpacker.feed(gzip.compress(b"abcd"))
    4
    >>> unpacker.finish()
    bytearray(b'abcd')
    """

    def __init__(self, encoding: str, bytes_max: int) -> None:
        self._encoding = encoding
        self._stream = _stream(encoding)
        self._bytes_max = bytes_max
        self._body = bytearray()

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes; returns how many the body has by now. Raises BodyTooLong or InputError."""
        for data in self._stream.feed(chunk, self._bytes_max - len(self._body) + 1):
            self._body += data
            if len(self._body) > self._bytes_max:
                raise BodyTooLong(
                    f"a body may have {self._bytes_max} bytes unpacked; this one has more",
                    limit=self._bytes_max,
                    observed=len(self._body),
                )
        return len(self._body)

    def finish(self) -> bytearray:
        """The whole body; InputError where it was cut short or something follows it."""
        if not self._stream.is_over:
            raise InputError(f"the {self._encoding} body is cut short or followed by other bytes")
        return self._body


def pieces(body: bytes) -> list[bytes]:
    """A body in pieces that are good to feed."""
    return [body[start : start + _PIECE_BYTES] for start in range(0, len(body), _PIECE_BYTES)]


def _stream(encoding: str) -> _Stream:
    if encoding == "gzip":
        return _Zlib(encoding, _GZIP)
    if encoding == "deflate":
        return _Zlib(encoding, _DEFLATE)
    if encoding == "zstd":
        return _Zstd()
    raise InputError(f"content-encoding {encoding!r} is not known; use gzip, zstd or identity", observed=encoding)


class _Zlib:
    def __init__(self, encoding: str, window_bits: int) -> None:
        self._encoding = encoding
        self._stream = zlib.decompressobj(window_bits)

    @property
    def is_over(self) -> bool:
        return self._stream.eof and not self._stream.unused_data

    def feed(self, chunk: bytes, room: int) -> list[bytes]:
        try:
            return [self._stream.decompress(chunk, room)]
        except zlib.error as error:
            raise InputError(f"the body is not {self._encoding}: {error}") from error


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES_MAX).decompressobj()
        self._has_more = False

    @property
    def is_over(self) -> bool:
        return self._stream.eof and not self._stream.unused_data and not self._has_more

    def feed(self, chunk: bytes, room: int) -> list[bytes]:
        """The library knows no limit: it gets so little at a time that the limit cannot be passed by far."""
        found: list[bytes] = []
        at = 0
        try:
            while at < len(chunk) and room > 0:
                if self._stream.eof:
                    self._has_more = True
                    break
                size = max(room // _ZSTD_RATIO_MAX, 16)
                data = self._stream.decompress(chunk[at : at + size])
                found.append(data)
                room -= len(data)
                at += size
        except self._error as error:
            raise InputError(f"the body is not zstd: {error}") from error
        return found
