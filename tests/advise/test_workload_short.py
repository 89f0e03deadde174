"""Where time is short: what is known has to do, what was found is not lost, and what is alike goes."""

from __future__ import annotations

from typing import cast

import pytest

from tests.advise.test_workload_search import Planner, made_up
from tests.advise.test_workload_timed import TimedPlanner, times_of
from tests.conftest import Database
from trimtab.advise.index.candidates import Candidate
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.costs import Chosen, Costs
from trimtab.advise.workload.search import Search
from trimtab.advise.workload.stand_ins import stand_ins
from trimtab.advise.workload.statements import read_statements
from trimtab.advise.workload.timed_search import TimedSearch
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table
from trimtab.sql.connect import Connection, Reference


def searched(planner: Planner, times: dict[tuple[int, Chosen], float], sizes: list[int], budget: int) -> TimedSearch:
    timed = TimedPlanner(planner._plans, planner._left)
    wide_does_narrow = [frozenset[int](), frozenset({0})] + [frozenset[int]()] * (len(sizes) - 2)
    return TimedSearch(
        cast(Costs, timed), [1.0] * len(planner.texts), lambda place, answer: times[place, answer.used],
        [0.0] * len(sizes), sizes, budget, stand_ins=wide_does_narrow,
    )  # fmt: skip


def test_a_wider_index_of_the_set_does_the_work_of_a_narrower_one() -> None:
    """Each statement likes its own best; both together fit, but the narrow one would bring next to nothing."""
    narrow, wide = frozenset({0}), frozenset({1})
    planner = Planner([[(100.0, frozenset()), (10.0, narrow)], [(100.0, frozenset()), (10.0, wide)]])
    times = {(0, frozenset()): 100.0, (0, narrow): 10.0, (1, frozenset()): 100.0, (1, wide): 10.0}
    search = searched(planner, times, [1, 1], 2)
    search.ask_around()
    assert search.known_value(wide) == pytest.approx(10.0 * 1.05 + 10.0, abs=1.5)
    assert search.known_value(narrow) == pytest.approx(10.0 + 100.0, abs=1.5)


def test_what_no_plan_reads_goes() -> None:
    first, second = frozenset({0}), frozenset({1})
    planner = Planner([[(100.0, frozenset()), (10.0, first), (11.0, second)]])
    times = {(0, frozenset()): 100.0, (0, first): 10.0, (0, second): 11.0}
    assert searched(planner, times, [1, 1], 2).read_by_plans(frozenset({0, 1})) == first


@pytest.mark.parametrize("seed", range(6))
def test_a_search_without_time_keeps_the_set_that_it_began_with(seed: int) -> None:
    planner, _, _, sizes, budget = made_up(seed)
    search = searched(planner, times_of(seed), sizes, budget)
    search.ask_around()
    best, _ = search.run()
    cast(TimedPlanner, search._costs)._left = 0
    again, _ = search.run([best, frozenset()])
    assert best <= again
    assert search.fits(again)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_missed_least_is_found_without_a_look_at_every_statement(seed: int) -> None:
    planner, _, _, sizes, budget = made_up(seed)
    search = searched(planner, times_of(seed), sizes, budget)
    search.ask_around()
    chosen = frozenset(range(len(sizes)))
    while chosen:
        value, number = search.least_missed(chosen)
        assert (value, number) == min((search.known_value(chosen - {one}), one) for one in chosen)
        chosen -= {number}


def test_a_statement_that_was_left_is_asked_about_the_final_set() -> None:
    class Short(TimedPlanner):
        def leave(self, place: int) -> None:
            self.left = {place: self.relevant[place]}
            self.relevant[place] = frozenset()

        def take_up(self, place: int) -> None:
            self.relevant[place] = self.left.pop(place)

    index = frozenset({0})
    planner = Short([[(100.0, frozenset()), (10.0, index)], [(50.0, frozenset()), (5.0, index)]], 1)
    search = TimedSearch(cast(Costs, planner), [1.0, 1.0], lambda _, a: a.cost, [0.0], [1], 1)
    assert search.ask_around() == [1]
    planner._left = 1
    assert search.take_up([1], index) == []
    assert search.value(index) == pytest.approx(15.0)


def test_a_bound_that_was_not_finished_counts_what_was_asked() -> None:
    plans = [[(100.0, frozenset[int]()), (10.0, frozenset({0}))], [(50.0, frozenset[int]()), (5.0, frozenset({0}))]]
    found = Search(cast(Costs, Planner(plans, questions_max=1)), [1.0, 1.0], [0.0], [1], 1).run()
    assert found.bound == pytest.approx(10.0 / 150.0)


def test_what_nobody_was_asked_about_may_become_nothing() -> None:
    plans = [[(100.0, frozenset[int]()), (10.0, frozenset({0}))], [(50.0, frozenset[int]()), (5.0, frozenset({0}))]]
    search = Search(cast(Costs, Planner(plans)), [1.0, 2.0], [0.0], [1], 1)
    assert (search.share_of([1]), search.share_of([])) == (0.5, 0.0)


def test_who_stands_in_for_whom() -> None:
    keys = {name: IndexKey(name) for name in "abc"}

    def index(columns: str, include: str = "", predicate: str | None = None) -> Candidate:
        made = IndexDefinition(
            "public", "t", tuple(keys[name] for name in columns), tuple(include), predicate=predicate
        )
        return Candidate(made, Table(1, "public", "t", "r", 1e5, 1000, 8_192_000, 1.0, True, {}, ()), "t", "a test")

    of = [index("a"), index("ab"), index("a", "b"), index("ba"), index("abc"), index("a", predicate="b = 1")]
    found = stand_ins(of)
    assert found == [set(), {0, 2}, {0}, set(), {0, 1, 2}, set()]


@pytest.mark.postgres
def test_a_statement_over_thirty_tables_is_advised_on(watch: Connection) -> None:
    branches = " UNION ALL ".join(f"SELECT id FROM orders WHERE user_id = {number}" for number in range(30))
    advice = advise_workload(watch, *read_statements(f"-- name: many\n{branches};"))
    assert not advice.left
    assert [one.definition.keys[0].sql for one in advice.indexes] == ["user_id"]


@pytest.mark.postgres
def test_few_questions_are_enough_for_something_of_each_statement(shop: Database) -> None:
    text = "SELECT id FROM orders WHERE user_id = 5; SELECT * FROM items WHERE order_id = 7;"
    with Reference.parse(shop.dsn("trimtab_watch")).connect("trimtab/advise") as watch:
        advice = advise_workload(watch, *read_statements(text), settings=WorkloadSettings(what_if_calls_max=2))
    assert {one.definition.keys[0].sql for one in advice.indexes} == {"user_id", "order_id"}
    assert advice.predicted_ratio < 0.2
    with Reference.parse(shop.dsn("trimtab_watch")).connect("trimtab/advise") as watch:
        advice = advise_workload(watch, *read_statements(text), settings=WorkloadSettings(what_if_calls_max=1))
    assert len(advice.indexes) == 1
    assert advice.bound < advice.reached - 0.1, "what was not asked about could become next to nothing"
