"""Processes: how many in which state, and which are the busiest. One pass over /proc, at an interval of its own: it is
the only thing here whose cost grows with what runs on the machine.

Series of groups (all processes of one name) are those of process-exporter, `namedprocess_namegroup_*`, so that what was
busy last night can be asked this morning; single processes are kept in memory only.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from trimtab.observe.host.files import HostPaths, listed
from trimtab.observe.host.series import HostSeries
from trimtab.observe.host.small import limits

GROUPS_MAX = 30
"""So many names have series; which they are is said anew only where a busier one comes."""
BUSIEST_MAX = 20
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Busy:
    """One process between two looks. `cpu_cores` is 1 where it kept one core busy; None where it was seen once."""

    pid: int
    name: str
    state: str
    cpu_cores: float | None
    resident_bytes: float
    threads_count: int
    read_bytes_s: float | None
    written_bytes_s: float | None
    started_at_ms: int
    command: str = ""


@dataclass(slots=True)
class _Seen:
    name: str
    state: str
    user_ticks: int
    system_ticks: int
    threads_count: int
    started_ticks: int
    resident_pages: int


@dataclass(slots=True)
class _Group:
    user_ticks: int = 0
    system_ticks: int = 0
    resident_pages: int = 0
    threads_count: int = 0
    processes_count: int = 0


@dataclass(frozen=True, slots=True)
class Busiest:
    """What the last two looks tell of processes, most processor time first."""

    at_ms: int = 0
    interval_ms: int = 0
    by_cpu: tuple[Busy, ...] = ()
    by_memory: tuple[Busy, ...] = ()
    why: str = "processes were not looked at yet"


@dataclass(slots=True)
class _Before:
    at_s: float = 0.0
    seen: dict[int, _Seen] = field(default_factory=dict)
    io: dict[int, tuple[int, int]] = field(default_factory=dict)


class Processes:
    """One pass over /proc. `busiest` is replaced as a whole, and may be read by any thread."""

    name = "processes"
    is_slow = True

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/[pid]/stat"
        self._paths = paths
        self._before = _Before()
        self._ticks: dict[str, list[int]] = {}
        self._groups: tuple[str, ...] = ()
        self._states: tuple[str, ...] = ()
        self._limits: tuple[str, ...] = ()
        self._boot_s: float | None = None
        self.series: tuple[HostSeries, ...] = ()
        self.busiest = Busiest()

    def read(self) -> Sequence[float]:
        """See `Collector.read`."""
        now_s = time.monotonic()
        seen = self._pass()
        before = self._before
        groups: dict[str, _Group] = {}
        spent: dict[int, int] = {}
        for pid, one in seen.items():
            group = groups.setdefault(one.name, _Group())
            group.resident_pages += one.resident_pages
            group.threads_count += one.threads_count
            group.processes_count += 1
            earlier = before.seen.get(pid)
            if earlier is not None and earlier.started_ticks == one.started_ticks:
                user, system = one.user_ticks - earlier.user_ticks, one.system_ticks - earlier.system_ticks
            elif before.seen:  # it began since the last look: all of its time is of now
                user, system = one.user_ticks, one.system_ticks
            else:
                continue
            spent[pid] = user + system
            total = self._ticks.setdefault(one.name, [0, 0])
            total[0] += max(user, 0)
            total[1] += max(system, 0)
            group.user_ticks += user
            group.system_ticks += system
        interval_s = now_s - before.at_s if before.seen else 0.0
        io = self._tell_busiest(seen, spent, interval_s, before)
        self._before = _Before(now_s, seen, io)
        return self._numbers(seen, groups)

    def _pass(self) -> dict[int, _Seen]:
        proc = self._paths.proc
        found: dict[int, _Seen] = {}
        for name in listed(proc):
            if not name.isdigit():
                continue
            try:
                fd = os.open(f"{proc}/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:  # it is gone
                continue
            try:
                data = os.read(fd, 1024)
            except OSError:
                continue
            finally:
                os.close(fd)
            head, _, rest = data.rpartition(b") ")
            parts = rest.split()
            if len(parts) < 22:
                continue
            title = head.partition(b" (")[2].decode("utf-8", "replace")
            found[int(name)] = _Seen(
                title,
                parts[0].decode(),
                int(parts[11]),
                int(parts[12]),
                int(parts[17]),
                int(parts[19]),
                int(parts[21]),
            )
        return found

    def _tell_busiest(
        self, seen: dict[int, _Seen], spent: dict[int, int], interval_s: float, before: _Before
    ) -> dict[int, tuple[int, int]]:
        """Replace `busiest`. Bytes read and written are asked of those alone that are told: it costs as much again."""
        by_cpu = sorted(spent, key=lambda pid: (-spent[pid], pid))[:BUSIEST_MAX]
        by_cpu = [pid for pid in by_cpu if spent[pid] > 0]
        by_memory = sorted(seen, key=lambda pid: -seen[pid].resident_pages)[:BUSIEST_MAX]
        by_memory = [pid for pid in by_memory if seen[pid].resident_pages]
        io = {pid: moved for pid in {*by_cpu, *by_memory} if (moved := self._io(pid)) is not None}
        told: dict[int, Busy] = {}
        for pid in {*by_cpu, *by_memory}:
            one = seen[pid]
            earlier = before.io.get(pid) if pid in before.seen else None
            speeds: tuple[float | None, float | None] = (None, None)
            if interval_s > 0 and earlier is not None and pid in io:
                (read, written), (read_then, written_then) = io[pid], earlier
                speeds = (max(read - read_then, 0) / interval_s, max(written - written_then, 0) / interval_s)
            told[pid] = Busy(
                pid,
                one.name,
                one.state,
                spent[pid] * _TICK_S / interval_s if interval_s > 0 and pid in spent else None,
                float(one.resident_pages * _PAGE_BYTES),
                one.threads_count,
                *speeds,
                self._started_ms(one.started_ticks),
                self._command(pid),
            )
        self.busiest = Busiest(
            int(time.time() * 1000),
            round(interval_s * 1000),
            tuple(told[pid] for pid in by_cpu),
            tuple(told[pid] for pid in by_memory),
            "" if interval_s > 0 else "there was one look so far; processor time is between two",
        )
        return io

    def _numbers(self, seen: dict[int, _Seen], groups: dict[str, _Group]) -> list[float]:
        states = Counter(one.state for one in seen.values())
        threads = float(sum(one.threads_count for one in seen.values()))
        limited = limits(self._paths)
        wanted = sorted(
            groups,
            key=lambda name: (-groups[name].user_ticks - groups[name].system_ticks, -groups[name].resident_pages),
        )
        kept = [name for name in self._groups if name in groups]
        for name in wanted[: GROUPS_MAX // 2]:
            if name not in kept:
                kept.append(name)
        if len(kept) > GROUPS_MAX:  # the least busy of those kept from earlier go
            place = {name: at for at, name in enumerate(wanted)}
            kept = sorted(kept, key=lambda name: place[name])[:GROUPS_MAX]
        names = tuple(sorted(kept))
        keys = tuple(sorted(states))
        if not self.series or names != self._groups or keys != self._states or tuple(limited) != self._limits:
            self._groups, self._states, self._limits = names, keys, tuple(limited)
            self.series = tuple(self._described())
        found = [float(len(seen)), threads, *limited.values(), *(float(states[key]) for key in keys)]
        for name in names:
            group, ticks = groups[name], self._ticks.get(name, [0, 0])
            found += (
                float(ticks[0]),
                float(ticks[1]),
                float(group.resident_pages),
                float(group.processes_count),
                float(group.threads_count),
            )
        for gone in [name for name in self._ticks if name not in groups]:
            if len(self._ticks) > 4 * GROUPS_MAX:
                del self._ticks[gone]
        return found

    def _described(self) -> list[HostSeries]:
        found = [HostSeries("node_processes_pids"), HostSeries("node_processes_threads")]
        found += [HostSeries(name) for name in self._limits]
        found += [HostSeries("node_processes_state", (("state", key),)) for key in self._states]
        for name in self._groups:
            group = (("groupname", name),)
            seconds, memory = "namedprocess_namegroup_cpu_seconds_total", "namedprocess_namegroup_memory_bytes"
            found += (
                HostSeries(seconds, (*group, ("mode", "user")), _TICK_S),
                HostSeries(seconds, (*group, ("mode", "system")), _TICK_S),
                HostSeries(memory, (*group, ("memtype", "resident")), float(_PAGE_BYTES)),
                HostSeries("namedprocess_namegroup_num_procs", group),
                HostSeries("namedprocess_namegroup_num_threads", group),
            )
        return found

    def _io(self, pid: int) -> tuple[int, int] | None:
        """Bytes that went to and came from disks since it began; None where that is not ours to see."""
        try:
            fd = os.open(f"{self._paths.proc}/{pid}/io", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            lines = dict(line.split(b": ") for line in os.read(fd, 1024).splitlines())
            return int(lines[b"read_bytes"]), int(lines[b"write_bytes"])
        except (OSError, KeyError, ValueError):
            return None
        finally:
            os.close(fd)

    def _command(self, pid: int) -> str:
        """The program, or the title that it gave itself, without options: those may hold secrets."""
        try:
            fd = os.open(f"{self._paths.proc}/{pid}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return program_of(os.read(fd, 256))
        except OSError:
            return ""
        finally:
            os.close(fd)

    def _started_ms(self, ticks: int) -> int:
        if self._boot_s is None:
            with open(f"{self._paths.proc}/stat", "rb") as file:  # noqa: PTH123 - one of the kernel's
                lines = [line.split()[1] for line in file if line.startswith(b"btime")]
            self._boot_s = float(lines[0]) if lines else 0.0
        return int((self._boot_s + ticks * _TICK_S) * 1000)


def program_of(command: bytes) -> str:
    """
    >>> program_of(b"/usr/bin/psql\\0-W\\0secret\\0"), program_of(b"postgres: shop app [local] idle\\0\\0")
    ('/usr/bin/psql', 'postgres: shop app [local] idle')
    >>> program_of(b"chromium --type=x --key=y")
    'chromium'
    """
    return command.partition(b"\0")[0].partition(b" -")[0].decode("utf-8", "replace")
