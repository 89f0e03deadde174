"""One process to a directory: the engine's own message for a second one is empty, so ours comes first."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from trimtab.model.errors import StoreLocked


class DirectoryLock:
    """An exclusive lock on a directory, held until `release` or the end of the process.

    The lock file holds the number of the process that has it; the kernel, not the file, decides who that is, so a
    file left by a crash locks nothing.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._descriptor: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 64, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            self._descriptor = None
            raise StoreLocked(
                f"{directory} is in use by process {holder}; one trimtab at a time may have it: stop that one, or take "
                "another data directory",
                directory=str(directory),
                holder=holder,
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others have it; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
