"""Where messages go that the engine refuses or the disk damaged: kept with the reason, bounded, out of the way."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

from trimtab.store.disk import write_file

REASON_CHARS_MAX = 500
FILES_MAX = 1000


class Quarantine:
    """A directory of refused messages, `<table>-<segment>-<index>.message`: one line of JSON, then the payload.

    Putting the same message aside again replaces it, so that a crash in between counts it once. The oldest go when
    there are more bytes than `bytes_max` or more files than `FILES_MAX`.
    """

    def __init__(self, directory: Path, bytes_max: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        found = sorted((path.stat().st_mtime_ns, path) for path in directory.glob("*.message"))
        self._files: dict[Path, int] = {path: path.stat().st_size for _, path in found}

    @property
    def count(self) -> int:
        """Messages that are kept."""
        return len(self._files)

    @property
    def size_bytes(self) -> int:
        """What they take."""
        with self._lock:
            return sum(self._files.values())

    def put(self, table_name: str, segment_id: int, index: int, payload: bytes | memoryview, reason: str) -> Path:
        """Keep a message; one that alone passes the limit is kept as its reason only."""
        facts = {
            "table": table_name,
            "segment": f"{segment_id:016x}",
            "index": index,
            "refused_at_ms": time.time_ns() // 1_000_000,
            "payload_bytes": len(payload),
            "reason": reason[:REASON_CHARS_MAX],
        }
        data = json.dumps(facts).encode() + b"\n"
        if len(data) + len(payload) <= self._bytes_max:
            data += payload
        path = self._directory / f"{table_name}-{segment_id:016x}-{index:08d}.message"
        with self._lock:
            self._files.pop(path, None)
            while self._files and (
                sum(self._files.values()) + len(data) > self._bytes_max or len(self._files) >= FILES_MAX
            ):
                oldest = next(iter(self._files))
                oldest.unlink(missing_ok=True)
                del self._files[oldest]
            write_file(path, data)
            self._files[path] = len(data)
        return path
