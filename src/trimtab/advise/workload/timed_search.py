"""Which indexes together take the least time, where the planner chooses the plans and time is what plans take.

The planner takes the plan that it believes to be cheapest; how long that one takes is another matter (`plan_time`). So
more indexes can make a statement slower, and the set with the least cost is not the one with the least time. What the
planner was asked so far says which plan it takes with which set: sets are looked for by that (greedy, then exchanges
until none helps), the planner is asked about what was found, and what it answers goes into the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from trimtab.advise.workload.asking import ALTERNATIVES_SHARE, Asking
from trimtab.advise.workload.costs import Answer, Chosen, Costs, OutOfTime
from trimtab.advise.workload.known_times import KnownTimes, mask_of, numbers_of
from trimtab.advise.workload.offering import Offering

TRIED_A_STEP = 12
LEAST_GAIN = 2e-4
SHAKEN_MAX = 100
SHAKEN_SHARE = 0.35
"""New climbs begin from the best set, without this share of its indexes."""

LOSSES = 1.0
"""What a statement loses counts so much more than what others gain: who made it slower takes the index away again."""

SAME = 1e-9
"""Differences of sums that are this share of the time apart may be rounding."""

SEED = 8
SPACE_SHARE = 0.01
"""All candidates together are taken to cost this share of the time: of two sets that are as good, the smaller."""

MANY = 200
EVALUATIONS = 40
LIGHT_SHARE = 0.02
"""Of more than `MANY` statements, or where there is no time to ask about all of them `EVALUATIONS` times, the lightest
that take this share of the time together are not asked about at each step: what is known of them has to do."""


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
        offering: Offering | None = None,
        stand_ins: Sequence[Chosen] = (),
    ) -> None:
        self._is_many = len(costs.texts) > MANY
        self._costs, self._weights, self._times = costs, list(weights), times
        self._prices, self._sizes, self._budget = list(prices), list(sizes), budget_bytes
        self._places = sorted(costs.offered)
        self._asking = Asking(costs, self._sizes, budget_bytes, offering)
        self._today = [weight * times(p, costs.without(p)) for p, weight in enumerate(self._weights)]
        self.base_value = sum(self._today)
        self._space_price = SPACE_SHARE * self.base_value / max(float(sum(sizes)), 1.0)
        self._times_known = KnownTimes(
            costs, self._felt, self._today, self._prices, self._sizes, self._space_price, stand_ins
        )
        self._size = self._times_known.size
        self._settle()

    def _settle(self) -> None:
        """Take what no candidate serves to stay as it is, and see which statements are light."""
        served = set(self._places)
        self._fixed = sum(today for place, today in enumerate(self._today) if place not in served)
        self._light: set[int] = set()
        together = 0.0
        for place in sorted(self._places, key=lambda p: self._today[p]) if self._is_many else ():
            together += self._today[place]
            if together > LIGHT_SHARE * self.base_value:
                break
            self._light.add(place)

    def ask_around(self, share_of_time: float = ALTERNATIVES_SHARE) -> list[int]:
        """Find out which plans there are: with all candidates, with small ones only, with each alone, without those
        that were used.

        Places for which there was no time are returned; they are taken to stay as they are (see `take_up`).
        """
        self._asking.around(self._heavy_first(), share_of_time)
        late = [place for place in self._places if self._asking.is_late(place)]
        for place in late:
            self._costs.leave(place)
        self._places = [place for place in self._places if self._costs.relevant[place]]
        self._is_many |= self._asking.question_s * len(self._places) * EVALUATIONS > self._costs.seconds_left()
        self._settle()
        return late

    def take_up(self, late: Iterable[int], chosen: Chosen) -> list[int]:
        """Ask what a set brings to statements for which there was no time; those for which there still is none are
        returned. Their own candidates are not asked about: they are priced for this set at most."""
        waiting = sorted(late, key=lambda place: -self._today[place])
        try:
            while waiting:
                self._costs.take_up(waiting[0])
                self._costs.of(waiting[0], chosen)
                self._places.append(waiting.pop(0))
        except OutOfTime:
            for place in waiting:
                self._costs.leave(place)
        self._settle()
        return waiting

    def seconds_for_all(self) -> float:
        """About what it takes to ask all statements about a set."""
        return self._asking.question_s * len(self._places)

    def read_by_plans(self, chosen: Chosen) -> Chosen:
        """The set without what no plan reads: of two that are alike the planner reads one. It is asked about each
        statement, heavy ones first, as far as there is time."""
        read: set[int] = set()
        for place in self._heavy_first():
            try:
                read |= self._costs.of(place, chosen).used
            except OutOfTime:
                read |= self._costs.likely(place, chosen).used
        return chosen & read

    def _heavy_first(self) -> list[int]:
        return sorted(self._places, key=lambda place: -self._today[place])

    def answered_value(self, chosen: Chosen) -> float:
        """The time with a set by answers about this very set, and at worst as if an index that nobody asked about with
        it brought nothing."""
        total = self._fixed + sum(self._prices[number] for number in chosen)
        return total + sum(self._felt(place, self._costs.likely(place, chosen)) for place in self._places)

    def run(self, starts: Iterable[Chosen] = ()) -> tuple[Chosen, float]:
        """The best set, and its share of the time without any; the planner was asked about every step to it, unless
        there was no time for any: then what is known already has to do, and the first of `starts` is the best."""
        self._best, self._best_value = frozenset[int](), self.base_value
        shuffled = Random(SEED)  # noqa: S311 - where a climb begins is no secret
        self._refresh()
        begins = [numbers_of(self._fitting(mask_of(start), 0)) for start in starts]
        try:
            for begin in begins or [self._promising()]:
                self._exchange(begin)
            if not begins and not self._is_many:
                self._exchange(self._grown(frozenset()))
            for _ in range(SHAKEN_MAX):
                self._asking.more(self._heavy_first())
                self._refresh()
                kept = (number for number in self._best if shuffled.random() > SHAKEN_SHARE)
                self._exchange(self._grown(frozenset(kept)))
        except OutOfTime:
            if not self._best:
                mask = mask_of(begins[0]) if begins else self._grown_by_known()
                if self._known(mask) < self.base_value:
                    self._best, self._best_value = numbers_of(mask), self._known(mask)
            if (mask := self._grown_by_known(mask_of(self._best))) != mask_of(self._best):  # there may be room left
                self._best, self._best_value = numbers_of(mask), self._known(mask)
        space = self._space_price * self._size(mask_of(self._best))
        return self._best, (self._best_value - space) / (self.base_value or 1.0)

    def _asked(self, chosen: Chosen) -> float:
        """The time with a set, the planner asked; the best of all is kept."""
        value = self.value(chosen)
        self._refresh()
        value += self._space_price * self._size(mask_of(chosen))
        if value < self._best_value:
            self._best, self._best_value = chosen, value
        return value

    def _promising(self) -> Chosen:
        """Where a climb begins: with a set that is good by what is known, since there may be no time to ask about each
        step to it. It is the best until one is that was asked about."""
        mask = self._grown_by_known()
        self._best, self._best_value = numbers_of(mask), self._known(mask)
        self._best_value = self.value(self._best) + self._space_price * self._size(mask)
        return self._best

    def _grown_by_known(self, mask: int = 0) -> int:
        """A set with more indexes that is good by what is known. Once all time is up, a set that has some gets no more:
        with thousands of statements each step takes long."""
        while not (mask and self._costs.is_over()) and (rates := self._rates(mask, self._known(mask))):
            mask |= rates[0][1]
        return mask

    def _rates(self, mask: int, value: float) -> list[tuple[float, int]]:
        """What fits beside a set, with the gain for its bytes by what is known, the largest first."""
        found: list[tuple[float, int]] = []
        size = self._size(mask)
        now = self._times_known.now(mask)
        for bundle in self._times_known.bundles():
            extra = self._size(bundle & ~mask)
            if extra and size + extra <= self._budget:
                gain = self._times_known.difference(now, mask, mask | bundle)
                if gain < -LEAST_GAIN * value:
                    found.append((gain / max(extra, 1 << 16), bundle))
        return sorted(found)

    def _grown(self, chosen: Chosen) -> Chosen:
        """A set with more indexes, the largest gain for its bytes first, as long as they fit."""
        value = self._asked(chosen)
        mask = mask_of(chosen)
        while True:
            for _, bundle in self._rates(mask, value)[:TRIED_A_STEP]:
                new = self._asked(numbers_of(mask | bundle))
                if new < value * (1 - LEAST_GAIN):
                    mask, value = mask | bundle, new
                    break
            else:
                return numbers_of(mask)

    def _exchange(self, chosen: Chosen) -> None:
        """Removals, additions and exchanges, the best first by what is known, each asked for, as long as one helps."""
        value = self._asked(chosen)
        mask = mask_of(chosen)
        while True:
            for _, more in sorted(self._moves(mask, value)):
                if self._known(more) >= value * (1 - LEAST_GAIN):
                    continue
                new = self._asked(numbers_of(more))
                if new < value * (1 - LEAST_GAIN):
                    mask, value = more, new
                    break
            else:
                return

    def _moves(self, mask: int, value: float) -> list[tuple[float, int]]:
        """What promises to be better, with its time by the answers so far."""
        if self._costs.seconds_left() <= 0:
            raise OutOfTime
        bound = value * (1 - LEAST_GAIN)
        size, bundles = self._size(mask), [(one, self._size(one)) for one in self._times_known.bundles()]
        now = self._times_known.now(mask)
        found: dict[int, float] = {}

        def consider(more: int) -> None:
            if more not in found:
                found[more] = value + self._times_known.difference(now, mask, more)

        losses: list[tuple[float, int]] = []
        for number in numbers_of(mask):
            bit = 1 << number
            if self._costs.seconds_left() <= 0:
                raise OutOfTime
            consider(mask ^ bit)
            losses.append(((found[mask ^ bit] - value) / self._sizes[number], number))
            room = self._budget - size + self._sizes[number]
            for bundle, bundle_size in bundles:
                if bundle & ~(mask ^ bit) and (bundle_size <= room or self._size(bundle & ~(mask ^ bit)) <= room):
                    consider((mask ^ bit) | bundle)
        losses.sort()
        for bundle, bundle_size in bundles:
            if not bundle & ~mask or bundle_size > self._budget:
                continue
            more, left = mask | bundle, size + self._size(bundle & ~mask)
            for _, number in losses:
                if left <= self._budget:
                    break
                if not bundle >> number & 1:
                    more, left = more & ~(1 << number), left - self._sizes[number]
            if left <= self._budget:
                consider(more)
        return [(known, more) for more, known in found.items() if known < bound]

    def value(self, chosen: Chosen) -> float:
        """The time with a set, the planner asked for every statement. Raises `OutOfTime`."""
        total = self._fixed + sum(self._prices[number] for number in chosen)
        for place in self._places:
            ask = self._costs.likely if place in self._light else self._costs.of
            total += self._felt(place, ask(place, chosen))
        return total

    def fits(self, chosen: Chosen) -> bool:
        """Whether a set is within the budget."""
        return self._size(mask_of(chosen)) <= self._budget

    def _felt(self, place: int, answer: Answer) -> float:
        """The time with an answer; where it is longer than today's, what is lost counts more than a gain elsewhere."""
        time = self._weights[place] * self._times(place, answer)
        return time + LOSSES * max(0.0, time - self._today[place])

    def least_missed(self, chosen: Chosen) -> tuple[float, int]:
        """The index that is missed least by what is known, of several the first, with the time without it."""
        self._refresh()
        mask = mask_of(chosen)
        now = self._times_known.now(mask)
        more = {number: self._times_known.difference(now, mask, mask ^ 1 << number) for number in chosen}
        most = min(more.values()) + SAME * self.base_value
        return min((self.known_value(chosen - {number}), number) for number in chosen if more[number] <= most)

    def known_value(self, chosen: Chosen) -> float:
        """The time with a set, by the answers so far."""
        self._refresh()
        return self._known(mask_of(chosen))

    def _known(self, mask: int) -> float:
        return self._fixed + self._times_known.value(mask)

    def _refresh(self) -> None:
        self._times_known.refresh(self._places)

    def _fitting(self, chosen: int, kept: int) -> int:
        """The set without what is missed least for its bytes, until it fits."""
        size = self._size(chosen)
        while size > self._budget and chosen & ~kept:
            value = self._known(chosen)
            over = size - self._budget
            number = min(
                numbers_of(chosen & ~kept),
                key=lambda n: (self._known(chosen & ~(1 << n)) - value) / min(self._sizes[n], over),
            )
            chosen &= ~(1 << number)
            size -= self._sizes[number]
        return chosen
