"""The owner's side of the keeper: start and stop processes, hear when one ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWER_S = 20.0
GONE_S = 45.0


class KeptError(RuntimeError):
    """A process could not be started, or ended when it should not have; the message says which."""


def temporary_parent() -> Path:
    """Where the demo's folder goes: TRIMTAB_DEMO_PARENT, else /var/tmp (on disk), else the system's choice."""
    named = os.environ.get("TRIMTAB_DEMO_PARENT")
    if named:
        return Path(named)
    var = Path("/var/tmp")  # noqa: S108 - the folder inside it is made by mkdtemp
    return var if os.access(var, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


class Kept:
    """A keeper and what it keeps. `folder` is the demo's temporary folder; `close` ends and removes everything."""

    def __init__(self, parent: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo.keep.keeper", str(parent or temporary_parent())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for the keeper
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise KeptError("the keeper has no pipes")
        self._stdin: IO[bytes] = self.process.stdin
        self._stdout: IO[bytes] = self.process.stdout
        self._changed = threading.Condition()
        self._alive: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._folder: Path | None = None
        self._eof = False
        self._listener = threading.Thread(target=self._listen, name="keeper", daemon=True)
        self._listener.start()
        self._wait(lambda: self._folder is not None or self._eof, ANSWER_S)
        if self._folder is None:
            self.close()
            raise KeptError("the keeper did not start: see its message above")

    @property
    def folder(self) -> Path:
        """The demo's temporary folder, removed at the end."""
        if self._folder is None:
            raise KeptError("the keeper did not start")
        return self._folder

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stage: int = 2,
        stop_signal: str = "SIGTERM",
        death_signal: str = "SIGKILL",
        stop_s: float = 10.0,
    ) -> int:
        """Start a process and give its id. `stage` orders the stopping: the highest goes first."""
        with self._changed:
            self._ended.pop(name, None)
            self._refused.pop(name, None)
        self._send(
            do="start",
            name=name,
            argv=list(argv),
            env=dict(os.environ if env is None else env),
            cwd=str(cwd or self.folder),
            user=user,
            log=str(log),
            stage=stage,
            stop_signal=stop_signal,
            death_signal=death_signal,
            stop_s=stop_s,
        )
        self._wait(lambda: name in self._alive or name in self._ended or name in self._refused or self._eof, ANSWER_S)
        with self._changed:
            if name in self._refused:
                raise KeptError(f"could not start {name}: {self._refused[name]}")
            if name not in self._alive and name not in self._ended:
                raise KeptError(f"could not start {name}: the keeper does not answer")
            return self._alive.get(name, 0)

    def run(self, name: str, argv: Sequence[str], *, log: Path, timeout_s: float, user: str | None = None) -> None:
        """Run a process to its end; KeptError with the end of its log when it fails or takes too long."""
        self.start(name, argv, log=log, user=user, stop_signal="SIGKILL")
        if not self._wait(lambda: name in self._ended or self._eof, timeout_s):
            self.stop(name)
            raise KeptError(f"{name} did not finish within {timeout_s:g} s")
        status = self.ended().get(name)
        if status != 0:
            raise KeptError(f"{name} failed (exit {status}): {tail(log)}")

    def stop(self, name: str) -> None:
        """Stop one process and wait until it is gone."""
        self._send(do="stop", name=name)
        self._wait(lambda: name not in self._alive or self._eof, GONE_S)

    def ended(self) -> dict[str, int]:
        """Processes that have ended, with their exit status (negative: the signal)."""
        with self._changed:
            return dict(self._ended)

    def pid(self, name: str) -> int | None:
        """The id of a running process."""
        with self._changed:
            return self._alive.get(name)

    @property
    def gone(self) -> bool:
        """Whether the keeper itself has ended."""
        return self._eof

    def close(self) -> None:
        """End everything and wait for it; should the keeper be gone already, remove what it left."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self.process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(GONE_S)
        self._listener.join(ANSWER_S)
        self._stdout.close()
        if self._folder is not None and self._folder.exists():
            self._remove_what_is_left()

    def _remove_what_is_left(self) -> None:
        """The keeper was killed: its children have got a signal; wait for them, then remove the folder."""
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in self._alive.values()):
            time.sleep(0.05)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, **command: object) -> None:
        try:
            self._stdin.write(json.dumps(command).encode() + b"\n")
            self._stdin.flush()
        except OSError as error:
            raise KeptError("the keeper of the demo's processes is gone") from error

    def _listen(self) -> None:
        for line in self._stdout:
            self._hear(json.loads(line))
        with self._changed:
            self._eof = True
            self._changed.notify_all()

    def _hear(self, event: dict[str, Any]) -> None:
        with self._changed:
            name = str(event.get("name", ""))
            match event["event"]:
                case "ready":
                    self._folder = Path(event["folder"])
                case "started":
                    self._alive[name] = int(event["pid"])
                case "refused":
                    self._refused[name] = str(event["error"])
                case "ended":
                    self._alive.pop(name, None)
                    self._ended[name] = int(event["status"])
            self._changed.notify_all()

    def _wait(self, until: Callable[[], bool], timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(until, timeout_s)


def tail(log: Path, chars: int = 1500) -> str:
    """The end of a log, for a message."""
    try:
        return log.read_text(errors="replace")[-chars:].strip()
    except OSError:
        return "(no log)"
