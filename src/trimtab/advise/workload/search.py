"""Which indexes together, within a budget; with a bound that says how far from the best that can be.

Candidates are chosen by a 0-1 programme over what the planner is known to answer, and the planner is asked about what
the programme chose; what it answers becomes a new constraint, until both agree (Benders' decomposition, 1962, with the
planner as the subproblem). With `y` the chosen candidates and `z` the cost of each statement:

    minimise  Σ weight·z + Σ price·y     so that  Σ size·y ≤ budget,
    z ≥ c(S) - (c(S) - c(all))·Σ_{i ∉ S} y_i     for every answer c(S): who has nothing beyond S pays c(S) at least.

The programme's value is a lower bound for every set of these candidates, as far as more indexes never make a plan
dearer. What was chosen is priced exactly, so it is an upper one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from trimtab.advise.workload.costs import Answer, Chosen, Costs, OutOfTime

GAP = 0.002
"""Where both bounds are this close (as a share of the cost today), nothing is looked for any more."""

ROUNDS_MAX = 200
SOLVER_S = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """The best set seen, its value and the lower bound (shares of the value without any candidate), and `ended`:
    why the search ended."""

    chosen: Chosen
    value: float
    bound: float
    ended: str


class Search:
    """One search. `weights` are per text of `costs`, `prices` per candidate in the same unit, `sizes` in bytes."""

    def __init__(
        self,
        costs: Costs,
        weights: Sequence[float],
        prices: Sequence[float],
        sizes: Sequence[int],
        budget_bytes: float,
    ) -> None:
        self._costs = costs
        self._weights = np.asarray(weights, float)
        self._prices = np.asarray(prices, float)
        self._sizes = np.asarray(sizes, float)
        self._budget = float(budget_bytes)
        self._places = [place for place in range(len(costs.texts)) if costs.relevant[place]]
        base = np.array([costs.base(place) for place in range(len(costs.texts))])
        self.base_value = float(self._weights @ base)
        served = set(self._places)
        self._fixed = float(sum(self._weights[p] * base[p] for p in range(len(base)) if p not in served))
        self._least = {place: costs.base(place) for place in self._places}

    def run(self, start: Chosen | None = None) -> Found:
        """Search until the bounds meet, or until time or questions are up; `start` is a set that is good already."""
        if not self._places:
            return Found(frozenset(), 1.0, 1.0, "no index serves any statement")
        best, best_value = frozenset[int](), self.base_value
        bound, ended = 0.0, f"{ROUNDS_MAX} rounds were made"
        try:
            bound = self._fixed
            for place in sorted(self._places, key=lambda p: -self._weights[p] * self._costs.base(p)):
                self._least[place] = self._costs.of(place, self._costs.relevant[place]).cost
                bound += float(self._weights[place] * self._least[place])
            best = start if start is not None else self.greedy()
            best_value = self.value(best)
            for _ in range(ROUNDS_MAX):
                if self._costs.seconds_left() <= 0:
                    raise OutOfTime
                chosen, low = self._programme(best)
                bound = max(bound, low)
                value = self.value(chosen)
                if value < best_value:
                    best, best_value = chosen, value
                if best_value - bound <= GAP * self.base_value:
                    ended = "the bounds met"
                    break
        except OutOfTime:
            ended = "time or questions were up"
        scale = self.base_value or 1.0
        return Found(best, best_value / scale, min(bound, best_value) / scale, ended)

    def value(self, chosen: Chosen) -> float:
        """The whole cost with a set: statements and writes."""
        total = self._fixed + float(sum(self._prices[number] for number in chosen))
        return total + float(sum(self._weights[place] * self.exact(place, chosen).cost for place in self._places))

    def value_of(self, costs: Sequence[float], chosen: Chosen) -> float:
        """The whole cost where that of each text is known already."""
        return float(self._weights @ np.asarray(costs, float)) + float(sum(self._prices[n] for n in chosen))

    def share_of(self, places: Iterable[int]) -> float:
        """The share of the cost without any candidate, 0..1, that some texts have."""
        total = float(sum(self._weights[place] * self._costs.base(place) for place in places))
        return total / (self.base_value or 1.0)

    def exact(self, place: int, chosen: Chosen) -> Answer:
        """What a statement costs with a set, learnt from the largest set with that very answer."""
        relevant = self._costs.relevant[place]
        known = self._costs.known(place, chosen & relevant)
        if known is not None:
            return known
        offered = relevant
        while True:
            answer = self._costs.of(place, offered)
            beyond = answer.used - chosen
            if not beyond:
                return answer
            offered = offered - beyond

    def greedy(self) -> Chosen:
        """Sets of indexes that single statements use, the largest gain for its bytes first, as long as they fit."""
        chosen: set[int] = set()
        free = self._budget
        offers: set[Chosen] = {a.used for place in self._places for a in self._costs.answers(place) if a.used}
        while offers:
            best, best_rate = None, 0.0
            for used in offers:
                new = used - chosen
                size = float(sum(self._sizes[number] for number in new))
                if not new or size > free:
                    continue
                gain = self._known_gain(frozenset(chosen), frozenset(chosen | used))
                gain -= float(sum(self._prices[number] for number in new))
                if gain > 0 and gain / max(size, 8192.0) > best_rate:
                    best, best_rate = used, gain / max(size, 8192.0)
            if best is None:
                break
            free -= float(sum(self._sizes[number] for number in best - chosen))
            chosen |= best
            offers.discard(best)
        return frozenset(chosen)

    def _known_gain(self, before: Chosen, after: Chosen) -> float:
        return float(sum(self._weights[p] * (self._upper(p, before) - self._upper(p, after)) for p in self._places))

    def _upper(self, place: int, chosen: Chosen) -> float:
        return min(answer.cost for answer in self._costs.answers(place) if answer.used <= chosen)

    def _programme(self, fallback: Chosen) -> tuple[Chosen, float]:
        """The best set by all answers so far, and a lower bound for every set."""
        count, places = len(self._sizes), self._places
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        lows: list[float] = []
        for at, place in enumerate(places):
            relevant, least = self._costs.relevant[place], self._least[place]
            scale = max(self._costs.base(place), 1e-9)
            for answer in self._costs.answers(place):
                if answer.cost <= least:
                    continue
                row = len(lows)
                lows.append(answer.cost / scale)
                rows.append(row)
                columns.append(count + at)
                values.append(1.0)
                for number in relevant - answer.offered:
                    rows.append(row)
                    columns.append(number)
                    values.append((answer.cost - least) / scale)
        scales = np.array([max(self._costs.base(place), 1e-9) for place in places])
        objective = np.concatenate([self._prices, self._weights[places] * scales]) / max(self.base_value, 1e-9)
        objective[:count] += 1e-9 * self._sizes / max(self._budget, 1.0)  # of equals, the smaller
        least = np.array([self._least[place] for place in places]) / scales
        constraints = []
        if lows:
            matrix = csr_array((values, (rows, columns)), shape=(len(lows), count + len(places)))
            constraints.append(LinearConstraint(matrix, lb=np.array(lows), ub=np.inf))
        size_row = np.concatenate([self._sizes / max(self._budget, 1.0), np.zeros(len(places))])
        constraints.append(LinearConstraint(size_row[np.newaxis, :], ub=1.0))
        fits = (self._sizes <= self._budget).astype(float)
        solved = milp(
            objective,
            integrality=np.concatenate([np.ones(count), np.zeros(len(places))]),
            bounds=Bounds(
                np.concatenate([np.zeros(count), least]), np.concatenate([fits, np.full(len(places), np.inf)])
            ),
            constraints=constraints,
            options={"time_limit": max(0.05, min(SOLVER_S, self._costs.seconds_left())), "mip_rel_gap": GAP / 4},
        )
        fixed = self._fixed
        low = (
            fixed + float(solved.mip_dual_bound or 0.0) * self.base_value if solved.mip_dual_bound is not None else 0.0
        )
        if solved.x is None:
            return fallback, low
        return frozenset(np.flatnonzero(solved.x[:count] > 0.5).tolist()), low
