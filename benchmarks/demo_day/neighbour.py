"""`python -m benchmarks.demo_day.neighbour prepare|disturb|evict FOLDER`: who else wants the disk and the memory.

`prepare` makes the file, before anything is measured; `disturb` reads it past the page cache (O_DIRECT), a megabyte at
a time at random places, by many readers, and writes with fsync; `evict` takes files out of the page cache again and
again. No rights are needed but to the files.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import os
import random
import threading
import time
from pathlib import Path

FILE = "neighbour.data"
CHUNK_BYTES = 1024**2
CHUNKS = 512
WRITERS = 2
EVICT_S = 1.0


def prepare(folder: Path, chunks: int = CHUNKS) -> None:
    """A file of so many megabytes: half a gigabyte."""
    with (folder / FILE).open("wb") as file:
        for _ in range(chunks):
            file.write(os.urandom(CHUNK_BYTES))
        os.fsync(file.fileno())


def read(file: Path) -> None:
    """Read for ever."""
    descriptor = os.open(file, os.O_RDONLY | os.O_DIRECT)
    page_aligned = mmap.mmap(-1, CHUNK_BYTES)
    chunks = os.fstat(descriptor).st_size // CHUNK_BYTES
    while True:
        os.preadv(descriptor, [page_aligned], random.randrange(chunks) * CHUNK_BYTES)


def write(file: Path) -> None:
    """Write and make sure of it for ever, in one place of at most 64 MB."""
    blob = os.urandom(CHUNK_BYTES)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        os.ftruncate(descriptor, 0)
        for at in range(64):
            os.pwrite(descriptor, blob, at * CHUNK_BYTES)
            os.fsync(descriptor)


def evict(folder: Path) -> None:
    """Take every file below a folder out of the page cache, once: what is clean leaves, what is dirty stays."""
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):  # a table may be gone by now
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def main() -> None:
    """Until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo_day.neighbour")
    parser.add_argument("what", choices=("prepare", "disturb", "evict"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--readers", type=int, default=32)
    options = parser.parse_args()
    folder: Path = options.folder
    if options.what == "prepare":
        prepare(folder)
    elif options.what == "evict":
        while True:
            evict(folder)
            time.sleep(EVICT_S)
    else:
        threads = [threading.Thread(target=read, args=(folder / FILE,), daemon=True) for _ in range(options.readers)]
        threads += [
            threading.Thread(target=write, args=(folder / f"neighbour.{number}",), daemon=True)
            for number in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
