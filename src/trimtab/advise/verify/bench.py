"""One session on a clone that has the new indexes, and can do without them for a moment.

Everything happens in one transaction that is rolled back at the end: the indexes are built in it, and a savepoint
without them is made by dropping them and rolling that back. So nothing stays on the clone, however this ends, and no
right is needed but that of the tables' owner.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast

from trimtab.advise.index.plans import Node, nodes
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.verify.answers import BuiltIndex
from trimtab.advise.verify.processor_time import BackendClock
from trimtab.advise.workload.advice import ExpressionStatistics
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import create_statement, index_name
from trimtab.sql.trees import single_statement

ANSWER_BYTES_MAX = 20_000_000
"""Larger answers are not fetched: the server throws them away (EXPLAIN ANALYZE without timing)."""
CALLS_MAX = 2_000

_RUNS = ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt


class TooSlow(Exception):
    """A call took longer than is waited for."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One call that was looked at: its plan with actual rows, pages touched, and how long it took."""

    plan: Node
    buffers: int
    execution_ms: float

    @property
    def answer_bytes(self) -> float:
        """About how much it sends."""
        return float(self.plan["Actual Rows"]) * max(float(self.plan["Plan Width"]), 1.0)


def checked(text: str) -> str:
    """`text`, where it is one SELECT, INSERT, UPDATE, DELETE or MERGE; else `StatementRefused`."""
    tree = single_statement(text)
    if not isinstance(tree, _RUNS):
        raise StatementRefused(f"{type(tree).__name__} is not tried on a clone")
    return text


class Bench:
    """Make one by `bench`. `built` are the new indexes that are there now.

    Where there are new `statistics` (schema, name), these alone are what tells the two forms apart.
    """

    def __init__(self, connection: Connection, call_max_ms: int, build_max_ms: int) -> None:
        self._connection = connection
        self._clock = BackendClock.of(connection)
        self._call_max_ms = call_max_ms
        self._build_max_ms = build_max_ms
        self.built: dict[IndexDefinition, BuiltIndex] = {}
        self.dropped: list[tuple[str, str]] = []
        self.statistics: list[tuple[str, str]] = []

    @property
    def unit(self) -> str:
        """What `timed_ms` measures."""
        return "execution time (the server is elsewhere)" if self._clock is None else self._clock.unit

    def build(self, definition: IndexDefinition) -> BuiltIndex:
        """Build one new index, and look at its table anew; `StatementRefused` where the server will not."""
        name = index_name(definition, "verify")
        began = time.monotonic()
        try:
            with self._connection.transaction():
                self._limit(self._build_max_ms)
                self._connection.execute(create_statement(definition, name, concurrently=False).encode())
        except psycopg.errors.QueryCanceled:
            raise StatementRefused(f"building took longer than {self._build_max_ms / 1000:g} s") from None
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            raise StatementRefused(f"cannot be built: {error.diag.message_primary or type(error).__name__}") from None
        took_ms = (time.monotonic() - began) * 1000
        with server_errors(self._connection, "look at the new index"):
            if any(key.is_expression for key in definition.keys):  # its statistics come with ANALYZE
                self._limit(self._build_max_ms)
                self._connection.execute(f"ANALYZE {qualified(definition.schema, definition.table)}".encode())
            query = f"SELECT {OWN_MARK} pg_relation_size(c.oid), i.indcheckxmin FROM pg_class c"
            query += " JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
            query += " WHERE n.nspname = %s AND c.relname = %s"
            row = self._connection.execute(query.encode(), [definition.schema, name]).fetchone()
        if row is None or row[1]:
            raise StatementRefused("rows of its table were updated of late: VACUUM the clone, then it can be tried")
        made = BuiltIndex(definition, name, int(row[0]), took_ms)
        self.built[definition] = made
        return made

    def make_statistics(self, one: ExpressionStatistics) -> None:
        """Make statistics and fill them; `StatementRefused` where the server will not."""
        try:
            with self._connection.transaction():
                self._limit(self._build_max_ms)
                self._connection.execute(one.ddl.encode())
                self._connection.execute(one.analyze.encode())
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            raise StatementRefused(f"cannot be made: {error.diag.message_primary or type(error).__name__}") from None
        self.statistics.append((one.schema, one.name))

    def take_away(self, definition: IndexDefinition) -> None:
        """Drop a new index for good."""
        made = self.built.pop(definition)
        with server_errors(self._connection, "drop an index of the clone"):
            self._connection.execute(f"DROP INDEX {qualified(definition.schema, made.name)}".encode())

    @contextmanager
    def form(self, *, new: bool) -> Iterator[None]:
        """What is inside runs with the new indexes (and without those to be dropped), or as it was before."""
        kind, names = "INDEX", self.dropped
        if self.statistics:
            kind, names = "STATISTICS", [] if new else self.statistics
        elif not new:
            names = [(one.definition.schema, one.name) for one in self.built.values()]
        with self._connection.transaction(force_rollback=True):
            if names:
                listed = ", ".join(qualified(schema, name) for schema, name in names)
                self._connection.execute(f"DROP {kind} {listed}".encode())
            self._limit(self._call_max_ms)
            yield

    def plan(self, text: str) -> Node:
        """The plan of a statement, in the form that is there now."""
        return self._explained(text, "FORMAT JSON")["Plan"]  # type: ignore[no-any-return]

    def look(self, text: str) -> Looked:
        """Run it once, looked at. Raises `TooSlow`."""
        with self._connection.transaction(force_rollback=True):
            found = self._explained(text, "ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON")
        plan = found["Plan"]
        buffers = int(plan.get("Shared Hit Blocks", 0)) + int(plan.get("Shared Read Blocks", 0))
        return Looked(plan, buffers, float(found["Execution Time"]))

    def timed_ms(self, texts: Sequence[str], calls: int, *, fetch: bool) -> float:
        """The time of all texts, `calls` times each, in ms. Writes are rolled back. Raises `TooSlow`."""
        with self._connection.transaction(force_rollback=True):
            for text in texts:
                self._explained(text, "FORMAT JSON")  # what was dropped and came back is looked up anew
            if self._clock is None:
                shown = "ANALYZE, TIMING OFF, FORMAT JSON"
                return sum(
                    float(self._explained(text, shown)["Execution Time"]) for text in texts for _ in range(calls)
                )
            statements = [text if fetch else f"EXPLAIN (ANALYZE, TIMING OFF) {text}" for text in texts]
            began_ns = self._clock.read_ns()
            for _ in range(calls):
                for statement in statements:
                    self._run(statement)
            return (self._clock.read_ns() - began_ns) / 1e6

    def _run(self, statement: str) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement.encode(), prepare=False)
        except psycopg.errors.QueryCanceled:
            raise TooSlow from None
        except psycopg.Error as error:
            if self._connection.closed:
                raise
            raise StatementRefused(f"the clone refuses it: {_words(error)}") from None

    def _explained(self, text: str, options: str) -> dict[str, Any]:
        row = self._run(f"EXPLAIN ({options}) {text}").fetchone()
        found: dict[str, Any] = row[0][0] if row is not None else {}
        return found

    def _limit(self, statement_ms: int) -> None:
        self._connection.execute(f"SET LOCAL statement_timeout = {statement_ms}".encode())


@contextmanager
def bench(connection: Connection, *, call_max_ms: int, build_max_ms: int) -> Iterator[Bench]:
    """A transaction on the clone that is rolled back at the end."""
    with server_errors(connection, "try advice on the clone"), connection.transaction(force_rollback=True):
        yield Bench(connection, call_max_ms, build_max_ms)


def plan_shape(plan: Node) -> tuple[object, ...]:
    """What tells two plans apart: the tree of nodes with the relations and indexes that they read."""
    below = tuple(plan_shape(child) for child in plan.get("Plans", ()))
    named = ("Node Type", "Relation Name", "Alias", "Index Name", "Join Type", "Strategy", "Parent Relationship")
    return (*(plan.get(name) for name in named), below)


def indexes_read(plan: Node) -> frozenset[str]:
    """Names of the indexes that a plan reads."""
    return frozenset(str(node["Index Name"]) for node in nodes(plan) if "Index Name" in node)


def _words(error: psycopg.Error) -> str:
    """The server's words, without what may quote values."""
    code = error.sqlstate or ""
    said = error.diag.message_primary if code.startswith(("42", "0A", "3F")) else None
    return f"{said or type(error).__name__} ({code})"
