"""What each statement costs with any set of indexes, asked of the planner as rarely as can be.

One fact saves most questions. If the planner, offered a set S, uses of it only U, then its cost is the same for every
set between U and S: it could not do better with fewer, and what it chose is still there. So an answer is kept as
(U, S, cost) and serves all sets T with U ⊆ T ⊆ S (as INUM does: Papadomanolakis, Dash, Ailamaki, VLDB 2007).

All hypothetical indexes live in one session of HypoPG, and are made and dropped by the difference to the last question.
An index with an expression or a predicate is priced with its table first in FROM alone (see `sql.leading`), one table
at a time: each such way of asking is a `View`, the cheapest counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.frames import Frame, Frames
from trimtab.advise.index.plans import Node, cost, nodes
from trimtab.advise.index.session import Connection, require_hypopg
from trimtab.advise.workload.hypothetical import Hypothetical
from trimtab.advise.workload.inverted import is_inverted, rows_question, served
from trimtab.model.errors import ServerUnreachable, StatementRefused
from trimtab.observe.postgres.explain import Checked, check, explain
from trimtab.sql.catalog import Catalog
from trimtab.sql.identifiers import qualified

Chosen = frozenset[int]
"""Places of candidates."""

BESIDE_MAX = 48
"""More plain candidates than these are not offered beside special ones, but those alone that the planner chose of them:
a question with hundreds takes a hundred times as long as one with a few."""


class OutOfTime(Exception):
    """No more questions, or no more time: the search ends with what it knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A statement's cost for all sets between `used` and `offered`; `plan` is one for all of them.

    `rest` is what of the statement is not in `plan`, where only a table's own part could be priced.
    """

    cost: float
    used: Chosen
    offered: Chosen
    plan: Node = field(repr=False)
    rest: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """A way to ask for a statement: its text, the special candidates that can be seen in it, what is not in it."""

    text: str
    specials: Chosen
    rest: float = 0.0


class Costs:
    """Costs of `texts`; `relevant` are, for each, the candidates that might serve it."""

    def __init__(
        self,
        connection: Connection,
        catalog: Catalog,
        texts: Sequence[str],
        candidates: Sequence[Candidate],
        *,
        calls_max: int,
        time_max_s: float,
        checked: Mapping[str, Checked] | None = None,
    ) -> None:
        self.texts, self.candidates = tuple(texts), tuple(candidates)
        self._checked = dict(checked or {})
        self.calls, self.calls_max = 0, calls_max
        self.stuck: dict[int, str] = {}
        """Places that the server would not plan any more, and why: a lock, no time, a column that went meanwhile."""
        self._connection = connection
        self._made = Hypothetical(connection, require_hypopg(catalog.hypopg_schema), self.candidates)
        self.refused, self.numbers = self._made.refused, self._made.numbers
        self._deadline = self._end = time.monotonic() + time_max_s
        self._rows_of: dict[int, float | None] = {}
        self._answers: list[list[Answer]] = [[] for _ in texts]
        self._views: list[tuple[View, ...]] = [() for _ in texts]
        self._baselines: list[Node] = []
        self._frames = Frames(self.texts, catalog, lambda: self._baselines, self._explain)
        self._table_names = {candidate.table.oid: candidate.table.name for candidate in self.candidates}
        self._tables: list[frozenset[int] | None] = [None for _ in texts]
        self._put_off: dict[int, Chosen] = {}
        self.relevant: list[Chosen] = [frozenset() for _ in texts]
        self.offered: set[int] = set()
        """Places of which it was said which candidates may serve them."""

    def start(self, plans: Sequence[Node] = ()) -> None:
        """The costs as things are; `plans` are these where they are known. Raises `OutOfTime`, and what `explain`
        raises."""
        self._made.forget()
        for place, text in enumerate(self.texts):
            self._baselines.append(plans[place] if plans else self._explain(text))

    def set_relevant(
        self, place: int, relevant: Iterable[int], aliases: Mapping[int, frozenset[str]] | None = None
    ) -> None:
        """Say which plain candidates a statement may be served by; others of `relevant` are for `set_special`.

        `aliases` are the statement's own names of tables by oid, of all that it reads.
        """
        plain = (n for n in relevant if n not in self.refused and not self._is_special(n))
        self.relevant[place] = frozenset(plain)
        self._tables[place] = frozenset(aliases) if aliases is not None and self._names_all(place, aliases) else None
        self.offered.add(place)
        self._answers[place].append(
            Answer(cost(self._baselines[place]), frozenset(), frozenset(), self._baselines[place])
        )

    def set_special(
        self, place: int, relevant: Iterable[int], aliases: Mapping[int, frozenset[str]] | None = None
    ) -> None:
        """Add the special candidates that a statement may be served by, with the views that these need. Raises
        `OutOfTime`.

        A candidate that another statement gave bears the name that its table has there (`aliases`).
        """
        groups: dict[tuple[int, str], list[int]] = {}
        kept: set[int] = set()
        for number in relevant:
            if number in self.refused or not self._is_special(number):
                continue
            candidate = self.candidates[number]
            if is_inverted(candidate.definition):
                rows = self._inverted_rows(number)
                if rows is not None and served(self._baselines[place], candidate, rows, "") is not None:
                    kept.add(number)
                continue
            here = (aliases or {}).get(candidate.table.oid, frozenset({candidate.alias}))
            for alias in sorted(here):
                groups.setdefault((candidate.table.oid, alias), []).append(number)
        views: list[View] = []
        for (_, alias), numbers in groups.items():
            frame = self._frame(replace(self.candidates[numbers[0]], alias=alias), place)
            if frame is not None:
                views.append(View(frame.text, frozenset(numbers), frame.rest))
                kept |= set(numbers)
        self._views[place] = tuple(views)
        self.relevant[place] |= kept

    def _frame(self, candidate: Candidate, place: int) -> Frame | None:
        try:
            frame = self._frames.of(candidate, place)
        except StatementRefused as error:
            self.stuck[place] = error.message
            return None
        return None if isinstance(frame, str) else frame

    def _is_special(self, number: int) -> bool:
        candidate = self.candidates[number]
        return is_inverted(candidate.definition) or is_special(candidate)

    def _names_all(self, place: int, oids: Iterable[int]) -> bool:
        """Whether these are all tables of a statement's plan: indexes on others may then be there or not."""
        tables = self._table_names
        read = {str(node["Relation Name"]) for node in nodes(self._baselines[place]) if "Relation Name" in node}
        return read & set(tables.values()) <= {tables[oid] for oid in oids if oid in tables}

    def leave(self, place: int) -> None:
        """Take a statement to be served by no candidate until `take_up`."""
        if self.relevant[place]:
            self._put_off[place] = self.relevant[place]
        self.relevant[place] = frozenset()

    def take_up(self, place: int) -> None:
        """Ask about a statement again that was left."""
        self.relevant[place] = self._put_off.pop(place, self.relevant[place])

    def base(self, place: int) -> float:
        """The cost without any of the candidates."""
        return cost(self._baselines[place])

    def without(self, place: int) -> Answer:
        """The answer as things are."""
        plan = self._baselines[place]
        return Answer(cost(plan), frozenset(), frozenset(), plan)

    def rows(self, place: int) -> float:
        """The rows that the planner expects of a text."""
        return float(self._baselines[place]["Plan Rows"])

    def of(self, place: int, chosen: Chosen) -> Answer:
        """The answer for a set. Raises `OutOfTime`."""
        offered = chosen & self.relevant[place]
        known = self.known(place, offered)
        if known is not None:
            return known
        if not offered:
            return self.without(place)
        special = frozenset(number for number in offered if self._is_special(number))
        if not special:
            best = self._asked(place, View(self.texts[place], offered), offered, self.without(place))
            self._answers[place].append(replace(best, offered=offered))
            return self._answers[place][-1]
        plain, best = offered - special, self.without(place)  # a set is never worse than none
        if plain:
            best = self.of(place, plain)
        beside = plain if len(plain) <= BESIDE_MAX else best.used
        for view in self._views[place]:
            if offered & view.specials:
                best = self._asked(place, view, beside | (offered & view.specials), best)
        best = replace(best, offered=offered)
        inverted = frozenset(number for number in special if is_inverted(self.candidates[number].definition))
        for number in sorted(inverted):
            best = self._with_inverted(number, best, offered)
        self._answers[place].append(best)
        return best

    def _asked(self, place: int, view: View, there: Chosen, best: Answer) -> Answer:
        """The planner's answer with these indexes, where it is better than what is known."""
        if place in self.stuck:
            return min(best, self.likely(place, there), key=lambda one: one.cost)
        self._need_time()  # before indexes are made that nobody is asked about
        self._made.have(there, self._tables[place], self._need_time)
        try:
            plan = self._explain(view.text)
        except StatementRefused as error:
            self.stuck[place] = error.message
            return self._asked(place, view, there, best)
        total = view.rest + cost(plan)
        if total >= best.cost:
            return best
        names = {str(node["Index Name"]) for node in nodes(plan) if "Index Name" in node}
        used = frozenset(number for number in there if self._made.name(number) in names)
        return Answer(total, used, there, plan, view.rest)

    def known(self, place: int, offered: Chosen) -> Answer | None:
        """An answer that needs no question."""
        for answer in self._answers[place]:
            if answer.used <= offered <= answer.offered:
                return answer
        return None

    def _with_inverted(self, number: int, answer: Answer, offered: Chosen) -> Answer:
        """The answer with an index that HypoPG cannot make, where that is better by the model."""
        rows = self._inverted_rows(number)
        name = f"inverted {number}"
        plan = served(answer.plan, self.candidates[number], rows, name) if rows is not None else None
        if plan is None or answer.rest + cost(plan) >= answer.cost:
            return answer
        self.numbers[name] = number
        names = {str(node["Index Name"]) for node in nodes(plan) if "Index Name" in node}
        used = {number, *(one for one in answer.used if any(self.numbers.get(n) == one for n in names))}
        return Answer(answer.rest + cost(plan), frozenset(used), offered, plan, answer.rest)

    def _inverted_rows(self, number: int) -> float | None:
        """The rows that such an index finds, by the planner's estimate; None where it cannot say."""
        if number not in self._rows_of:
            candidate = self.candidates[number]
            name = qualified(candidate.table.schema, candidate.table.name)
            try:
                self._rows_of[number] = float(self._explain(rows_question(candidate, name))["Plan Rows"])
            except StatementRefused as error:
                self.refused[number] = f"cannot be priced: {error.message}"
                self._rows_of[number] = None
        return self._rows_of[number]

    def likely(self, place: int, chosen: Chosen) -> Answer:
        """The answer for a set without a question: the cheapest so far that needs nothing beyond it."""
        offered = chosen & self.relevant[place]
        known = self.known(place, offered)
        if known is not None:
            return known
        fits = [answer for answer in self._answers[place] if answer.used <= offered]
        return min(fits, key=lambda answer: answer.cost, default=self.without(place))

    def answers(self, place: int) -> Sequence[Answer]:
        """All that was answered for a statement."""
        return self._answers[place]

    def is_asked(self, place: int) -> bool:
        """Whether it is known what any index brings to a statement."""
        return any(answer.offered for answer in self._answers[place])

    def seconds_left(self) -> float:
        """Until the deadline; may be below 0."""
        return self._deadline - time.monotonic()

    def is_over(self) -> bool:
        """Whether the time of all parts together is up."""
        return time.monotonic() > self._end

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """A nearer deadline for a part of the work."""
        deadline = self._deadline
        self._deadline = min(deadline, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._deadline = deadline

    def close(self) -> None:
        """Drop every hypothetical index."""
        if not self._connection.closed:
            self._made.forget()

    def _need_time(self) -> None:
        if self.calls >= self.calls_max or self.seconds_left() <= 0:
            raise OutOfTime

    def _explain(self, text: str) -> Node:
        """A plan. Raises `OutOfTime`, and `StatementRefused` also where it takes the server too long."""
        self._need_time()
        self.calls += 1
        if text not in self._checked:
            self._checked[text] = check(text)
        try:
            node: Node = explain(self._connection, self._checked[text])["Plan"]
        except ServerUnreachable as error:
            if "sqlstate" not in error.facts:  # the connection was lost
                raise
            raise StatementRefused(error.message) from None
        return node


def is_special(candidate: Candidate) -> bool:
    """Whether HypoPG sees it with its table first in FROM alone."""
    return candidate.definition.predicate is not None or any(key.is_expression for key in candidate.definition.keys)
