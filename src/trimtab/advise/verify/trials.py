"""From the statements of a workload to what can be run: complete texts, made up where parameters are unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pglast import ast

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.verify.answers import Trial
from trimtab.advise.workload.shapes import workload_of
from trimtab.advise.workload.statements import WorkloadStatement
from trimtab.model.errors import StatementRefused
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import qualified, quoted
from trimtab.sql.literals import parameters_of
from trimtab.sql.trees import single_statement


def trials_of(
    connection: Connection, statements: Sequence[WorkloadStatement], originals: Mapping[str, str] | None = None
) -> tuple[list[Trial], list[tuple[str, str]]]:
    """What to run on the clone, and (name, reason) of what cannot be.

    `originals` has the old text of statements that are rewritten, by name. A statement with `$n` stands for itself with
    parameters made up from the clone's statistics (a writer: the SELECT that finds its rows); a rewrite of
    such a one is not tried.
    """
    old = originals or {}
    trials: list[Trial] = []
    left: list[tuple[str, str]] = []
    bound: list[WorkloadStatement] = []
    for one in statements:
        try:
            tree = single_statement(one.text)
        except StatementRefused as error:
            left.append((one.name, error.message))
            continue
        if parameters_of(tree):
            bound.append(one)
        else:
            trials.append(
                Trial(one.name, one.calls, (old.get(one.name, one.text),), (one.text,), _written(connection, tree))
            )
    if bound:
        workload = workload_of(connection, bound, (), AdviseSettings())
        left += [(one.name, one.reason) for one in workload.left]
        trials += [Trial(shape.name, shape.calls, shape.texts, shape.texts) for shape in workload.shapes]
    place = {one.name: number for number, one in enumerate(statements)}
    return sorted(trials, key=lambda trial: place[trial.name]), left


def _written(connection: Connection, tree: ast.Node) -> str | None:
    """The relation that a statement writes, as the session finds it; None where it writes none."""
    if not isinstance(tree, ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt) or tree.relation is None:
        return None
    name = str(tree.relation.relname)
    named = qualified(str(tree.relation.schemaname), name) if tree.relation.schemaname else quoted(name)
    query = f"""SELECT {OWN_MARK} n.nspname || '.' || c.relname FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)"""
    with server_errors(connection, "find what a statement writes"):
        row = connection.execute(query.encode(), [named]).fetchone()
    return str(row[0]) if row is not None else named
