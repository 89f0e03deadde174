"""Pushes a machine over thresholds, gently: others share it. Each is a context; what it did is gone afterwards."""

from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BURN = "import os\nos.nice(19)\nwhile True: pass"
"""Busy where nobody else wants the time: a processor that is asked for is as busy."""
MOUNT_BYTES = 8 * 2**20


@contextmanager
def burning_processors() -> Iterator[None]:
    """One process for each processor that does nothing but work."""
    count = os.cpu_count() or 1
    processes = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(10)


@contextmanager
def holding_memory(size_bytes: int) -> Iterator[None]:
    """So much memory that is really there."""
    with mmap.mmap(-1, size_bytes) as held:
        for at in range(0, size_bytes, mmap.PAGESIZE):
            held[at] = 1
        yield


@contextmanager
def busy_loopback() -> Iterator[None]:
    """One sender and one reader, as fast as they go, with a breath between."""
    stop = threading.Event()
    sender, reader = _tcp_pair()

    def send() -> None:
        block = bytes(1 << 20)
        with suppress(OSError):
            while not stop.wait(0.02):
                sender.sendall(block)

    def read() -> None:
        with suppress(OSError):
            while reader.recv(1 << 20):
                pass

    threads = [threading.Thread(target=work, daemon=True) for work in (send, read)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for end in (sender, reader):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        sender.close()
        reader.close()


def _tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = socket.create_connection(listener.getsockname())
        reader, _ = listener.accept()
    return sender, reader


@contextmanager
def full_file_system(folder: Path) -> Iterator[str | None]:
    """A small tmpfs that is full; None where this user may not mount."""
    folder.mkdir()
    options = f"size={MOUNT_BYTES}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        yield None
        return
    try:
        (folder / "full").write_bytes(bytes(MOUNT_BYTES * 95 // 100))
        yield str(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=False)


@contextmanager
def busy_disk(folder: Path) -> Iterator[None]:
    """Small writes that each wait for the disk, from four threads."""
    stop = threading.Event()

    def write(number: int) -> None:
        with (folder / f"busy-{number}").open("wb", buffering=0) as file:
            while not stop.is_set():
                file.seek(0)
                file.write(os.urandom(65536))
                os.fdatasync(file.fileno())

    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
