"""Which candidates a statement is asked about, and in which order: few and cheap ones before all, special ones last.

A question with hundreds of candidates takes the planner ten times as long as one with a few, and the way to ask about
partial indexes has to be made first. Where time is short, it is better to know something of every statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.advise.workload.candidates import Serving
from trimtab.advise.workload.costs import Chosen, Costs
from trimtab.advise.workload.shapes import Workload

FIRST_PER_TABLE = 5
"""The first question has so many candidates of a table: the most promising ones, nothing included."""


@dataclass(frozen=True, slots=True)
class _Of:
    relevant: frozenset[int]
    aliases: dict[int, frozenset[str]]


class Offering:
    """Says which candidates each text of `costs` may be served by, as long as there is time; heavy statements first.

    `texts` are (place of the shape, text).
    """

    def __init__(
        self,
        costs: Costs,
        workload: Workload,
        texts: Sequence[tuple[int, str]],
        serving: Serving,
        heavy_first: Sequence[int],
    ) -> None:
        self._costs, self._serving = costs, serving
        self._places = [place for place, _ in texts]
        self._of: dict[int, _Of] = {}
        numbers: dict[int, list[int]] = {}
        for number, place in enumerate(self._places):
            numbers.setdefault(place, []).append(number)
        for place in heavy_first:
            if costs.seconds_left() <= 0:
                return
            uses = workload.shapes[place].analysis.uses
            oids = {use.table.oid for use in uses}
            aliases = {oid: frozenset(use.alias for use in uses if use.table.oid == oid) for oid in oids}
            self._of[place] = _Of(serving.of(place), aliases)
            for number in numbers[place]:
                costs.set_relevant(number, self._of[place].relevant, aliases)

    def first(self, number: int) -> Chosen:
        """The few candidates of a text's first question."""
        counts: dict[int, int] = {}
        found: list[int] = []
        for one in self._serving.own(self._places[number]):
            candidate = self._costs.candidates[one]
            count = counts.get(candidate.table.oid, 0)
            if one in self._costs.relevant[number] and not candidate.definition.include and count < FIRST_PER_TABLE:
                counts[candidate.table.oid] = count + 1
                found.append(one)
        return frozenset(found)

    def add_special(self, number: int) -> bool:
        """Add the special candidates of a text; False where it has none. Raises `OutOfTime`."""
        of = self._of[self._places[number]]
        before = self._costs.relevant[number]
        self._costs.set_special(number, of.relevant, of.aliases)
        return self._costs.relevant[number] != before
