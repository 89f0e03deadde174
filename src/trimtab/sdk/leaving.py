"""Leaving in order: Ctrl-C while a change is in flight, and the folder that holds its undo.

The work runs in a thread of its own, so that Ctrl-C reaches only the one that waits for it, and never a half-done step.
The first one asks for everything to be taken back and waits for that, the second does not wait. A temporary folder is
deleted only when the state in it says that every change is final.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from trimtab.app.remediate import UNDO_TIMEOUT_S, Leaving
from trimtab.model.change import Change
from trimtab.model.errors import TrimtabError
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE

CLOSE_TIMEOUT_S = 30.0
"""So long a second Ctrl-C waits for the stores to close; a third one does not."""

T = TypeVar("T")
Work = Callable[[Path, Leaving], T]


def run_and_settle(data_dir: Path | None, work: Work[T]) -> T:
    """Do the work on `data_dir` (None: on a temporary folder) and see to it that nothing is left in flight.

    What the work raises is raised; Ctrl-C is raised again once everything was taken back.
    """
    folder = Path(tempfile.mkdtemp(prefix="trimtab-")) if data_dir is None else data_dir
    left_at_once = True
    running = _Running(folder, work)
    try:
        running.wait()
    except BaseException:
        running.take_back()
        raise
    finally:  # also where a second interrupt came in the middle of the lines above
        try:
            left_at_once = running.leave()
        finally:
            _put_away(folder, is_temporary=data_dir is None, left_at_once=left_at_once)
    return running.result()


class _Running(Generic[T]):
    """The work in its thread, with what came of it."""

    def __init__(self, folder: Path, work: Work[T]) -> None:
        self._leaving = Leaving()
        self._folder = folder
        self._work = work
        self._done = threading.Event()
        self._results: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="remediation", daemon=True).start()

    def _run(self) -> None:
        try:
            self._results.append(self._work(self._folder, self._leaving))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
            self._error = error
        finally:
            self._done.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Until it has ended, however that was."""
        self._done.wait(timeout_s)

    def take_back(self) -> None:
        """Ask for it, and wait until it is done; whoever waits may be interrupted again."""
        self._leaving.take_back.set()
        _say(f"interrupted: taking back what is in flight (at most {UNDO_TIMEOUT_S:g} s; interrupt again to leave now)")
        self.wait()

    def leave(self) -> bool:
        """Whether it had to be left before its end: then the wish to take it back is in the ledger, if at all
        possible, and the stores are closed."""
        if self._done.is_set():
            return False
        self._leaving.take_back.set()
        self._leaving.at_once.set()
        with contextlib.suppress(KeyboardInterrupt):
            self.wait(CLOSE_TIMEOUT_S)
        return True

    def result(self) -> T:
        """What it gave; what it raised is raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]


def _put_away(folder: Path, *, is_temporary: bool, left_at_once: bool) -> None:
    """Say what is not settled and how to finish; delete a temporary folder in which everything is."""
    try:
        left = _alive(folder)
    except TrimtabError as error:
        if is_temporary or left_at_once:
            _say(f"it is not known how the change ended ({error.message}). {_how_to_finish(folder)}")
        return
    for change in left:
        if is_temporary or change.state.is_in_flight:
            _say(f"not settled: change {change.id} on {change.system} ({change.state.value}). {_how_to_finish(folder)}")
    if is_temporary and not left:
        shutil.rmtree(folder, ignore_errors=True)


def _alive(folder: Path) -> tuple[Change, ...]:
    """The changes that are not final; StoreLocked while the work still has the state open."""
    if not (folder / STATE_FILE).exists():
        return ()
    with State.open(folder / STATE_FILE) as state:
        return state.changes(alive=True)


def _how_to_finish(folder: Path) -> str:
    return (
        f"Its ledger and its undo are in {folder}, which stays. To finish: "
        f"trimtab up --data-dir {shlex.quote(str(folder))}"
    )


def _say(text: str) -> None:
    print(f"trimtab: {text}", file=sys.stderr, flush=True)
