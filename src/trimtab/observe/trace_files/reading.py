"""A file's documents: one, or one to a line as collectors write them; each within a size that fits into memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from trimtab.observe.trace_files.documents import Reader
from trimtab.observe.trace_files.places import bad
from trimtab.observe.trace_files.requests import requests_of

DOCUMENT_BYTES_MAX = 128 * 1024 * 1024
"""One document, with everything that stands in it."""
FILE_BYTES_MAX = 512 * 1024 * 1024
"""All documents of a file: they are converted, and held, before the first is stored."""


def read_requests(file: BinaryIO, reader: Reader) -> list[tuple[bytes, int]]:
    """The whole file as requests with their counts of spans. BadFile where anything is wrong: nothing is stored yet."""
    spans = (placed for place, text in documents_of(file) for placed in reader(text, place))
    return list(requests_of(spans))


def documents_of(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Documents with their places: '' for the only one, `line 3` for one of many.

    >>> import io
    >>> list(documents_of(io.BytesIO(b'{"a":\\n1}')))
    [('', b'{"a":\\n1}')]
    >>> list(documents_of(io.BytesIO(b'{"a": 1}\\n\\n{"b": 2}\\n')))
    [('line 1', b'{"a": 1}\\n'), ('line 3', b'{"b": 2}\\n')]
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        raise bad("", "it is empty")
    second = next(lines, None)
    if second is None:
        yield "", first[1]
        return
    if not _is_whole(first[1]):
        yield "", _joined(itertools.chain((first, second), lines))
        return
    for number, line in itertools.chain((first, second), lines):
        yield f"line {number}", line


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers."""
    size_bytes = 0
    for number in itertools.count(1):
        line = file.readline(DOCUMENT_BYTES_MAX + 1)
        size_bytes += len(line)
        if len(line) > DOCUMENT_BYTES_MAX:
            raise bad(f"line {number}", f"a document may have {DOCUMENT_BYTES_MAX} bytes, this one has more")
        if size_bytes > FILE_BYTES_MAX:
            raise bad(f"line {number}", f"a file may have {FILE_BYTES_MAX} bytes, this one has more: divide it")
        if not line:
            return
        if line.strip():
            yield number, line


def _joined(lines: Iterator[tuple[int, bytes]]) -> bytes:
    text = bytearray()
    for _, line in lines:
        text += line
        if len(text) > DOCUMENT_BYTES_MAX:
            raise bad("", f"a document may have {DOCUMENT_BYTES_MAX} bytes, this one has more: divide it")
    return bytes(text)


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
