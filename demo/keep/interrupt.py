"""Ctrl-C and SIGTERM as one exception in the main thread, raised once, and never inside a held stretch."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody wants the demo to end. Not an Exception, so that no handler of errors takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def exit_status(self) -> int:
        """What a shell calls an end by this signal."""
        return 128 + self.number


class Interrupts:
    """Turns the first of `SIGNALS` into `Stopped`; later ones are ignored, since the end is under way."""

    def __init__(self) -> None:
        self._held = 0
        self._pending: int | None = None
        self._raised = False

    def install(self) -> None:
        """Take over the signals. Main thread only."""
        for number in SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._raised:
            return
        if self._held:
            self._pending = number
            return
        self._raised = True
        raise Stopped(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A stretch that must not be cut in two; a signal meanwhile is raised at its end."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._pending is not None and not self._held and not self._raised:
            self._raised = True
            raise Stopped(self._pending)

    def ignore(self) -> None:
        """From now on the end is under way: no signal interrupts it."""
        self._raised = True
