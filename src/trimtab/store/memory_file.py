"""Bytes that the engine in this process reads as a file, without a disk.

Memory of a file that is given back has to be asked for again, and cleared, by the next one: it costs as much as writing
into it. So one file is kept, as long as it is not too large.
"""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Iterator

from trimtab.store.disk import write_all

KEPT_BYTES_MAX = 48 * 1024 * 1024
_kept: queue.SimpleQueue[int] = queue.SimpleQueue()


@contextlib.contextmanager
def memory_file(*parts: bytes | memoryview) -> Iterator[str]:
    """A file in memory that holds the parts; gives the path by which the engine reads it."""
    try:
        descriptor = _kept.get_nowait()
    except queue.Empty:
        descriptor = os.memfd_create("trimtab", os.MFD_CLOEXEC)
    size_bytes = KEPT_BYTES_MAX + 1
    try:
        for part in parts:
            write_all(descriptor, part)
        size_bytes = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.ftruncate(descriptor, size_bytes)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        if size_bytes <= KEPT_BYTES_MAX and _kept.empty():
            os.lseek(descriptor, 0, os.SEEK_SET)
            _kept.put(descriptor)
        else:
            os.close(descriptor)
