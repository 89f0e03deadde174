"""The servers that are compared: started on free loopback ports with fresh stores, their processor time read, stopped.

Debian's `prometheus` and `victoria-metrics` where they are installed; what is not there is `not measured`. Processor
time is that of a whole process tree, from `/proc` (ticks of 10 ms: what is short is repeated until it is long enough).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

START_S = 240.0
STOP_S = 60.0
_UUID = re.compile(r"UUID '([0-9a-f-]{36})'")
_PART = re.compile(r"(\w+)_(\d+)_(\d+)_(\d+)")
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """One running server. `base` is what /api/v1 follows."""

    name: str
    base: str
    write: str
    directory: Path
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Processor time of the process and its children so far."""
        return _tree(self.process.pid)[1]

    def memory_bytes(self) -> int:
        """Resident memory of the process now."""
        text = Path(f"/proc/{self.process.pid}/statm").read_text("ascii")
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def memory_bytes_max(self) -> int:
        """The most that the process and its children ever had: the sum of the most of each."""
        return sum(_most_memory_bytes(pid) for pid in _tree(self.process.pid)[0])

    def disk_bytes(self) -> int:
        """Everything in its store, without parts of trimtab's engine that are in others by now and go minutes later."""
        tables = self._engine.glob("store/*/*")
        return _bytes_in(self.directory) - sum(_bytes_in(part) for table in tables for part in _merged_away(table))

    def table_bytes(self, *tables: str) -> int:
        """What tables of trimtab's engine take of it."""
        total = 0
        for note in (note for name in tables for note in self._engine.glob(f"metadata/*/{name}.sql")):
            for uuid in _UUID.findall(note.read_text("utf-8")):
                table = self._engine / "store" / uuid[:3] / uuid
                total += _bytes_in(table) - sum(_bytes_in(part) for part in _merged_away(table))
        return total

    @property
    def _engine(self) -> Path:
        return self.directory / "telemetry" / "engine"

    def settle(self, quiet_s: float = 3.0, timeout_s: float = 180.0) -> None:
        """Wait until it has done what it does in the background: less than 5 % of a core for some seconds."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            begun = self.cpu_s()
            time.sleep(quiet_s)
            if self.cpu_s() - begun < 0.05 * quiet_s:
                return
        print(f"# {self.name} was still busy after {timeout_s:.0f} s")


def _bytes_in(directory: Path) -> int:
    total = 0
    for entry in directory.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if entry.is_file() and not entry.is_symlink():
                total += entry.stat().st_blocks * 512
    return total


def _merged_away(table: Path) -> list[Path]:
    """Parts whose rows are in another part. (A name has partition, first block, last block, level.)"""
    found = [(path, _PART.fullmatch(path.name)) for path in table.iterdir()] if table.is_dir() else []
    parts = [(path, name[1], int(name[2]), int(name[3]), int(name[4])) for path, name in found if name]
    return [
        path
        for path, partition, first, last, level in parts
        if any(
            other == partition and low <= first and last <= high and above > level
            for _, other, low, high, above in parts
        )
    ]


def _tree(pid: int) -> tuple[list[int], float]:
    """The processes of a tree, and the processor time of all of them."""
    children: dict[int, list[int]] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                facts = (entry / "stat").read_text("latin-1").rpartition(")")[2].split()
                children.setdefault(int(facts[1]), []).append(int(entry.name))
                times[int(entry.name)] = sum(int(fact) for fact in facts[11:15]) * _TICK_S
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting.extend(children.get(one, []))
    return found, sum(times.get(one, 0.0) for one in found)


def _most_memory_bytes(pid: int) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text("latin-1").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(
    name: str, command: Sequence[str], port: int, directory: Path, health: str, write: str
) -> Iterator[Server]:
    base = f"http://127.0.0.1:{port}"
    log = (directory.parent / f"{directory.name}.log").open("wb")
    process = subprocess.Popen(list(command), stdout=log, stderr=log, cwd=directory.parent)
    try:
        deadline_s = time.monotonic() + START_S
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(base + health, timeout=2.0).status_code == 200:
                    break
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"{name} did not start; its log is {log.name}")
            time.sleep(0.05)
        yield Server(name, base, base + write, directory, process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _trimtab() -> str:
    return str(Path(sys.executable).with_name("trimtab"))


@contextlib.contextmanager
def trimtab(directory: Path, name: str = "trimtab", settings: str = "") -> Iterator[Server]:
    """trimtab itself; `settings` is text of its configuration file."""
    directory.mkdir(parents=True)
    config = directory.parent / f"{directory.name}.toml"
    config.write_text(f'[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\n{settings}', "utf-8")
    port = free_port()
    command = [_trimtab(), "up", "--listen", f"127.0.0.1:{port}", "--data-dir", str(directory), "--config", str(config)]
    with _running(name, command, port, directory, "/healthz", "/api/v1/write") as server:
        yield server


@contextlib.contextmanager
def prometheus(directory: Path) -> Iterator[Server | None]:
    """Debian's Prometheus; None where it is not installed."""
    program = shutil.which("prometheus")
    if program is None:
        yield None
        return
    directory.mkdir(parents=True)
    config = directory.parent / f"{directory.name}.yml"
    config.write_text("global: {}\n", "ascii")
    port = free_port()
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={directory}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--log.level=warn",
    ]
    with _running("Prometheus", command, port, directory, "/-/ready", "/api/v1/write") as server:
        yield server


@contextlib.contextmanager
def victoria_metrics(directory: Path) -> Iterator[Server | None]:
    """Debian's VictoriaMetrics with its cache of results off; None where it is not installed."""
    program = shutil.which("victoria-metrics")
    if program is None:
        yield None
        return
    directory.mkdir(parents=True)
    port = free_port()
    command = [
        program,
        f"-storageDataPath={directory}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.disableCache",
        "-search.latencyOffset=0s",
        "-retentionPeriod=12",
        "-loggerLevel=WARN",
    ]
    with _running("VictoriaMetrics", command, port, directory, "/health", "/api/v1/write") as server:
        yield server
