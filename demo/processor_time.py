"""How much processor time the demo's processes take, from /proc."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def used_s(pid: int, *, with_children: bool) -> float:
    """Processor seconds of a process, with those of its children, living and reaped, when asked; 0 when it is gone."""
    own = _stat(pid)
    if own is None:
        return 0.0
    ticks = own[0] + own[1]
    if with_children:
        ticks += own[2] + own[3]
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            children = []
        for child in children:
            found = _stat(int(child))
            ticks += sum(found) if found else 0
    return ticks / TICKS_PER_S


def _stat(pid: int) -> tuple[int, int, int, int] | None:
    """User and system ticks of a process, then those of its reaped children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[11]), int(fields[12]), int(fields[13]), int(fields[14])


@dataclass
class ProcessorMeter:
    """Share of one core that each process takes, between two looks."""

    _last: dict[str, tuple[float, float]] = field(default_factory=dict)

    def shares(self, pids: dict[str, int | None]) -> dict[str, float]:
        """By name: cores used since the last call; names seen for the first time are left out."""
        now = time.monotonic()
        found = {}
        for name, pid in pids.items():
            if pid is None:
                continue
            used = used_s(pid, with_children=True)
            before = self._last.get(name)
            if before is not None and now > before[0]:
                found[name] = max(0.0, used - before[1]) / (now - before[0])
            self._last[name] = (now, used)
        return found
