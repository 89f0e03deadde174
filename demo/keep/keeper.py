"""Keeps the demo's processes and its folder, and ends both when its owner goes, however the owner goes.

`python -m demo.keep.keeper PARENT-FOLDER` reads one JSON command a line on standard input, answers on standard output.
When its input ends (the owner is done, was interrupted, or was killed with -9) or it gets SIGTERM, it stops everything,
the highest stage first, and removes the folder. Should the keeper itself be killed, its children get a signal from the
kernel (PR_SET_PDEATHSIG). It is the reaper of orphans below it, so that no grandchild escapes either.

    {"do": "start", "name", "argv", "env", "cwd", "user", "log", "stage", "stop_signal", "death_signal", "stop_s"}
    {"do": "stop", "name"}
    -> {"event": "ready", "folder"} | {"event": "started", "name", "pid"} | {"event": "refused", "name", "error"}
       {"event": "ended", "name", "status"} | {"event": "gone"}
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FOLDER_PREFIX = "trimtab-demo-"
LOCK_FILE = "keeper.lock"
ABANDONED_AFTER_S = 60.0
ORPHANS_END_S = 10.0
LINE_BYTES_MAX = 1_000_000

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    """One process and how it is stopped."""

    name: str
    process: subprocess.Popen[bytes]
    stage: int
    stop_signal: int
    stop_s: float


class Keeper:
    """Runs until its input ends."""

    def __init__(self, parent: Path) -> None:
        remove_abandoned(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=parent))
        self._lock = (self.folder / LOCK_FILE).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.folder.chmod(0o711)  # PostgreSQL may run as another user and must get through
        self.children: dict[str, Child] = {}
        self.stopping = False
        self._buffer = b""
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self) -> None:
        """Serve commands, then end everything."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told_to_stop)
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        self._say(event="ready", folder=str(self.folder))
        while not self.stopping:
            for key, _ in selector.select():
                if key.fd == wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                    self._reap()
                else:
                    self._read()

    def end(self) -> None:
        """Stop all children, the highest stage first, then orphans, then remove the folder."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for stage in sorted({child.stage for child in self.children.values()}, reverse=True):
            self._stop_all([child for child in self.children.values() if child.stage == stage])
        _end_orphans()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._say(event="gone")

    def _told_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _read(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self.stopping = True
            return
        self._buffer += data
        if len(self._buffer) > LINE_BYTES_MAX:
            raise ValueError(f"a command is longer than {LINE_BYTES_MAX} bytes")
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if line.strip():
                self._obey(json.loads(line))

    def _obey(self, command: dict[str, Any]) -> None:
        name = str(command["name"])
        if command["do"] == "start":
            try:
                child = _start(command)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                self._say(event="refused", name=name, error=str(error))
                return
            self.children[name] = child
            self._say(event="started", name=name, pid=child.process.pid)
        elif name in self.children:
            self._stop_all([self.children[name]])
            self._reap()

    def _reap(self) -> None:
        for child in list(self.children.values()):
            status = child.process.poll()
            if status is not None:
                del self.children[child.name]
                self._say(event="ended", name=child.name, status=status)

    def _stop_all(self, children: list[Child]) -> None:
        for child in children:
            _signal(child.process, child.stop_signal)
        deadline = time.monotonic() + max((child.stop_s for child in children), default=0.0)
        for child in children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                if child.stop_signal == signal.SIGINT:
                    _signal(child.process, signal.SIGQUIT)  # PostgreSQL: give up at once, but take the backends along
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.process.wait(6.0)
                _signal(child.process, signal.SIGKILL)
                child.process.wait()

    def _say(self, **event: object) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: the input will end, too
            os.write(1, json.dumps(event).encode() + b"\n")


def remove_abandoned(parent: Path) -> list[Path]:
    """Remove folders that a demo left behind because its keeper was killed; those in use hold a lock."""
    removed = []
    for folder in parent.glob(FOLDER_PREFIX + "*"):
        try:
            if time.time() - folder.stat().st_mtime < ABANDONED_AFTER_S:
                continue
            with (folder / LOCK_FILE).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
        except OSError:  # in use, gone meanwhile, or somebody else's: not ours to remove
            continue
    return removed


def _start(command: dict[str, Any]) -> Child:
    death_signal = signal.Signals[command["death_signal"]]
    user = command["user"]
    with Path(command["log"]).open("ab") as log:
        process = subprocess.Popen(
            command["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=command["env"],
            cwd=command["cwd"],
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0),  # noqa: PLW1509 - one thread
        )
    stop_signal = signal.Signals[command["stop_signal"]]
    return Child(str(command["name"]), process, int(command["stage"]), int(stop_signal), float(command["stop_s"]))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _end_orphans() -> None:
    """Kill and reap whatever became ours when its parent died."""
    deadline = time.monotonic() + ORPHANS_END_S
    while time.monotonic() < deadline:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if not children:
            return
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(pid), 0)


def main() -> None:
    """Keep until told to stop."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m demo.keep.keeper PARENT-FOLDER")
    keeper = Keeper(Path(sys.argv[1]))
    try:
        keeper.run()
    finally:
        keeper.end()


if __name__ == "__main__":
    main()
