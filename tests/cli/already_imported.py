"""Processes of the command `trimtab` that need not import it: forks of one that did, once for each worker of a run.

A hundred servers are started in a run, and most of what a start costs is importing the program and loading its machine
code, always the same. Here a process does that once, and then forks one child for each command line it is given. A
child is a process of its own with the arguments, environment, folder and output files that it would have been
executed with; it runs the same `main`, and what it ends with is told as by `subprocess.Popen`. That the installed
command itself starts and ends is shown where a test says so (`is_executed`). A program of the tests that is started
many times, to be killed, may be asked for in the same way: by its `module`, which is imported once and has a `main`.

What most of a short command's price would be is the interpreter's own end, which takes apart all that was imported: a
command that is run to its end (`run`) is left at once when it has said everything, a server is not.

The parent has no connection and no store open, and starts no thread itself. It kills what still runs when it loses
whoever started it.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[2]
START_S = 600.0
FDS_COUNT = 3
"""What comes with a command: where its output goes, where its errors go, and where its end is told."""


class Forked(subprocess.Popen[str]):
    """A child of the process that imported everything; looks like a child of this one."""

    def __init__(
        self,
        arguments: Sequence[str],
        stdout: int,
        stderr: int,
        environment: Mapping[str, str],
        module: str = "trimtab.cli.main",
        is_brief: bool = False,
    ) -> None:
        self._child_created = False  # `Popen` then leaves waiting to us
        self.args, self.returncode = list(arguments), None
        self.stdin = self.stdout = self.stderr = None
        self._told, theirs = socket.socketpair()
        with theirs:
            command = {"module": module, "arguments": self.args, "environment": dict(environment)}
            body = json.dumps({**command, "folder": str(Path.cwd()), "is_brief": is_brief}).encode()
            door = _door()
            socket.send_fds(door, [len(body).to_bytes(4, "big")], [stdout, stderr, theirs.fileno()])
            door.sendall(body)
        self._said = self._told.makefile("rb")
        self.pid = int(self._said.readline())

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        return self._end(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it ended."""
        code = self._end(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def _end(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], timeout_s)[0]:
            self.returncode = int(self._said.readline() or -signal.SIGKILL)
            self._said.close()
            self._told.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """As long as it runs; its parent has not forgotten its number before it told the end."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def __del__(self) -> None:
        self._said.close()
        self._told.close()


def run(arguments: Sequence[str], timeout_s: float, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command to its end, with what it said."""
    with os.fdopen(os.memfd_create("output"), "r+") as output, os.fdopen(os.memfd_create("errors"), "r+") as errors:
        is_brief = "up" not in arguments
        process = Forked(arguments, output.fileno(), errors.fileno(), environment, is_brief=is_brief)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, code, _all(output), _all(errors))


def _all(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


@functools.cache
def _door() -> socket.socket:
    """To the process that imported everything; it ends with this one."""
    ours, theirs = socket.socketpair()
    with theirs:
        number = theirs.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(number)], pass_fds=[number], cwd=ROOT, stdin=subprocess.DEVNULL
        )
    if not select.select([ours], [], [], START_S)[0] or ours.recv(1) != b"!":
        process.kill()
        raise RuntimeError(f"the process that imports trimtab did not come up in {START_S:g} s")

    def end() -> None:
        ours.close()
        process.wait(30)

    atexit.register(end)
    return ours


# --- the other side


def main() -> None:
    """Import, say so, and fork whatever is asked for."""
    door = socket.socket(fileno=int(sys.argv[1]))
    import trimtab.cli.main
    import trimtab.cli.up  # noqa: F401
    from trimtab.store.compiled import load
    from trimtab.store.compiled_once import compile_once

    compile_once(lambda told: print(told, file=sys.stderr))
    load()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then leave
    ended, wake_up = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    door.sendall(b"!")
    while True:
        ready = select.select([door.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 4096)
            _tell_ends(running)
        if door.fileno() in ready:
            asked = _asked(door)
            if asked is None:
                break
            command, fds = asked
            importlib.import_module(str(command["module"]))
            told = socket.socket(fileno=fds[2])
            if (pid := os.fork()) == 0:
                _become(command, fds, [door, told, *running.values()], [ended, wake_up])
            os.close(fds[0])
            os.close(fds[1])
            running[pid] = told
            told.sendall(b"%d\n" % pid)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _asked(door: socket.socket) -> tuple[dict[str, object], list[int]] | None:
    """The next command and its files; None when nobody asks any more."""
    size, fds, _, _ = socket.recv_fds(door, 4, FDS_COUNT)
    if not size:
        return None
    body = array.array("B")
    wanted = int.from_bytes(size, "big")
    while len(body) < wanted:
        body.frombytes(door.recv(wanted - len(body)))
    command: dict[str, object] = json.loads(body.tobytes())
    return command, fds


def _tell_ends(running: dict[int, socket.socket]) -> None:
    """To whoever waits for them."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as told, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            told.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(command: dict[str, object], fds: list[int], sockets: list[socket.socket], pipe: list[int]) -> NoReturn:
    """What the installed command (or a program of the tests) is, from its first line to the interpreter's own end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for one in sockets:
        one.close()
    for number in pipe:
        os.close(number)
    for to, number in enumerate(fds[:2], start=1):
        os.dup2(number, to)
        os.close(number)
    os.environ.clear()
    os.environ.update(command["environment"])  # type: ignore[call-overload]
    time.tzset()
    os.chdir(str(command["folder"]))
    sys.argv = list(command["arguments"])  # type: ignore[call-overload]
    sys.modules["__main__"].__package__ = None  # what a command calls itself is the name of its file
    try:
        code = sys.modules[str(command["module"])].main()
    except SystemExit as end:
        code = end.code
    if command["is_brief"] and isinstance(code, int):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
