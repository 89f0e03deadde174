"""`trimtab explain`: the plan of one statement, taken now, with what the catalogue adds to it.

Nothing is run unless it is asked for, and then only a SELECT that can do nothing but read, in a transaction that may
not write and is rolled back (docs/adr/0006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from pglast import ast

from trimtab.analyze.queries.plans.catalogue import Catalogue
from trimtab.analyze.queries.plans.document import PlanDocument
from trimtab.app.plan_catalogue import catalogue_of
from trimtab.model.errors import InputError, StatementRefused
from trimtab.observe.postgres.explain import STATEMENT_CHARS_MAX, explain, may_plan_writes
from trimtab.observe.postgres.plan_capture import run_for_plan
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.explainable import explainable
from trimtab.sql.literals import literal, parameters_of, replaced
from trimtab.sql.trees import single_statement

if TYPE_CHECKING:
    from trimtab.sql.connect import Connection

ESTIMATED, GENERIC, RUN = "estimated: it was not run", "generic: planned for unknown parameters", "run once"
VALUE_CHARS_SHOWN = 60
_OF_VALUES = "22"
"""What the server's errors of a value begin with."""
ROWS_ONLY = "estimated: only the search for its rows is planned, since the role may not write"


@dataclass(frozen=True, slots=True)
class Explained:
    """A plan and what is known beside it. `how` says what was planned; `why_not_run`, why it was not, though asked."""

    document: PlanDocument
    catalogue: Catalogue
    how: str
    why_not_run: str | None = None


def explain_now(
    connection: Connection, text: str, values: Sequence[str] = (), *, analyze: bool = False, timeout_ms: int = 30_000
) -> Explained:
    """The plan of one SELECT, INSERT, UPDATE or DELETE. `values` stand for `$1`, `$2`, …; without them, a statement
    with parameters gets its generic plan.

    Raises `InputError` (no such statement, or not as many values as it has parameters), `PermissionMissing`, or
    `ServerUnreachable`.
    """
    statement = _complete(text.strip().rstrip(";").rstrip(), values)
    tree = single_statement(statement)
    planned, how = statement, GENERIC if parameters_of(tree) else ESTIMATED
    if not isinstance(tree, ast.SelectStmt) and not may_plan_writes(connection):
        planned, how = explainable(statement), ROWS_ONLY
    try:
        plan: dict[str, Any] = explain(connection, planned)
    except StatementRefused as error:
        if values and str(error.facts.get("sqlstate", "")).startswith(_OF_VALUES):
            _check_values(connection, text.strip().rstrip(";").rstrip(), values)
        raise
    why = None
    if analyze:
        ran, why = run_for_plan(connection, statement, plan, timeout_ms)
        plan, how = (ran, RUN) if ran is not None else (plan, how)
    return Explained(PlanDocument(plan, statement), catalogue_of(connection, plan), how, why or None)


def _check_values(connection: Connection, text: str, values: Sequence[str]) -> None:
    """Raises `InputError` for the first value that is not of the type that the server wants in its place."""
    name = "trimtab_values"
    of_name = f"SELECT {OWN_MARK} parameter_types::text[] FROM pg_catalog.pg_prepared_statements WHERE name = '{name}'"
    try:
        connection.execute(f"PREPARE {name} AS {text}".encode())
        try:
            row = connection.execute(of_name.encode()).fetchone()
        finally:
            connection.execute(f"DEALLOCATE {name}".encode())
    except psycopg.Error:
        return  # what was refused first says it
    for number, (value, wanted) in enumerate(zip(values, row[0] if row else (), strict=False), start=1):
        try:
            connection.execute(f"SELECT {OWN_MARK} {literal(value)}::{wanted}".encode())
        except psycopg.DataError:
            shown = value if len(value) <= VALUE_CHARS_SHOWN else f"{value[:VALUE_CHARS_SHOWN]}…"
            raise InputError(
                f"--param number {number}, for ${number}, is {shown!r}: a value of type {wanted} was wanted",
                parameter=number,
                wanted=wanted,
            ) from None


def _complete(text: str, values: Sequence[str]) -> str:
    """The statement with its parameters filled in. What it is not is said here, before a server is asked."""
    if len(text) > STATEMENT_CHARS_MAX:
        raise StatementRefused(
            f"the statement has {len(text):,} characters, the limit is {STATEMENT_CHARS_MAX:,}", characters=len(text)
        )
    if not text:
        raise InputError("the statement is empty")
    tree = _parsed(text)
    if isinstance(tree, ast.ExplainStmt):
        raise InputError("leave EXPLAIN out: the statement alone is wanted, and --analyze where it may be run")
    if not isinstance(tree, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
        kind = type(tree).__name__.removesuffix("Stmt")
        raise StatementRefused(f"only a SELECT, INSERT, UPDATE or DELETE has a plan, and this is {kind}")
    numbers = parameters_of(tree)
    if not values:
        return text
    if len(values) != (max(numbers) if numbers else 0):
        raise InputError(
            f"--param was given {len(values)} times, and the statement has {max(numbers) if numbers else 0} parameters",
            given=len(values),
        )
    return replaced(text, {number: literal(values[number - 1]) for number in numbers})


def _parsed(text: str) -> ast.Node:
    try:
        return single_statement(text)
    except StatementRefused as error:
        place = error.facts.get("character")
        if not isinstance(place, int):
            raise
        before = text[:place]
        line, column = before.count("\n") + 1, place - (before.rfind("\n") + 1) + 1
        raise StatementRefused(f"{error.message}, at line {line}, column {column}", character=place) from None
