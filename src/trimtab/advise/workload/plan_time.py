"""The time of a plan, from the work in it: weights of `plan_times.toml`, fitted on plans that were measured.

Times are processor time of one backend with everything in memory. What a server takes on its own for a statement is
known better where somebody measured it; then only the *ratio* of two plans' times is taken from here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from trimtab.advise.index.plans import Node
from trimtab.advise.workload.work import Counting

INFLATION = 2.0
"""Every uncertain step of an estimate is this much larger in the pessimistic view."""


@cache
def nanoseconds() -> Mapping[str, float]:
    """Time by kind of work, for one unit of it."""
    return _figures("ns")


@cache
def interval_figures() -> Mapping[str, float]:
    """How far measured ratios were from those of the model."""
    return _figures("interval")


def call_ms() -> float:
    """What a call takes whatever it does: the server's part that no index changes."""
    return nanoseconds()["call"] / 1e6


def _figures(section: str) -> dict[str, float]:
    text = files("trimtab.advise.workload").joinpath("plan_times.toml").read_text()
    return {name: float(value) for name, value in tomllib.loads(text)[section].items() if name != "source"}


def time_ms(work: Mapping[str, float]) -> float:
    """The time that counted work takes."""
    weights = nanoseconds()
    return sum(count * weights.get(name, 0.0) for name, count in work.items()) / 1e6


class PlanTimes:
    """Times of plans of one database; `prepared` gives a plan as it is counted."""

    def __init__(self, counting: Counting, prepared: Callable[[Node], Node] = lambda plan: plan) -> None:
        self._counting, self._prepared = counting, prepared
        self._known: dict[int, tuple[float, float, Node]] = {}

    def of(self, plan: Node, factors: Mapping[str, float]) -> tuple[float, float]:
        """The ms to be expected by the planner's estimates of rows, and the ms if these were too low by far."""
        if id(plan) not in self._known:
            counted = self._prepared(plan)
            facts = self._counting.facts(counted)
            plain = time_ms(self._counting.work(counted, factors=factors, facts=facts))
            wrong = time_ms(self._counting.work(counted, inflation=INFLATION, factors=factors, facts=facts))
            self._known[id(plan)] = (plain, max(wrong, plain), plan)  # the plan is kept: no other gets its id
        return self._known[id(plan)][:2]
