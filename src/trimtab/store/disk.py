"""Small things that must reach the disk whole."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make names in a directory (made, renamed, removed) survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte, however often the kernel takes less."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_pieces(descriptor: int, pieces: Sequence[bytes | memoryview], size_bytes: int) -> None:
    """Write every byte of all of them (so many), in their order, without putting them together first."""
    written = os.writev(descriptor, pieces)
    if written == size_bytes:
        return
    for piece in pieces:
        if written < len(piece):
            write_all(descriptor, memoryview(piece)[written:])
        written = max(0, written - len(piece))


def write_file(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all, durably."""
    partial = path.with_suffix(path.suffix + ".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.rename(path)
    sync_directory(path.parent)


def free_bytes(directory: Path) -> int:
    """What an ordinary process may still write on the directory's file system."""
    facts = os.statvfs(directory)
    return facts.f_bavail * facts.f_frsize
