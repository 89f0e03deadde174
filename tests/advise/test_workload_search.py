"""The search against every subset: its set is the best, and its bound below it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.costs import Answer, Chosen, Costs, OutOfTime
from trimtab.advise.workload.search import GAP, Search
from trimtab.advise.workload.simpler import simpler
from trimtab.advise.workload.timed_search import TimedSearch
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table


class Planner:
    """Statements with a handful of plans each, every plan needing some indexes; the cheapest that can be had counts."""

    def __init__(self, plans: Sequence[Sequence[tuple[float, Chosen]]], questions_max: int = 10**9) -> None:
        self.texts = tuple(str(place) for place in range(len(plans)))
        self.relevant = [frozenset().union(*(needed for _, needed in each)) for each in plans]
        self._plans, self._left = plans, questions_max
        self.offered = set(range(len(plans)))
        self._answers = [[Answer(self.base(p), frozenset(), frozenset(), {})] for p in range(len(plans))]

    def base(self, place: int) -> float:
        return self._plans[place][0][0]

    def of(self, place: int, chosen: Chosen) -> Answer:
        offered = chosen & self.relevant[place]
        if (known := self.known(place, offered)) is not None:
            return known
        if self._left <= 0:
            raise OutOfTime
        self._left -= 1
        cost, used = min(((c, n) for c, n in self._plans[place] if n <= offered), key=lambda plan: plan[0])
        self._answers[place].append(Answer(cost, used, offered, {}))
        return self._answers[place][-1]

    def known(self, place: int, offered: Chosen) -> Answer | None:
        return next((a for a in self._answers[place] if a.used <= offered <= a.offered), None)

    def answers(self, place: int) -> Sequence[Answer]:
        return self._answers[place]

    def seconds_left(self) -> float:
        return 60.0

    def is_over(self) -> bool:
        return False


def made_up(seed: int, questions_max: int = 10**9) -> tuple[Planner, list[float], list[float], list[int], int]:
    """A planner, weights, prices, sizes and a budget."""
    random = np.random.default_rng(seed)
    count = 9
    plans = []
    for _ in range(6):
        base = float(random.uniform(100, 1000))
        each: list[tuple[float, Chosen]] = [(base, frozenset())]
        for _ in range(8):
            needed = frozenset(random.choice(count, size=int(random.integers(1, 4)), replace=False).tolist())
            each.append((base * float(random.uniform(0.01, 1.0)), needed))
        plans.append(each)
    weights = random.uniform(0.1, 10, len(plans)).tolist()
    prices = random.uniform(0, 60, count).tolist()
    sizes = random.integers(1, 100, count).tolist()
    return Planner(plans, questions_max), weights, prices, sizes, int(random.integers(50, 250))


@pytest.mark.parametrize("seed", range(12))
def test_no_subset_is_better(seed: int) -> None:
    planner, weights, prices, sizes, budget = made_up(seed)
    search = Search(cast("Costs", planner), weights, prices, sizes, budget)
    found = search.run()
    assert sum(sizes[number] for number in found.chosen) <= budget
    subsets = itertools.chain.from_iterable(itertools.combinations(range(9), size) for size in range(10))
    values = [
        search.value(frozenset(subset)) / search.base_value
        for subset in subsets
        if sum(sizes[number] for number in subset) <= budget
    ]
    assert found.value == pytest.approx(search.value(found.chosen) / search.base_value)
    assert found.bound <= min(values) + 1e-9
    assert found.value <= min(values) + GAP + 1e-9
    assert found.ended == "the bounds met"


def test_few_questions_give_a_set_that_fits_and_a_bound_that_holds() -> None:
    planner, weights, prices, sizes, budget = made_up(3, questions_max=9)
    found = Search(cast("Costs", planner), weights, prices, sizes, budget).run()
    assert sum(sizes[number] for number in found.chosen) <= budget
    assert found.bound <= found.value <= 1.0
    assert found.ended == "time or questions were up"


class _Timed:
    """Times of sets by a formula, in the place of a search."""

    base_value = 1_000.0

    def __init__(self, gains: dict[frozenset[int], float]) -> None:
        self._gains = gains

    def value(self, chosen: frozenset[int]) -> float:
        """The time with the largest gain that a set has."""
        return self.base_value - max((gain for of, gain in self._gains.items() if of <= chosen), default=0.0)


@pytest.mark.parametrize(("narrow_gain", "left"), [(501.0, {1}), (540.0, {0, 1})], ids=["hardly", "much"])
def test_an_index_beside_a_wider_one_stays_only_where_it_brings_something(narrow_gain: float, left: set[int]) -> None:
    keys = (IndexKey("a"), IndexKey("b"))
    definitions = [IndexDefinition("public", "t", keys[:1]), IndexDefinition("public", "t", keys, include=("c",))]
    table = Table(1, "public", "t", "r", 1e5, 1000, 8_192_000, 1.0, True, {}, ())
    candidates = [Candidate(one, table, "t", "a test") for one in definitions]
    both = frozenset((0, 1))
    timed = _Timed({frozenset((0,)): 100.0, frozenset((1,)): 500.0, both: narrow_gain})
    assert simpler(cast(TimedSearch, timed), both, candidates) == left
