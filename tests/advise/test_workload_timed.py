"""Sets by the time of the plans that the planner takes: against every subset, and where it takes a slow one."""

from __future__ import annotations

import itertools
from typing import cast

import numpy as np
import pytest

from tests.advise.test_workload_search import Planner, made_up
from trimtab.advise.workload.costs import Answer, Chosen, Costs
from trimtab.advise.workload.known_times import mask_of, numbers_of
from trimtab.advise.workload.timed_search import TimedSearch


class TimedPlanner(Planner):
    """Its plans take what a table says, which has nothing to do with their costs."""

    def without(self, place: int) -> Answer:
        return self._answers[place][0]


def times_of(seed: int) -> dict[tuple[int, Chosen], float]:
    planner, *_ = made_up(seed)
    random = np.random.default_rng(seed + 1000)
    return {
        (place, needed): cost * float(random.uniform(0.2, 1.8)) if needed else cost
        for place, plans in enumerate(planner._plans)
        for cost, needed in plans
    }


def searched(planner: Planner, times: dict[tuple[int, Chosen], float], sizes: list[int], budget: int) -> TimedSearch:
    timed = TimedPlanner(planner._plans)
    return TimedSearch(
        cast(Costs, timed),
        [1.0] * len(planner.texts),
        lambda place, answer: times[place, answer.used],
        [0.0] * len(sizes),
        sizes,
        budget,
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_set_is_near_the_best_of_all_subsets(seed: int) -> None:
    planner, _, _, sizes, budget = made_up(seed)
    times = times_of(seed)
    search = searched(planner, times, sizes, budget)
    search.ask_around()
    chosen, share = search.run()
    assert sum(sizes[number] for number in chosen) <= budget
    assert search.value(chosen) == pytest.approx(share * search.base_value)
    subsets = (frozenset(s) for count in range(10) for s in itertools.combinations(range(9), count))
    best = min(search.value(s) for s in subsets if sum(sizes[number] for number in s) <= budget)
    assert best <= search.value(chosen) <= best * 1.01 + 0.001 * search.base_value


def test_an_index_that_lures_the_planner_into_a_slow_plan_is_left_out() -> None:
    lure, good = frozenset({0}), frozenset({1})
    planner = Planner([[(100.0, frozenset()), (10.0, lure)], [(100.0, frozenset()), (90.0, lure), (50.0, good)]])
    times = {(0, frozenset()): 100.0, (0, lure): 300.0, (1, frozenset()): 100.0, (1, lure): 80.0, (1, good): 50.0}
    search = searched(planner, times, [10, 10], 100)
    search.ask_around()
    chosen, share = search.run()
    assert chosen == good
    assert share == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(("gained", "taken"), [(40.0, False), (70.0, True)], ids=["little more", "more than twice"])
def test_what_a_statement_loses_counts_twice(gained: float, taken: bool) -> None:
    index = frozenset({0})
    planner = Planner([[(100.0, frozenset()), (10.0, index)], [(100.0, frozenset()), (90.0, index)]])
    times = {(0, frozenset()): 100.0, (0, index): 100.0 - gained, (1, frozenset()): 100.0, (1, index): 130.0}
    search = searched(planner, times, [10], 100)
    search.ask_around()
    assert search.run()[0] == (index if taken else frozenset())


def test_a_set_grows_by_what_is_known_only_until_all_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    planner, _, _, sizes, budget = made_up(1)
    search = searched(planner, times_of(1), sizes, budget)
    search.ask_around()
    search.run()
    whole = numbers_of(search._grown_by_known())
    monkeypatch.setattr(TimedPlanner, "is_over", lambda _self: True)
    first = numbers_of(search._grown_by_known())
    assert first < whole, "late, a set has something, and no more than that"
    assert first
    assert search._grown_by_known(mask_of(first)) == mask_of(first)
