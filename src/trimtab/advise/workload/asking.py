"""Which plans there are for each statement: the questions that are asked before sets of indexes are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.advise.workload.costs import Costs, OutOfTime
from trimtab.advise.workload.offering import Offering

TIERS = 7
"""Questions with candidates of at most the budget, half of it, a quarter … alone."""

EXPLORED, EXPLORED_ROUNDS = 20, 3
"""Questions between two climbs, and the most for one statement."""

ALTERNATIVES_SHARE = 0.35
"""The part of the time that is spent on finding out what plans there are, before sets are compared."""

FIRST_SHARE, ALL_SHARE, SPECIAL_SHARE, TIERS_SHARE = 0.4, 0.45, 0.5, 0.52
"""Where there are many statements: after this part of the time no more are asked about with their first candidates,
with all plain ones, with special ones, and with those of some size. The lightest come last."""


class Asking:
    """Asks about the places of `costs`, heavy ones first (`order`); `sizes` are bytes of candidates."""

    def __init__(
        self, costs: Costs, sizes: Sequence[int], budget_bytes: float, offering: Offering | None = None
    ) -> None:
        self._costs, self._sizes, self._budget, self._offering = costs, sizes, budget_bytes, offering
        self.question_s = 0.0
        """About what a question takes."""
        self._with_special: set[int] = set()
        self._alone: dict[int, Iterator[int]] = {}
        self._rounds: dict[int, int] = {}

    def is_late(self, place: int) -> bool:
        """Whether there was no time to ask what a statement's candidates bring."""
        if not self._costs.relevant[place]:
            return place not in self._with_special
        return len(self._costs.answers(place)) < 2  # the first one is how things are

    def around(self, order: Sequence[int], share_of_time: float = ALTERNATIVES_SHARE) -> None:
        """Ask about each place with its first candidates, with all, with special ones, with those of some size, with
        each alone, and without those that were used: as far as there is time."""
        begun = self._costs.seconds_left()
        try:
            for place in order:
                if self._offering is None or self._costs.seconds_left() < begun * (1 - FIRST_SHARE):
                    break
                if first := self._offering.first(place):
                    self._costs.of(place, first)
                else:
                    self._ask_special(place)
            self.question_s = (begun - self._costs.seconds_left()) / max(len(order), 1)
            for place in order:
                if self._costs.seconds_left() < begun * (1 - ALL_SHARE):
                    break
                self._costs.of(place, self._costs.relevant[place])
            for place in order:
                if self._costs.seconds_left() < begun * (1 - SPECIAL_SHARE):
                    break
                self._ask_special(place)
            for tier in range(TIERS):
                limit = self._budget / 2**tier
                for place in order:
                    if self._costs.seconds_left() < begun * (1 - TIERS_SHARE):
                        break
                    small = frozenset(n for n in self._costs.relevant[place] if self._sizes[n] <= limit)
                    if small and self._costs.known(place, small) is None:
                        self._costs.of(place, small)
            for until, ask in ((0.5, self._ask_alone), (1.0, self._ask_less)):
                left_at_end = begun * (1 - until * share_of_time)
                asked = True
                while asked:
                    asked = False
                    for place in order:
                        if self._costs.seconds_left() < left_at_end:
                            break
                        asked |= ask(place)
        except OutOfTime:
            return

    def _ask_special(self, place: int) -> None:
        """Add a statement's special candidates, and ask about them with all others, once."""
        if place in self._with_special:
            return
        is_more = self._offering is not None and self._offering.add_special(place)
        self._with_special.add(place)  # not where time was up meanwhile: it is late then
        if is_more:
            self._costs.of(place, self._costs.relevant[place])

    def _ask_alone(self, place: int) -> bool:
        """One question for a candidate by itself, the small ones first; False where all were asked."""
        if place not in self._alone:
            relevant = self._costs.relevant[place]
            self._alone[place] = iter(sorted(relevant, key=lambda n: self._sizes[n]))
        for number in self._alone[place]:
            if self._costs.known(place, frozenset((number,))) is None:
                self._costs.of(place, frozenset((number,)))
                return True
        return False

    def _ask_less(self, place: int) -> bool:
        """One question for a set that lacks what an answer used; False where all were asked."""
        for answer in self._costs.answers(place):
            for number in sorted(answer.used, key=lambda n: -self._sizes[n]):
                offered = answer.offered - {number}
                if self._costs.known(place, offered) is None:
                    self._costs.of(place, offered)
                    return True
        return False

    def more(self, order: Sequence[int]) -> None:
        """Some more questions of the last two kinds: new climbs from what is known end where the first one did."""
        asked = 0
        for place in list(order) * EXPLORED_ROUNDS:
            if self._rounds.get(place, 0) % 2:
                found = self._ask_alone(place) or self._ask_less(place)
            else:
                found = self._ask_less(place) or self._ask_alone(place)
            self._rounds[place] = self._rounds.get(place, 0) + 1
            asked += found
            if asked >= EXPLORED:
                break
