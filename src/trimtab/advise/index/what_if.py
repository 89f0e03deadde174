"""Prices with and without an index that does not exist: HypoPG and the server's real planner.

One at a time, on one connection. Every price is cached, every EXPLAIN counted; nothing stays behind.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.frames import Frame, Frames, is_safe_predicate
from trimtab.advise.index.plans import Node, cost, cost_without_stop, rescaled_cost, uses
from trimtab.advise.index.session import Connection, is_lost, require_hypopg, server_errors
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.observe.postgres.explain import explain
from trimtab.sql.catalog import Catalog
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import quoted
from trimtab.sql.index_ddl import create_statement, definition_hash

UNUSED_GAIN_MIN = 0.02
"""A candidate that saves less than this share on the dearest statement is not priced on the others."""


class BudgetSpent(Exception):
    """No more EXPLAINs, or no more time; caught by the adviser, which then decides on what it has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One statement with one hypothetical index: `before` is its cost today, `plan` what the planner would do.

    Where the index could only be priced on the table's part of the statement, `plan` is that part alone and `rest`
    is the cost of everything else.
    """

    before: float
    plan: Node
    rest: float = 0.0

    def after(self, index_name: str, factor: float = 1.0) -> float:
        """The cost with the index; with another `factor` than 1 if its scans met so many times the pages."""
        scanned = cost(self.plan) if factor == 1.0 else rescaled_cost(self.plan, index_name, factor)
        return min(self.before, self.rest + scanned) if self.rest or factor != 1.0 else scanned


@dataclass(frozen=True, slots=True)
class Price:
    """What the statements cost with one hypothetical index, in the order of `places`.

    `index_name` is HypoPG's name for it in the plans. Statements behind the first are missing where it changed
    nothing on that one.
    """

    index_name: str
    places: tuple[int, ...]
    cells: tuple[Cell, ...]

    @property
    def plans(self) -> tuple[Node, ...]:
        """The plans with the index."""
        return tuple(cell.plan for cell in self.cells)

    @property
    def before(self) -> float:
        """The cost of the priced statements today."""
        return sum(cell.before for cell in self.cells)

    def after(self, factor: float = 1.0) -> float:
        """Their cost with the index."""
        return sum(cell.after(self.index_name, factor) for cell in self.cells)

    @property
    def without_stop(self) -> float:
        """Their cost with the index if no LIMIT stopped anything early."""
        return sum(cell.rest + cost_without_stop(cell.plan) for cell in self.cells)

    @property
    def is_used(self) -> bool:
        """Whether any of the plans reads the index."""
        return any(uses(plan, self.index_name) for plan in self.plans)

    @property
    def is_partly(self) -> bool:
        """Whether some statement was priced on the table's part alone."""
        return any(cell.rest for cell in self.cells)


class WhatIf:
    """What-if prices of one query's statements. Use as `with what_if(...) as prices`."""

    def __init__(
        self, connection: Connection, catalog: Catalog, statements: Sequence[str], *, calls_max: int, time_max_s: float
    ) -> None:
        self.statements = tuple(statements)
        self.calls = 0
        self.calls_max = calls_max
        self._connection = connection
        self._schema = quoted(require_hypopg(catalog.hypopg_schema))
        self._deadline = time.monotonic() + time_max_s
        self._cache: dict[tuple[str, tuple[int, ...]], Price | str] = {}
        self.baseline: tuple[Node, ...] = ()
        self._frames = Frames(self.statements, catalog, lambda: self.baseline, self._explain)

    def price_baseline(self) -> tuple[Node, ...]:
        """The plans as things are. Raises what `explain` raises."""
        self.baseline = tuple(self._explain(statement) for statement in self.statements)
        return self.baseline

    def telling_places(self, count: int) -> tuple[int, ...]:
        """Up to `count` statements: the dearest first, then spread down to the cheapest."""
        order = sorted(range(len(self.baseline)), key=lambda place: -cost(self.baseline[place]))
        if len(order) <= count:
            return tuple(order)
        return tuple(order[round(i * (len(order) - 1) / max(1, count - 1))] for i in range(count))

    def price(self, candidate: Candidate, places: Sequence[int]) -> Price | str:
        """The price with this candidate, or in words why it cannot be built or priced.

        Raises `BudgetSpent`. The first of `places` should be the dearest: where the index changes nothing there, the
        others are left out.
        """
        key = (definition_hash(candidate.definition), tuple(places))
        if key not in self._cache:
            try:
                self._cache[key] = self._price(candidate, places)
            except StatementRefused as error:
                self._cache[key] = f"cannot be priced: {error.message}"
        return self._cache[key]

    def price_together(self, definitions: Sequence[IndexDefinition], place: int) -> float:
        """The cost of one statement with several hypothetical indexes at once."""
        try:
            for definition in definitions:
                self._create(definition)
            return cost(self._explain(self.statements[place]))
        finally:
            self.reset()

    def rows(self, statement: str) -> float:
        """The planner's estimate of a statement's rows."""
        return float(self._explain(statement)["Plan Rows"])

    def reset(self) -> None:
        """Forget every hypothetical index of this session."""
        with server_errors(self._connection, "reset HypoPG"):
            self._connection.execute(f"SELECT {OWN_MARK} {self._schema}.hypopg_reset()".encode(), prepare=False)

    def _price(self, candidate: Candidate, places: Sequence[int]) -> Price | str:
        frames: list[Frame] = []
        for place in places:
            frame = self._frames.of(candidate, place)
            if isinstance(frame, str):
                return frame
            frames.append(frame)
        made = self._create(candidate.definition)
        if isinstance(made, str):
            return made
        oid, name = made
        try:
            cells: list[Cell] = []
            for frame in frames:
                cells.append(Cell(frame.before, self._explain(frame.text), frame.rest))
                if len(cells) == 1 and cells[0].after(name) > (1 - UNUSED_GAIN_MIN) * frame.before:
                    break
            return Price(name, tuple(places[: len(cells)]), tuple(cells))
        finally:
            with server_errors(self._connection, "drop a hypothetical index"):
                self._connection.execute(
                    f"SELECT {OWN_MARK} {self._schema}.hypopg_drop_index(%s::oid)".encode(), [oid], prepare=False
                )

    def _create(self, definition: IndexDefinition) -> tuple[int, str] | str:
        try:
            statement = create_statement(definition, "trimtab_hypothetical", concurrently=False)
        except StatementRefused as error:
            return f"cannot be built: {error.message}"
        if definition.predicate is not None and not is_safe_predicate(definition.predicate):
            return "cannot be priced: HypoPG may crash the server on this predicate"
        query = f"SELECT indexrelid::bigint, indexname FROM {OWN_MARK} {self._schema}.hypopg_create_index(%s)"
        try:
            with self._connection.transaction():
                row = self._connection.execute(query.encode(), [statement], prepare=False).fetchone()
        except psycopg.Error as error:
            if is_lost(self._connection, error):
                with server_errors(self._connection, "create a hypothetical index"):
                    raise
            return f"cannot be built: {_plain(error)}"
        if row is None:
            return "cannot be built: HypoPG made nothing of it"
        return int(row[0]), str(row[1])

    def _explain(self, statement: str) -> Node:
        if self.calls >= self.calls_max or time.monotonic() > self._deadline:
            raise BudgetSpent
        self.calls += 1
        plan: Any = explain(self._connection, statement)
        node: Node = plan["Plan"]
        return node


@contextmanager
def what_if(
    connection: Connection, catalog: Catalog, statements: Sequence[str], *, calls_max: int, time_max_s: float
) -> Iterator[WhatIf]:
    """A `WhatIf` that starts and ends without any hypothetical index in the session."""
    prices = WhatIf(connection, catalog, statements, calls_max=calls_max, time_max_s=time_max_s)
    prices.reset()
    try:
        yield prices
    finally:
        if not connection.closed:
            prices.reset()


def _plain(error: psycopg.Error) -> str:
    words = error.diag.message_primary or type(error).__name__
    return words.removeprefix("hypopg: ")
