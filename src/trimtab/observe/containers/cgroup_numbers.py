"""What the kernel's files say of one cgroup, version 1 and 2: the same numbers, found in other places."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.observe.containers.cgroups import Trees
from trimtab.observe.host.files import text_in

_NO_LIMIT_BYTES = 2.0**60
"""Version 1 says `no limit` by a number near 2^63."""
_US, _NS = 1e-6, 1e-9


class _Files:
    """Files of one group. What is not there is remembered with its reason, by the numbers that it would give."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.numbers: dict[str, float] = {}
        self.why: dict[str, str] = {}

    def text(self, file: str, *names: str) -> str | None:
        try:
            return text_in(f"{self.folder}/{file}")
        except FileNotFoundError:
            self._missing(names, f"there is no {self.folder}/{file}")
        except OSError as error:
            self._missing(names, f"{self.folder}/{file}: {error.strerror}")
        return None

    def one(self, name: str, file: str, scale: float = 1.0) -> None:
        """A file with one number."""
        text = self.text(file, name)
        if text is not None:
            self._keep(name, text, scale)

    def pairs(self, file: str, wanted: Mapping[str, tuple[str, float]]) -> None:
        """A file whose lines are a word and a number."""
        text = self.text(file, *(name for name, _ in wanted.values()))
        if text is None:
            return
        for line in text.splitlines():
            word, _, number = line.partition(" ")
            if word in wanted:
                name, scale = wanted[word]
                self._keep(name, number, scale)

    def pressure(self, what: str) -> None:
        """`some` and `full` of a pressure file."""
        names = {"some": f"{what}_waiting_s", "full": f"{what}_stalled_s"}
        text = self.text(f"{what}.pressure", *names.values())
        for line in (text or "").splitlines():
            kind = line.partition(" ")[0]
            if kind in names and "total=" in line:
                self._keep(names[kind], line.rpartition("total=")[2], _US)

    def _keep(self, name: str, text: str, scale: float) -> None:
        try:
            self.numbers[name] = float(text) * scale
        except ValueError:
            self.why[name] = f"{self.folder} says {text[:40]!r}"

    def _missing(self, names: tuple[str, ...], why: str) -> None:
        for name in names:
            self.why.setdefault(name, why)


def numbers_of(trees: Trees, path_of: Callable[[str], str]) -> tuple[dict[str, float], dict[str, str]]:
    """Numbers of one group, and why some are missing. `path_of(controller)` is its path ('' is version 2's).

    Where both versions are mounted, a controller is in one of them: version 1 is asked first, for it has what it has.
    """
    numbers: dict[str, float] = {}
    why: dict[str, str] = {}
    if trees.unified:
        found = _version_2(trees.unified + path_of(""))
        numbers, why = found.numbers, found.why
    for controller, ask in _VERSION_1.items():
        if controller in trees.controllers:
            files = _Files(trees.controllers[controller] + path_of(controller))
            ask(files)
            numbers |= files.numbers
            why |= files.why
    if "memory_bytes" in numbers:
        inactive = numbers.pop("inactive_file_bytes", 0.0)
        why.pop("inactive_file_bytes", None)
        numbers["working_set_bytes"] = max(numbers["memory_bytes"] - inactive, 0.0)
    if numbers.get("memory_limit_bytes", 0.0) >= _NO_LIMIT_BYTES:
        numbers["memory_limit_bytes"] = 0.0
    return numbers, {name: text for name, text in why.items() if name not in numbers}


def _version_2(folder: str) -> _Files:
    files = _Files(folder)
    files.pairs(
        "cpu.stat",
        {
            "usage_usec": ("cpu_s", _US),
            "user_usec": ("cpu_user_s", _US),
            "system_usec": ("cpu_system_s", _US),
            "nr_periods": ("cpu_periods", 1.0),
            "nr_throttled": ("cpu_throttled_periods", 1.0),
            "throttled_usec": ("cpu_throttled_s", _US),
        },
    )
    most = files.text("cpu.max", "cpu_quota_us", "cpu_period_us")
    if most is not None:
        quota, _, period = most.partition(" ")
        files.numbers |= {"cpu_quota_us": -1.0 if quota == "max" else float(quota), "cpu_period_us": float(period)}
    files.one("memory_bytes", "memory.current")
    files.one("memory_most_bytes", "memory.peak")
    files.one("swap_bytes", "memory.swap.current")
    files.pairs(
        "memory.stat",
        {
            "anon": ("rss_bytes", 1.0),
            "file": ("cache_bytes", 1.0),
            "inactive_file": ("inactive_file_bytes", 1.0),
        },
    )
    files.pairs("memory.events", {"oom_kill": ("oom_kills", 1.0), "max": ("memory_failures", 1.0)})
    limit = files.text("memory.max", "memory_limit_bytes")
    if limit is not None:
        files.numbers["memory_limit_bytes"] = 0.0 if limit == "max" else float(limit)
    files.one("threads", "pids.current")
    _most_threads(files)
    for what in ("cpu", "memory", "io"):
        files.pressure(what)
    text = files.text("io.stat", "read_bytes", "written_bytes")
    if text is not None:
        moved = [dict(part.split("=", 1) for part in line.split()[1:] if "=" in part) for line in text.splitlines()]
        files.numbers["read_bytes"] = float(sum(int(one.get("rbytes", 0)) for one in moved))
        files.numbers["written_bytes"] = float(sum(int(one.get("wbytes", 0)) for one in moved))
    return files


def _cpuacct(files: _Files) -> None:
    files.one("cpu_s", "cpuacct.usage", _NS)
    files.one("cpu_user_s", "cpuacct.usage_user", _NS)
    files.one("cpu_system_s", "cpuacct.usage_sys", _NS)


def _cpu(files: _Files) -> None:
    files.pairs(
        "cpu.stat",
        {
            "nr_periods": ("cpu_periods", 1.0),
            "nr_throttled": ("cpu_throttled_periods", 1.0),
            "throttled_time": ("cpu_throttled_s", _NS),
        },
    )
    files.one("cpu_quota_us", "cpu.cfs_quota_us")
    files.one("cpu_period_us", "cpu.cfs_period_us")


def _memory(files: _Files) -> None:
    files.one("memory_bytes", "memory.usage_in_bytes")
    files.one("memory_most_bytes", "memory.max_usage_in_bytes")
    files.one("memory_limit_bytes", "memory.limit_in_bytes")
    files.one("memory_failures", "memory.failcnt")
    files.pairs(
        "memory.stat",
        {
            "total_rss": ("rss_bytes", 1.0),
            "total_cache": ("cache_bytes", 1.0),
            "total_swap": ("swap_bytes", 1.0),
            "total_inactive_file": ("inactive_file_bytes", 1.0),
        },
    )
    files.pairs("memory.oom_control", {"oom_kill": ("oom_kills", 1.0)})


def _pids(files: _Files) -> None:
    files.one("threads", "pids.current")
    _most_threads(files)


def _most_threads(files: _Files) -> None:
    text = files.text("pids.max", "threads_max")
    if text is not None:
        files.numbers["threads_max"] = 0.0 if text == "max" else float(text)


def _blkio(files: _Files) -> None:
    text = files.text("blkio.throttle.io_service_bytes_recursive", "read_bytes", "written_bytes")
    if text is not None:
        lines = [line.split() for line in text.splitlines()]
        for word, name in (("Read", "read_bytes"), ("Write", "written_bytes")):
            files.numbers[name] = float(sum(int(line[2]) for line in lines if len(line) == 3 and line[1] == word))


_VERSION_1: dict[str, Callable[[_Files], None]] = {
    "cpuacct": _cpuacct,
    "cpu": _cpu,
    "memory": _memory,
    "pids": _pids,
    "blkio": _blkio,
}
