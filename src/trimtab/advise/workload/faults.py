"""A fault of ours in one statement is told with that statement, and the rest goes on.

It is written to the log with its traceback and listed with what was left out: never silent, never the end of all.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.advise.workload.statements import Left

if TYPE_CHECKING:
    from trimtab.advise.workload.answer_times import AnswerTimes
    from trimtab.advise.workload.costs import Answer

OURS = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, AssertionError, RecursionError)
"""What a mistake in a program raises. What a server or a user causes is a `TrimtabError` and goes its own way."""

_LOG = logging.getLogger("trimtab.advise")


class Faults:
    """The statements of one advice that met a fault, each once."""

    def __init__(self) -> None:
        self._left: dict[str, Left] = {}

    @property
    def left(self) -> tuple[Left, ...]:
        """They, as what was left out."""
        return tuple(self._left.values())

    def has(self, name: str) -> bool:
        """Whether a statement met one."""
        return name in self._left

    def add(self, name: str, fault: Exception) -> None:
        """Log a fault and note its statement; call it where the fault was caught."""
        if name not in self._left:
            self._left[name] = fault_of(name, 0, fault)


def fault_of(name: str, line: int, fault: Exception) -> Left:
    """A statement that met a fault, which is logged."""
    _LOG.error("advice on statement %r failed, the rest goes on", name, exc_info=fault)
    last = traceback.extract_tb(fault.__traceback__)[-1:]
    where = f" in {Path(last[0].filename).name}, line {last[0].lineno}" if last else ""
    return Left(name, line, f"a fault of trimtab itself: {type(fault).__name__}{where}; it is in the log")


class GuardedTimes:
    """Times of answers. A statement that cannot be timed takes no time at all from then on: nothing is built for it."""

    def __init__(self, times: AnswerTimes, names: Sequence[str], faults: Faults) -> None:
        self._times, self._names, self._faults = times, names, faults

    def of(self, place: int, answer: Answer) -> float:
        """The ms of an answer."""
        name = self._names[place]
        if self._faults.has(name):
            return 0.0
        try:
            return self._times.of(place, answer)
        except OURS as fault:
            self._faults.add(name, fault)
            return 0.0

    def ms_per_cost(self, place: int) -> float:
        """Time for a unit of the planner's cost, as things are."""
        return 0.0 if self._faults.has(self._names[place]) else self._times.ms_per_cost(place)
