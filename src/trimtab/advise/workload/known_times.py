"""What a set of indexes is known to bring, by what the planner was asked so far: no question, but a lower estimate.

An answer that needs an index also counts, a little longer, where a wider index of the set can do its work: each
statement was asked about what is best for it alone, and two that begin alike rarely both pay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from trimtab.advise.workload.costs import Answer, Chosen, Costs

STAND_IN = 1.05
"""What an index in the place of a narrower one takes more."""

KEPT_MAX, KEPT_OF_STATEMENT_MAX = 200_000, 50_000
"""So many sets are remembered at a time, with their sizes, and with the times of one statement."""


class KnownTimes:
    """Times of sets (as bit masks of candidates) over all places. `felt` is the weighed time of an answer at a place,
    `today` that as things are; `prices` and `sizes` are of candidates, `space_price` of a byte. `stand_ins` are, for
    each candidate, those whose work it can do."""

    def __init__(
        self,
        costs: Costs,
        felt: Callable[[int, Answer], float],
        today: Sequence[float],
        prices: Sequence[float],
        sizes: Sequence[int],
        space_price: float,
        stand_ins: Sequence[Chosen] = (),
    ) -> None:
        self._costs, self._felt, self._today = costs, felt, today
        self._prices, self._sizes, self._space_price = prices, sizes, space_price
        self._any_price = any(prices)
        self._stand_ins = {number: mask_of(others) for number, others in enumerate(stand_ins) if others}
        self._rows: dict[int, _Row] = {}
        self._touching: dict[int, list[int]] = {}
        self._size_of: dict[int, float] = {}
        self._reached: dict[int, int] = {}

    def refresh(self, places: Iterable[int]) -> None:
        """Take in what was answered since."""
        for place in places:
            answers = self._costs.answers(place)
            before = self._rows.get(place)
            count = before.count if before is not None else 0
            if before is None or count != len(answers):
                rows = set(before.answers) if before is not None else set()
                rows |= {(mask_of(a.used), a.cost, self._felt(place, a)) for a in answers[count:]}
                row = _Row(len(answers), sorted(rows, key=lambda row: (row[1], row[2])), self._today[place])
                known = before.used if before is not None else 0
                for number in numbers_of(row.used & ~known):
                    for other in (number, *(n for n, others in self._stand_ins.items() if others >> number & 1)):
                        touched = self._touching.setdefault(other, [])
                        if place not in touched:
                            touched.append(place)
                self._rows[place] = row

    def size(self, mask: int) -> float:
        """The bytes of a set."""
        size = self._size_of.get(mask)
        if size is None:
            if len(self._size_of) >= KEPT_MAX:
                self._size_of.clear()
            size = self._size_of[mask] = float(sum(self._sizes[number] for number in numbers_of(mask)))
        return size

    def value(self, mask: int) -> float:
        """The time of all places with a set, with what it costs writers and in space."""
        reach = self._reach(mask)
        total = sum(row.time(mask, reach) for row in self._rows.values())
        if self._any_price:
            total += sum(self._prices[number] for number in numbers_of(mask))
        return total + self._space_price * self.size(mask)

    def now(self, mask: int) -> dict[int, float]:
        """The time of each place with a set."""
        reach = self._reach(mask)
        return {place: row.time(mask, reach) for place, row in self._rows.items()}

    def difference(self, now: Mapping[int, float], mask: int, more: int) -> float:
        """What `value` becomes more or less when one set (with its `now`) gives way to another."""
        gone, new = numbers_of(mask & ~more), numbers_of(more & ~mask)
        touched: set[int] = set()
        for number in (*gone, *new):
            touched.update(self._touching.get(number, ()))
        reach = self._reach(more)
        total = 0.0
        for place in sorted(touched):
            total += self._rows[place].time(more, reach) - now[place]
        for sign, numbers in ((1.0, new), (-1.0, gone)):
            for number in numbers:
                total += sign * (self._prices[number] + self._space_price * self._sizes[number])
        return total

    def bundles(self) -> list[int]:
        """Sets that some statement is faster with."""
        found = {needed: None for row in self._rows.values() for needed, _, time in row.answers if time < row.today}
        return [needed for needed in found if needed]

    def _reach(self, mask: int) -> int:
        """The set, with all whose work it can do."""
        if not self._stand_ins:
            return mask
        reach = self._reached.get(mask)
        if reach is None:
            reach = mask
            for number in numbers_of(mask):
                reach |= self._stand_ins.get(number, 0)
            if len(self._reached) >= KEPT_MAX:
                self._reached.clear()
            self._reached[mask] = reach
        return reach


class _Row:
    """What is known of one statement: answers as (candidates needed, cost, weighed time), the cheapest first."""

    def __init__(self, count: int, answers: list[tuple[int, float, float]], today: float) -> None:
        self.count, self.answers, self.today = count, answers, today
        self._memo: dict[tuple[int, int], float] = {}
        self.used = 0
        for needed, _, _ in answers:
            self.used |= needed

    def time(self, mask: int, reach: int) -> float:
        """The time of the cheapest plan that needs nothing beyond a set; or, a little longer, beyond its reach."""
        key = mask & self.used, reach & self.used
        time = self._memo.get(key)
        if time is None:
            if len(self._memo) >= KEPT_OF_STATEMENT_MAX:
                self._memo.clear()
            time = self._memo[key] = self._time(*key)
        return time

    def _time(self, there: int, reach: int) -> float:
        for needed, cost, time in self.answers:
            if not needed & ~there:
                return time
            if not needed & ~reach and cost * STAND_IN < self._least(there):
                return time * STAND_IN
        return self.today

    def _least(self, there: int) -> float:
        return next((cost for needed, cost, _ in self.answers if not needed & ~there), float("inf"))


def mask_of(chosen: Iterable[int]) -> int:
    """Candidates as bits.

    >>> mask_of([0, 3]), sorted(numbers_of(9))
    (9, [0, 3])
    """
    mask = 0
    for number in chosen:
        mask |= 1 << number
    return mask


def numbers_of(mask: int) -> Chosen:
    """The candidates of a mask."""
    found: list[int] = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return frozenset(found)
