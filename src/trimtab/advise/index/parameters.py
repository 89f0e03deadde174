"""Complete statements for a slow query: what was seen, else what the statistics suggest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import psycopg
from psycopg import pq

from trimtab.advise.index.session import Connection, rows_if_possible, server_errors
from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.conditions import Analysis, Term
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.explainable import explainable
from trimtab.sql.identifiers import quoted
from trimtab.sql.literals import ParameterSets, Seen, parameters_of, synthesised
from trimtab.sql.predicates import analyse
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import single_statement


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements to price, and the analyses of all that were seen (at least one).

    `literals_are_constant`: enough was seen to call a literal that all share a constant. `constants_source` says so.
    """

    sets: ParameterSets
    analyses: tuple[Analysis, ...]
    literals_are_constant: bool
    constants_source: str


def base_text(seen: Seen, text: str) -> str:
    """The text that tells most about a shape: a complete statement, one with the application's constants, or `$n`."""
    return (*seen.complete, *seen.templates, text)[0]


def statements_of(
    connection: Connection, seen: Seen, text: str, catalog: Catalog, *, sets_max: int, constant_samples_min: int
) -> Statements:
    """Choose live statements, or make some up. Raises `StatementRefused` for what cannot be priced."""
    if seen.complete:
        analyses = tuple(analyse(single_statement(complete), catalog) for complete in seen.complete)
        chosen = tuple(explainable(complete) for complete in seen.complete[:sets_max])
        count = seen.complete_count
        source = f"{len(chosen)} complete statement{'s' if len(chosen) > 1 else ''} with real literals, of {count} seen"
        return Statements(
            ParameterSets(chosen, True, source),
            analyses,
            count >= constant_samples_min,
            f"all {count} statements seen share this literal",
        )
    base = base_text(seen, text)
    template = explainable(base)
    analysis = analyse(single_statement(base), catalog)
    types = parameter_types(connection, template)
    made = synthesised(
        template, analysis.parameters, types, lambda t, e, row: _evaluated(connection, catalog, t, e, row)
    )
    analyses = tuple(analyse(single_statement(t), catalog) for t in seen.templates) or (analysis,)
    return Statements(
        made,
        analyses,
        bool(seen.templates),
        "the application binds its parameters, and this literal is not one of them",
    )


def parameter_types(connection: Connection, text: str) -> dict[int, str]:
    """The types that the server infers for `$n`; empty where it cannot."""
    return ParameterTypes(connection).of(text)


class ParameterTypes:
    """The types that the server infers for `$n`, of many statements; each type's name is asked for once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names: dict[int, str] = {}

    def of(self, text: str) -> dict[int, str]:
        """By number; those are missing that the server cannot infer.

        Asked by an unnamed prepared statement, which leaves nothing behind.
        """
        tree = single_statement(text)
        numbers = parameters_of(tree)
        if not numbers:
            return {}
        connection = self._connection
        is_safe = connection.autocommit and connection.info.transaction_status == pq.TransactionStatus.IDLE
        oids: list[int] = []
        with server_errors(connection, "ask for the types of parameters"):
            with nullcontext() if is_safe else connection.transaction():
                result = connection.pgconn.prepare(b"", spelled(tree).encode())
                if result.status == pq.ExecStatus.COMMAND_OK:
                    described = connection.pgconn.describe_prepared(b"")
                    oids = [described.param_type(place) for place in range(described.nparams)]
                elif not is_safe:
                    raise psycopg.Rollback
            self._ask(oids)
        names = {number: self._names.get(oid, "unknown") for number, oid in enumerate(oids, 1)}
        return {number: names[number] for number in numbers if names.get(number, "unknown") != "unknown"}

    def _ask(self, oids: Sequence[int]) -> None:
        """Learn the names of types that are not known yet."""
        new = sorted(set(oids) - self._names.keys())
        if new:
            query = f"SELECT {OWN_MARK} oid::bigint, format_type(oid, NULL) FROM unnest(%s::oid[]) AS t(oid)"
            rows = self._connection.execute(query.encode(), [new], prepare=False).fetchall()
            self._names.update((int(oid), str(name)) for oid, name in rows)


def _evaluated(
    connection: Connection, catalog: Catalog, table: Table, term: Term, row: Mapping[str, str]
) -> str | None:
    """The value of an index expression for given column values; only of functions that are all immutable."""
    if any(catalog.volatility.get(name) != frozenset("i") for name in term.functions):
        return None
    columns = ", ".join(f"%s::text::{table.columns[name].type_name} AS {quoted(name)}" for name in row)
    query = f"SELECT {OWN_MARK} ({term.sql.replace('%', '%%')})::text FROM (SELECT {columns}) AS made"
    found = rows_if_possible(connection, query, "evaluate an expression", list(row.values()))
    return str(found[0][0]) if found and found[0][0] is not None else None


def refusal(error: StatementRefused) -> str:
    """Why a statement gets no advice, as a sentence."""
    return f"No advice: {error.message}."
