"""Read the application's latency log: a live tail for the screen, and exact windows for the cross-check."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TAIL_BYTES_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One statement as the application felt it."""

    at_ms: int
    name: str
    duration_ms: float
    failed: bool


def p95(values: Iterable[float]) -> float | None:
    """The 95th percentile with linear interpolation; None for nothing.

    >>> p95([1.0, 2.0, 3.0, 4.0, 5.0])
    4.8
    """
    ordered = sorted(values)
    if not ordered:
        return None
    position = 0.95 * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def read_calls(path: Path) -> Iterator[Call]:
    """All calls in the log, the part that was set aside first; a last line that is not whole is left out."""
    for part in (path.with_name(path.name + ".1"), path):
        if not part.exists():
            continue
        with part.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield _call(line)


def _call(line: str) -> Call:
    record = json.loads(line)
    return Call(int(record["at_ms"]), str(record["name"]), float(record["duration_ms"]), "error" in record)


@dataclass
class LatencyTail:
    """The last `seconds` of a growing log."""

    path: Path
    seconds: float = 15.0
    _calls: deque[Call] = field(default_factory=deque)
    _offset: int = 0

    def read(self, now_ms: int) -> None:
        """Take in what was added, forget what is old."""
        if self.path.exists():
            with self.path.open("rb") as log:
                size = log.seek(0, 2)
                start = self._offset if self._offset <= size else 0  # begun anew
                log.seek(max(start, size - TAIL_BYTES_MAX))
                data = log.read()
            whole, newline, _ = data.rpartition(b"\n")
            self._offset = size - (len(data) - len(whole) - len(newline))
            lines = whole.decode().split("\n")
            self._calls.extend(_call(line) for line in lines if line.startswith("{") and line.endswith("}"))
        oldest_ms = now_ms - self.seconds * 1000
        while self._calls and self._calls[0].at_ms < oldest_ms:
            self._calls.popleft()

    @property
    def calls_per_s(self) -> float:
        """Statements a second."""
        return len(self._calls) / self.seconds

    @property
    def errors_count(self) -> int:
        """Failed statements."""
        return sum(call.failed for call in self._calls)

    def p95_of(self, name: str) -> float | None:
        """p95 of one statement in milliseconds."""
        return p95(call.duration_ms for call in self._calls if call.name == name)
