"""Files of the kernel, kept open: each read tells what they say now, without looking up their path again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 65_536
FILE_BYTES_MAX = 64 * 1024 * 1024
"""No file that is read here is longer; one that is would hold up everything."""


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where the kernel's files are: elsewhere where trimtab runs in a container that has the host's mounted."""

    proc: str = "/proc"
    sys: str = "/sys"
    root: str = "/"

    def under_root(self, mountpoint: str) -> str:
        """A mount point of the host as this process sees it.

        >>> HostPaths(root="/host").under_root("/var"), HostPaths().under_root("/var")
        ('/host/var', '/var')
        """
        return mountpoint if self.root == "/" else self.root.rstrip("/") + mountpoint


class KernelFile:
    """One file. It is opened when it is first read, and again where the kernel says that it is gone (a device that was
    taken out and put back). For one thread at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._fd = -1

    def read(self) -> bytes:
        """All of it. OSError where it is not there or cannot be read."""
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.pread(self._fd, CHUNK_BYTES, 0)
            chunk = data
            while chunk:  # the kernel may hand out a page at a time
                chunk = os.pread(self._fd, CHUNK_BYTES, len(data))
                data += chunk
                if len(data) > FILE_BYTES_MAX:
                    raise OSError(f"{self.path} is longer than {FILE_BYTES_MAX} bytes")
        except OSError:
            self.close()
            raise
        return data

    def close(self) -> None:
        """Again is no error."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def number_in(path: str) -> float:
    """The one number that a small file of /sys or /proc/sys holds. OSError, ValueError where there is none."""
    return float(text_in(path))


def text_in(path: str) -> str:
    """What a small file says, without the end of the line."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096).decode("utf-8", "replace").strip()
    finally:
        os.close(fd)


def listed(path: str) -> list[str]:
    """Names in a folder of the kernel: thousands, of which no paths need to be made."""
    return os.listdir(path)  # noqa: PTH208
