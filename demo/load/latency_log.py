"""The application's own record of how long each statement took, apart from all tracing: JSON lines in one file."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TextIO

BYTES_MAX = 200_000_000


class LatencyLog:
    """Append-only and thread-safe; at `BYTES_MAX` the file is set aside once (`.1`) and begun anew.

    A line is `{"at_ms": start in Unix ms, "name": statement, "duration_ms": as the application felt it}`; a failed
    call has `"error"` with the SQLSTATE or the kind of error as well.
    """

    def __init__(self, path: Path, bytes_max: int = BYTES_MAX) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._file: TextIO = path.open("a", buffering=1 << 16)
        self._bytes = path.stat().st_size

    def write(self, at_ms: int, name: str, duration_ms: float, error: str | None = None) -> None:
        """Add one line; it reaches the file at the next `flush`."""
        line: dict[str, object] = {"at_ms": at_ms, "name": name, "duration_ms": round(duration_ms, 3)}
        if error is not None:
            line["error"] = error
        text = json.dumps(line) + "\n"
        with self._lock:
            if self._file.closed:
                return
            self._file.write(text)
            self._bytes += len(text)
            if self._bytes > self._bytes_max:
                self._file.close()
                self._path.replace(self._path.with_name(self._path.name + ".1"))
                self._file = self._path.open("a", buffering=1 << 16)
                self._bytes = 0

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        with self._lock:
            if not self._file.closed:
                self._file.flush()

    def close(self) -> None:
        """Flush and close; later writes are dropped."""
        with self._lock:
            self._file.close()
