"""Which indexes together take the least time, where the planner chooses the plans and time is what plans take.

The planner takes the plan that it believes to be cheapest; how long that one takes is another matter (`plan_time`). So
more indexes can make a statement slower, and the set with the least cost is not the one with the least time. What the
planner was asked so far says which plan it takes with which set: sets are looked for by that (greedy, then exchanges
until none helps), the planner is asked about what was found, and what it answers goes into the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from trimtab.advise.workload.costs import Answer, Chosen, Costs, OutOfTime

ASKED_PER_STATEMENT = 30
ROUNDS_MAX = 8
VERIFIED_A_ROUND = 3
VERIFYING_SHARE = 0.4
"""The part of the time left that a round keeps for asking the planner about what it found."""

ALTERNATIVES_SHARE = 0.45
"""The part of the time that is spent on finding out what plans there are, before sets are compared."""


class TimedSearch:
    """One search. `times` gives the ms of an answer at a place; `prices` are ms of writes, `sizes` bytes."""

    def __init__(
        self,
        costs: Costs,
        weights: Sequence[float],
        times: Callable[[int, Answer], float],
        prices: Sequence[float],
        sizes: Sequence[int],
        budget_bytes: float,
    ) -> None:
        self._costs, self._weights, self._times = costs, list(weights), times
        self._prices, self._sizes, self._budget = list(prices), list(sizes), budget_bytes
        self._places = [place for place in range(len(costs.texts)) if costs.relevant[place]]
        self._any_price = any(self._prices)
        self._size_of: dict[int, float] = {}
        self._rows: dict[int, _Row] = {}
        self.base_value = sum(weight * times(p, costs.without(p)) for p, weight in enumerate(self._weights))
        served = set(self._places)
        self._fixed = sum(
            weight * times(p, costs.without(p)) for p, weight in enumerate(self._weights) if p not in served
        )

    def ask_around(self, share_of_time: float = ALTERNATIVES_SHARE) -> None:
        """Find out which plans there are: with all candidates, without those that were used, with each alone."""
        left_at_end = self._costs.seconds_left() * (1 - share_of_time)
        order = sorted(self._places, key=lambda p: -self._weights[p] * self._times(p, self._costs.without(p)))
        try:
            for place in order:
                self._costs.of(place, self._costs.relevant[place])
            for _round in range(ASKED_PER_STATEMENT):
                asked = False
                for place in order:
                    if self._costs.seconds_left() < left_at_end:
                        return
                    asked |= self._ask_less(place)
                if not asked:
                    break
            singles = [(place, number) for place in order for number in sorted(self._costs.relevant[place])]
            singles.sort(key=lambda pair: self._sizes[pair[1]])
            for place, number in singles:
                if self._costs.seconds_left() < left_at_end:
                    return
                self._costs.of(place, frozenset((number,)))
        except OutOfTime:
            return

    def _ask_less(self, place: int) -> bool:
        """One question for a set that lacks what an answer used; False where all were asked."""
        for answer in self._costs.answers(place):
            for number in sorted(answer.used, key=lambda n: -self._sizes[n]):
                offered = answer.offered - {number}
                if self._costs.known(place, offered) is None:
                    self._costs.of(place, offered)
                    return True
        return False

    def run(self, starts: Iterable[Chosen] = ()) -> tuple[Chosen, float]:
        """The best set, and its share of the time without any; every set named has been asked for."""
        best, best_value = frozenset[int](), self.base_value
        pending = list(starts)
        try:
            for start in pending:
                fitting = _numbers(self._fitting(_mask(start), 0))
                if (value := self.value(fitting)) < best_value:
                    best, best_value = fitting, value
            for turn in range(ROUNDS_MAX):
                self._refresh()
                until = self._costs.seconds_left() * VERIFYING_SHARE
                found: dict[int, float] = {}
                begins = [_mask(best), *(_mask(one) for one in pending)]
                if turn == 0:
                    begins += [self._greedy(by_size=True), self._greedy(by_size=False)]
                for mask in dict.fromkeys(begins):
                    chosen = self._exchanged(mask, until)
                    found[chosen] = self._known(chosen)
                pending = []
                improved = False
                for mask in sorted(found, key=lambda c: found[c])[:VERIFIED_A_ROUND]:
                    chosen_set = _numbers(mask)
                    value = self.value(chosen_set)
                    if value < best_value * (1 - 1e-4):
                        best, best_value, improved = chosen_set, value, True
                    pending.append(chosen_set)
                if not improved and turn > 0:
                    break
        except OutOfTime:
            pass
        return best, best_value / (self.base_value or 1.0)

    def value(self, chosen: Chosen) -> float:
        """The time with a set, the planner asked for every statement. Raises `OutOfTime`."""
        total = self._fixed + sum(self._prices[number] for number in chosen)
        for place in self._places:
            total += self._weights[place] * self._times(place, self._costs.of(place, chosen))
        return total

    def known_value(self, chosen: Chosen) -> float:
        """The time with a set, by the answers so far."""
        self._refresh()
        return self._known(_mask(chosen))

    def _known(self, mask: int) -> float:
        total = self._fixed
        for row in self._rows.values():
            there = mask & row.used
            time = row.memo.get(there)
            if time is None:
                time = row.memo[there] = row.time(there)
            total += time
        return total + (sum(self._prices[number] for number in _numbers(mask)) if self._any_price else 0.0)

    def _refresh(self) -> None:
        """Take in what was answered since."""
        for place in self._places:
            answers = self._costs.answers(place)
            if place not in self._rows or self._rows[place].count != len(answers):
                weight = self._weights[place]
                rows = {(_mask(a.used), a.cost, weight * self._times(place, a)) for a in answers}
                today = weight * self._times(place, self._costs.without(place))
                self._rows[place] = _Row(len(answers), sorted(rows, key=lambda row: (row[1], row[2])), today)

    def _bundles(self) -> list[int]:
        """Sets that some statement is faster with."""
        found = {needed: None for row in self._rows.values() for needed, _, time in row.answers if time < row.today}
        return [needed for needed in found if needed]

    def _greedy(self, *, by_size: bool) -> int:
        chosen, value = 0, self._known(0)
        bundles = self._bundles()
        while True:
            best: tuple[float, int, float] | None = None
            for bundle in bundles:
                more = chosen | bundle
                extra = self._size(more & ~chosen)
                if more == chosen or self._size(more) > self._budget:
                    continue
                gain = value - (new := self._known(more))
                rate = gain / max(extra, 1 << 16) if by_size else gain
                if gain > 0 and (best is None or rate > best[0]):
                    best = (rate, more, new)
            if best is None:
                return chosen
            _, chosen, value = best

    def _exchanged(self, chosen: int, until_s: float) -> int:
        """Exchanges and removals, as long as one helps and there is time."""
        chosen = self._fitting(chosen, 0)
        value = self._known(chosen)
        bundles = self._bundles()
        improved = True
        while improved:
            improved = False
            for number in sorted(_numbers(chosen), key=lambda n: -self._sizes[n]):
                less = chosen & ~(1 << number)
                if (new := self._known(less)) <= value:
                    chosen, value = less, new
            for bundle in bundles:
                if not bundle & ~chosen or self._size(bundle) > self._budget:
                    continue
                if self._costs.seconds_left() < until_s:
                    return chosen
                more = self._fitting(chosen | bundle, bundle)
                if (new := self._known(more)) < value * (1 - 1e-5):
                    chosen, value, improved = more, new, True
        return chosen

    def _fitting(self, chosen: int, kept: int) -> int:
        """The set without what is missed least for its bytes, until it fits."""
        self._refresh()
        size = self._size(chosen)
        while size > self._budget and chosen & ~kept:
            value = self._known(chosen)
            over = size - self._budget
            number = min(
                _numbers(chosen & ~kept),
                key=lambda n: (self._known(chosen & ~(1 << n)) - value) / min(self._sizes[n], over),
            )
            chosen &= ~(1 << number)
            size -= self._sizes[number]
        return chosen

    def _size(self, mask: int) -> float:
        if mask not in self._size_of:
            self._size_of[mask] = float(sum(self._sizes[number] for number in _numbers(mask)))
        return self._size_of[mask]


class _Row:
    """What is known of one statement: answers as (candidates needed, cost, weighed time), the cheapest first."""

    def __init__(self, count: int, answers: list[tuple[int, float, float]], today: float) -> None:
        self.count, self.answers, self.today = count, answers, today
        self.memo: dict[int, float] = {}
        self.used = 0
        for needed, _, _ in answers:
            self.used |= needed

    def time(self, there: int) -> float:
        """The time of the cheapest plan that needs nothing beyond a set."""
        for needed, _, time in self.answers:
            if not needed & ~there:
                return time
        return self.today


def _mask(chosen: Iterable[int]) -> int:
    mask = 0
    for number in chosen:
        mask |= 1 << number
    return mask


def _numbers(mask: int) -> Chosen:
    found: list[int] = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return frozenset(found)
