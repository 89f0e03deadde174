"""What a module of tests takes from the clock while it is imported is half an hour old when the tests run.

A whole run takes long, and the last tests begin long after their modules were imported: `NOW_MS = time.time_ns()` at
the top of a file works for whoever runs that file alone, and breaks the whole run. So that the first sees what the
second would, the clock goes behind while tests are collected, for whatever modules of tests ask on their way in: by
themselves, or through functions that they call. Modules of the product that are imported meanwhile see the right time.

A moment belongs into a fixture, or into the test.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

AGE_S = 30 * 60
"""With the length of a whole run still less than the hour that many tests look back."""
S_NS = 1_000_000_000


class OldClock:
    """`time.time` and `time.time_ns` for a while; behind for what files of one folder ask while they are imported."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/"
        self._time, self._time_ns = time.time, time.time_ns
        self._is_behind = False

    def begin(self) -> None:
        """From now on."""
        self._is_behind = True
        time.time, time.time_ns = self.time, self.time_ns

    def end(self) -> None:
        """The clock is what it was, also for those who kept one of the two functions."""
        self._is_behind = False
        time.time, time.time_ns = self._time, self._time_ns

    def time(self) -> float:
        """Seconds."""
        return self._time() - (AGE_S if self._is_behind and self._is_for_tests(sys._getframe(1)) else 0)

    def time_ns(self) -> int:
        """Nanoseconds."""
        return self._time_ns() - (AGE_S * S_NS if self._is_behind and self._is_for_tests(sys._getframe(1)) else 0)

    def _is_for_tests(self, frame: FrameType | None) -> bool:
        """Whether a file of the folder asks, and not one that is imported by it."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(self._folder):
                return True
            if file.startswith("<frozen importlib"):
                return False
            frame = frame.f_back
        return False


CLOCK = OldClock(Path(__file__).parent)
CLOCK.begin()  # now, because modules that a conftest.py needs are imported before anything is collected


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """The clock is right again when the tests run."""
    try:
        return (yield)
    finally:
        CLOCK.end()
