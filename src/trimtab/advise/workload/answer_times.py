"""The time of what the planner answered, in the unit of what was measured of a statement, where something was."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from functools import partial

from trimtab.advise.index.existing import keys_of
from trimtab.advise.index.plans import cost
from trimtab.advise.workload.costs import Answer, Costs
from trimtab.advise.workload.namesakes import Namesakes, doubled_names
from trimtab.advise.workload.plan_time import PlanTimes
from trimtab.advise.workload.samples import Samples, factors_of
from trimtab.advise.workload.shapes import Workload
from trimtab.advise.workload.work import Counting
from trimtab.sql.catalog import Table

LEAST_MS = 1e-3
TRUST, COST_TRUST = 0.75, 0.07
"""How much of a gain or loss, by the model of times and by the planner, is there when it is measured, on a log scale:
slopes over 230 plans of TPC-H that changed. Estimates of rows are shared by both, so neither is believed whole."""

LEAST_COST = 1e-3
PARTIAL_ROW_BYTES = 20.0
"""What a row takes in a partial index that is there: nobody knows how many rows it holds."""

RISK = 0.05
"""How likely it is taken to be that estimates are wrong by as much as the pessimistic view says."""


class AnswerTimes:
    """Times in ms by place. A statement whose mean time is known (`Shape.mean_ms`) keeps it as things are; an answer
    then takes that, times the ratio of the plans' times.

    `shares` are of the table's rows that each candidate holds.
    """

    def __init__(
        self,
        workload: Workload,
        costs: Costs,
        texts: Sequence[tuple[int, str]],
        samples: Samples | None = None,
        shares: Sequence[float] = (),
    ) -> None:
        known = [factors_of(shape, samples or {}) for shape in workload.shapes]
        self._factors = [known[place] for place, _ in texts]
        self._costs = costs
        tables = list(workload.catalog.tables.values())
        there = [(table, index) for table in tables for index in table.indexes]
        self._existing = {index.name: keys_of(index) for _, index in there}
        self._shares = tuple(shares)
        self._partial = {
            index.name: min(1.0, index.size_bytes / max(table.rows_estimate * PARTIAL_ROW_BYTES, 1.0))
            for table, index in there
            if " WHERE " in index.statement
        }
        counting = partial(Counting, work_mem_bytes=workload.work_mem_bytes, index_share=self._share)
        named = {table.name: table for table in tables}
        self._times = PlanTimes(counting(named, self._keys))
        self._own_times: dict[int, PlanTimes] = {}
        """By place of the shape: of those with a table that has a namesake in another schema."""
        self._existing_of = {index.name: table for table, index in there}
        doubled = doubled_names(tables)
        for place, shape in enumerate(workload.shapes if doubled else ()):
            own = Namesakes(shape.analysis.uses, doubled, self._table_of)
            if own.tables:
                self._own_times[place] = PlanTimes(counting(ChainMap(own.tables, named), self._keys), own.told_apart)
        self._mean_ms = [shape.mean_ms for shape in workload.shapes]
        self._places = [place for place, _ in texts]
        self._scales: dict[int, float] = {}

    def of(self, place: int, answer: Answer) -> float:
        """The ms that a statement takes with an answer."""
        return self._scale(self._places[place]) * self._plain(answer, place)

    def _scale(self, shape: int) -> float:
        """What the model's times of a statement are to be multiplied with, to be in the unit of what was measured."""
        if shape not in self._scales:
            mean_ms, scale = self._mean_ms[shape], 1.0
            if mean_ms is not None:
                same = [number for number, of in enumerate(self._places) if of == shape]
                scale = mean_ms / (sum(self._plain(self._costs.without(n), n) for n in same) / len(same))
            self._scales[shape] = scale
        return self._scales[shape]

    def ms_per_cost(self, place: int) -> float:
        """Time for a unit of the planner's cost, as things are."""
        return self.of(place, self._costs.without(place)) / max(self._costs.base(place), 1e-9)

    def _plain(self, answer: Answer, place: int) -> float:
        """The time by the model. What a plan loses *more* than today's, should estimates be wrong, counts in part."""
        times = self._own_times.get(self._places[place], self._times)
        time, wrong = times.of(answer.plan, self._factors[place])
        today = self._costs.without(place).plan
        time_today, wrong_today = times.of(today, self._factors[place])
        if answer.rest:  # what of the statement could not be priced takes its part of the time as things are
            time += time_today * min(1.0, answer.rest / max(cost(today), 1e-9))
        if answer.plan is not today:
            time += RISK * max(0.0, (wrong - time) - (wrong_today - time_today))
            by_cost = max(answer.cost, LEAST_COST) / max(self._costs.base(place), LEAST_COST)
            ratio = (max(time, LEAST_MS) / max(time_today, LEAST_MS)) ** TRUST * by_cost**COST_TRUST
            time = time_today * ratio
        return max(time, LEAST_MS)

    def _share(self, name: str) -> float:
        number = self._costs.numbers.get(name)
        if number is not None and number < len(self._shares):
            return self._shares[number]
        return self._partial.get(name, 1.0)

    def _table_of(self, name: str) -> Table | None:
        number = self._costs.numbers.get(name)
        return self._existing_of.get(name) if number is None else self._costs.candidates[number].table

    def _keys(self, name: str) -> tuple[str, ...]:
        number = self._costs.numbers.get(name)
        if number is not None:
            return tuple(key.sql for key in self._costs.candidates[number].definition.keys)
        return self._existing.get(name, ())
