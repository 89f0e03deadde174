"""What trimtab costs: the share of the watched server's CPU that its sessions take, and its own CPU and memory.

A session's time is the on-CPU time of its backend (`/proc/PID/schedstat`, nanoseconds), read five times a second; a
backend that ends between two reads loses at most 0.2 s of its time. Watching and advising sessions are counted
together; sessions that build or drop an index are the change itself and are printed beside.

    python -m benchmarks.overhead --seconds 120
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from benchmarks.live import Live, live
from demo.trimtab_server import POLICY_FILE

LIMIT_SHARE = 0.01
READ_EVERY_S = 0.2


@dataclass
class Meter:
    """On-CPU nanoseconds of the server's processes, by what they do."""

    first: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    begun: bool = False

    def read(self, pids: dict[int, str]) -> None:
        """One reading. A process that was not there at the first reading counts from zero."""
        for pid, name in pids.items():
            spent = on_cpu_ns(pid)
            if spent is None:
                continue
            if pid not in self.first:
                self.first[pid] = 0 if self.begun else spent
            self.last[pid] = spent
            if name or pid not in self.names:
                self.names[pid] = name
        self.begun = True

    def seconds(self, prefix: str | None = None) -> float:
        """Seconds of all processes whose application name starts with `prefix`; of all without one."""
        chosen = [p for p in self.last if prefix is None or self.names[p].startswith(prefix)]
        return sum(self.last[p] - self.first[p] for p in chosen) / 1e9


def on_cpu_ns(pid: int) -> int | None:
    """On-CPU time of a process, None when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except (OSError, IndexError):
        return None


def process_cpu_s(pid: int) -> float:
    """User and system seconds of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def children_of(pid: int) -> list[int]:
    """Direct children, as the kernel lists them."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def measure(run: Live, seconds: float) -> int:
    """Measure, print, and say whether the limit holds (0) or not (1)."""
    postmaster = int((run.cluster.data / "postmaster.pid").read_text().split()[0])
    server = run.kept.pid("trimtab")
    if server is None:
        raise RuntimeError("trimtab is not running")
    meter = Meter()
    begun, cpu_before = time.monotonic(), process_cpu_s(server)
    peak_mib = 0.0
    with psycopg.connect(run.cluster.dsn(), autocommit=True, application_name="benchmark") as connection:
        while time.monotonic() - begun < seconds:
            rows = connection.execute("SELECT pid, application_name FROM pg_stat_activity WHERE pid IS NOT NULL")
            names = {int(pid): str(name or "") for pid, name in rows}
            meter.read({pid: names.get(pid, "") for pid in children_of(postmaster)})
            peak_mib = max(peak_mib, resident_mib(server))
            time.sleep(READ_EVERY_S)
    elapsed = time.monotonic() - begun
    total = meter.seconds() - meter.seconds("benchmark")
    changing = meter.seconds("trimtab/change")
    watching = meter.seconds("trimtab") - changing
    share = watching / total
    own = process_cpu_s(server) - cpu_before
    print(f"seconds measured                         {elapsed:8.1f}")
    print(f"server CPU, all processes                {total:8.2f} s = {total / elapsed:.1%} of a core")
    print(f"trimtab's watching and advising sessions {watching:8.3f} s = {share:.2%} of that (limit {LIMIT_SHARE:.0%})")
    print(f"trimtab's changing sessions (builds)     {changing:8.3f} s = {changing / total:.2%} of that")
    print(f"trimtab's own process                    {own:8.2f} s = {own / elapsed:.1%} of a core")
    print(f"trimtab's resident memory, largest seen  {peak_mib:8.0f} MiB")
    for status in run.server.status()["systems"]:
        print(f"trimtab's own measure of its cost        {(status['watch'] or {}).get('cost')}")
    return 0 if share <= LIMIT_SHARE else 1


def main() -> int:
    """Run it on the demo's load, with the demo's policy: advice and changes included."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with live(POLICY_FILE.read_text(), seed=options.seed) as run:
        return measure(run, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
