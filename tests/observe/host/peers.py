"""Others that read the same kernel: Debian's node_exporter and pidstat, and a process that works only when told to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.prometheus import free_port

Key = tuple[str, tuple[tuple[str, str], ...]]
_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
START_S = 60.0
BURNER = """
import signal, sys
held = bytearray(int(sys.argv[1]))
for at in range(0, len(held), 4096):
    held[at] = 1
print("ready", flush=True)
while True:
    for _ in range(100_000):
        pass
"""


@dataclass(frozen=True)
class NodeExporter:
    """A running one."""

    url: str

    def scrape(self) -> dict[Key, float]:
        """Everything that it says, by name and sorted labels."""
        text = httpx2.get(f"{self.url}/metrics", timeout=60).text
        return {
            (name, tuple(sorted(_PAIR.findall(labels or "")))): float(value)
            for name, labels, value in _LINE.findall(text)
        }


@contextmanager
def node_exporter(log: Path) -> Iterator[NodeExporter]:
    """On a free loopback port, with the collectors that trimtab has and it leaves out unless told."""
    program = shutil.which("prometheus-node-exporter")
    assert program is not None, "node_exporter is missing: scripts/install-tools.sh host (make test does it)"
    url = f"127.0.0.1:{free_port()}"
    more = [f"--collector.{name}" for name in ("processes", "interrupts", "tcpstat")]
    with log.open("wb") as out:
        process = subprocess.Popen([program, f"--web.listen-address={url}", *more], stdout=out, stderr=out)
        try:
            _wait_for(f"http://{url}", process, log)
            yield NodeExporter(f"http://{url}")
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            if httpx2.get(f"{url}/", timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline_s, log.read_text("utf-8", "replace")
        time.sleep(0.02)


class Burner:
    """Uses a core while it is let; stopped, its numbers stand still."""

    def __init__(self, held_bytes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", BURNER, str(held_bytes)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.pid = self._process.pid
        self.stop()

    def stop(self) -> None:
        """Stopped when this returns, as the kernel says."""
        self._process.send_signal(signal.SIGSTOP)
        while self.state() != "T":
            time.sleep(0.005)

    def go_on(self) -> None:
        """Works again."""
        self._process.send_signal(signal.SIGCONT)

    def state(self) -> str:
        """The kernel's letter."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()[0]

    def ticks(self) -> int:
        """Processor time, in ticks of the kernel."""
        parts = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return int(parts[11]) + int(parts[12])

    def burn(self, ticks: int) -> None:
        """Let it work until it used so much more, and stop it."""
        until = self.ticks() + ticks
        self.go_on()
        while self.ticks() < until:
            time.sleep(0.01)
        self.stop()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Pidstat:
    """One that has taken its first reading of a process, and takes the second when it is told to."""

    def __init__(self, pid: int) -> None:
        program = shutil.which("pidstat")
        assert program is not None, "pidstat is missing: scripts/install-tools.sh host (make test does it)"
        self._process = subprocess.Popen(
            [program, "-h", "-T", "CHILD", "-p", str(pid), "86400", "1"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
        while not self._waits():
            assert self._process.poll() is None
            time.sleep(0.01)

    def _waits(self) -> bool:
        """Whether it waits for its alarm: it has read what it reads at the beginning."""
        told = Path(f"/proc/{self._process.pid}/syscall").read_text().split()[0]
        return told in {"34", "73", "130"}  # pause, ppoll where there is no pause, rt_sigsuspend

    def ends(self) -> str:
        """Ring its alarm, and give what it says."""
        self._process.send_signal(signal.SIGALRM)
        output, _ = self._process.communicate(timeout=120)
        return output

    def close(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def pidstat(pid: int) -> Iterator[Pidstat]:
    """See `Pidstat`."""
    made = Pidstat(pid)
    try:
        yield made
    finally:
        made.close()
