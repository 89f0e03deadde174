"""Bytes that the engine in this process reads as a file, without a disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from trimtab.store.disk import write_all


@contextlib.contextmanager
def memory_file(*parts: bytes | memoryview) -> Iterator[str]:
    """A file in memory that holds the parts; gives the path by which the engine reads it."""
    descriptor = os.memfd_create("trimtab", os.MFD_CLOEXEC)
    try:
        for part in parts:
            write_all(descriptor, part)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
