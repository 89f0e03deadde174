"""A workload's statements parsed, those that take most of its time first: where time is short, the light ones are left.

A statement's share of the time is its calls times its mean time, where the server measured one (pg_stat_statements);
where it did not, the mean of those that were measured stands for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pglast import ast

from trimtab.advise.index.session import Connection
from trimtab.advise.workload.mean_times import mean_times_ms
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog_reader import Named, RelationName, named_in
from trimtab.sql.explainable import explainable
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.trees import single_statement

STATEMENTS_MIN = 10
"""So many are read and planned whatever time it takes."""

RELATIONS_MAX = 6_000
RELATIONS_A_SECOND = 2_000
"""More are not looked up in the catalogue: a thousand take a tenth of a second and some megabytes."""

NO_TIME = "there was no time left for it: statements that take more of the workload's time came first"
NOT_PRICED = (
    "planned as it is; there was no time left to price indexes for it: statements that take more time came first"
)
NO_TIME_FOR_TABLES = "there was no time to look up its tables: those of statements that take more time came first"


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement that the parser took; `text` is None for an INSERT of VALUES: no index finds anything for it.

    `shape_id` is the fingerprint that it shares with statements that differ in literals alone, `mean_ms` the mean time
    of a call that the server measured, None where it did not.
    """

    statement: WorkloadStatement
    tree: ast.Node
    named: Named
    text: str | None
    shape_id: str
    mean_ms: float | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """Statements, those that take most time first, with the fingerprint of each and what is known of its mean time."""

    order: tuple[WorkloadStatement, ...]
    shape_ids: Mapping[str, str]
    means_ms: Mapping[str, float]

    def mean_ms(self, statement: WorkloadStatement) -> float | None:
        """The mean time that the server measured."""
        return self.means_ms.get(self.shape_ids[statement.name])


def weighed(connection: Connection, statements: Sequence[WorkloadStatement]) -> Weighed:
    """Put statements into order. Fingerprints take some 0.03 ms each: all have one."""
    shape_ids = {one.name: fingerprint(one.text) or one.text for one in statements}
    means_ms = mean_times_ms(connection, frozenset(shape_ids.values()))
    found = Weighed(tuple(statements), shape_ids, means_ms)
    usual_ms = mean_call_ms((one.calls, found.mean_ms(one)) for one in statements)

    def total_ms(one: WorkloadStatement) -> float:
        known = found.mean_ms(one)
        return one.calls * (usual_ms if known is None else known)

    return replace(found, order=tuple(sorted(statements, key=lambda one: -total_ms(one))))


def mean_call_ms(known: Iterable[tuple[float, float | None]]) -> float:
    """The mean time of a call, of pairs of calls and mean times; stands for one that nobody measured.

    >>> mean_call_ms([(3, 2.0), (1, None), (1, 6.0)]), mean_call_ms([(3, None)])
    (3.0, 1.0)
    """
    measured = [(calls, ms) for calls, ms in known if ms is not None]
    calls = sum(count for count, _ in measured)
    return sum(count * ms for count, ms in measured) / calls if calls else 1.0


def read_in_order(found: Weighed, relations_max: int, until: float) -> tuple[list[ReadStatement], list[Left]]:
    """Parse statements until a moment of the monotonic clock; what is left, with the reason."""
    read: list[ReadStatement] = []
    left: list[Left] = []
    relations: set[RelationName] = set()
    for place, one in enumerate(found.order):
        if place >= STATEMENTS_MIN and time.monotonic() > until:
            left += [Left(late.name, late.line, NO_TIME) for late in found.order[place:]]
            break
        try:
            tree = single_statement(one.text)
            named = named_in(tree)
            more = len(relations | named.relations)
            if more > relations_max and more > len(relations) and place >= STATEMENTS_MIN:
                left.append(Left(one.name, one.line, NO_TIME_FOR_TABLES))
                continue
            relations |= named.relations
            only_writes = isinstance(tree, ast.InsertStmt) and bool(getattr(tree.selectStmt, "valuesLists", None))
            text = None if only_writes else explainable(one.text, tree)
            read.append(ReadStatement(one, tree, named, text, found.shape_ids[one.name], found.mean_ms(one)))
        except StatementRefused as error:
            left.append(Left(one.name, one.line, error.message))
    return read, left
