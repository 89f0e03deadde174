"""The one SELECT that a probe is, and whether its text may be run at all (what the server says comes on top).

Names are quoted, values are literals; `where` and statements of the kind SQL stand in it as they were written, and the
whole is looked at by PostgreSQL's own parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from pglast import ast

from trimtab.model.errors import StatementRefused
from trimtab.model.probes import CLOCK_SKEW_S, Probe, ProbeKind
from trimtab.sql.identifiers import quoted
from trimtab.sql.literals import parameters_of
from trimtab.sql.role_script import text_literal
from trimtab.sql.runnable import runnable
from trimtab.sql.trees import single_statement, without_surroundings


@lru_cache(maxsize=4_096)
def statement_of(probe: Probe) -> str:
    """The SELECT of one number.

    >>> from trimtab.model.probes import Dimension
    >>> probe = Probe("n", "shop", ProbeKind.NULLS, Dimension.COMPLETENESS, "public.orders", ("customer",), where="a")
    >>> print(statement_of(probe))
    SELECT count(*) FILTER (WHERE customer IS NULL)::float8 / nullif(count(*), 0) FROM public.orders WHERE (a
    )

    Raises `StatementRefused` where it is more, or something else, than a SELECT that reads.
    """
    text = _MAKERS[probe.kind](probe)
    if parameters_of(single_statement(text)):
        raise StatementRefused("it has parameters ($1), and there is nothing to put there")
    tree = runnable(text)
    _check_one_column(tree)
    single_statement(f"SELECT * FROM {as_source(text)}")
    return text


def as_source(text: str) -> str:
    """The statement as it stands in the one that is sent: the rows `probe`.

    >>> as_source("SELECT 1 -- one")
    '(SELECT 1 -- one\\n) AS probe'
    """
    return f"({text}\n) AS probe"


def check_where(where: str) -> None:
    """StatementRefused where this is not one condition: it must not end the bracket that it stands in."""
    tree = single_statement(f"SELECT WHERE ({where}\n)")
    is_plain = isinstance(tree, ast.SelectStmt) and not any(
        (tree.sortClause, tree.groupClause, tree.havingClause, tree.limitCount, tree.limitOffset, tree.larg)
    )
    if not is_plain:
        raise StatementRefused("where is one condition")
    inner = single_statement(f"SELECT ({where}\n)")
    if not isinstance(inner, ast.SelectStmt) or len(inner.targetList or ()) != 1:
        raise StatementRefused("where is one condition")
    runnable(f"SELECT WHERE ({where}\n)")


def table_of(text: str) -> str:
    """A table's name as SQL: `orders` or `sales.orders`, each part as it is in the catalogue.

    >>> table_of("sales.Order lines")
    'sales."Order lines"'
    """
    parts = text.split(".")
    if len(parts) > 2:
        raise StatementRefused(f"a table is written as table or schema.table, found {text[:80]!r}")
    return ".".join(quoted(part) for part in parts)


def _where(probe: Probe, *more: str) -> str:
    conditions = [*([f"({probe.where}\n)"] if probe.where else []), *more]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _known(columns: tuple[str, ...]) -> list[str]:
    return [f"{quoted(column)} IS NOT NULL" for column in columns]


def _freshness(probe: Probe) -> str:
    """`now()` in the condition, not the clock: it does not change meanwhile, so that an index can be used."""
    column = quoted(probe.columns[0])
    age = f"extract(epoch FROM clock_timestamp() - max({column}))"
    past = [f"{column} <= now() + interval '{CLOCK_SKEW_S:g} s'"] if probe.ignores_future else []
    return f"SELECT {age} FROM {table_of(probe.table)}{_where(probe, *past)}"


def _volume(probe: Probe) -> str:
    return f"SELECT count(*) FROM {table_of(probe.table)}{_where(probe)}"


def _share(of: str, source: str) -> str:
    return f"SELECT count(*) FILTER (WHERE {of})::float8 / nullif(count(*), 0) FROM {source}"


def _nulls(probe: Probe) -> str:
    of = " OR ".join(f"{quoted(column)} IS NULL" for column in probe.columns)
    return _share(of, f"{table_of(probe.table)}{_where(probe)}")


def _unique(probe: Probe) -> str:
    keys = ", ".join(quoted(column) for column in probe.columns)
    rows = f"SELECT count(*) AS n FROM {table_of(probe.table)}{_where(probe, *_known(probe.columns))} GROUP BY {keys}"
    return f"SELECT (coalesce(sum(n) FILTER (WHERE n > 1), 0) / nullif(sum(n), 0))::float8 FROM ({rows}) AS keys"


def _references(probe: Probe) -> str:
    names = [f"c{number}" for number, _ in enumerate(probe.columns)]
    keys, there = ", ".join(map(quoted, probe.columns)), ", ".join(map(quoted, probe.to_columns))
    from_rows = f"SELECT {keys} FROM {table_of(probe.table)}{_where(probe, *_known(probe.columns))}"
    to_rows = f"SELECT DISTINCT {there}, true FROM {table_of(probe.to_table)}"
    on = " AND ".join(f"child.{name} = parent.{name}" for name in names)
    listed = ", ".join(names)
    return _share(
        "parent.is_there IS NULL",
        f"({from_rows}) AS child({listed}) LEFT JOIN ({to_rows}) AS parent({listed}, is_there) ON {on}",
    )


def _accepted(probe: Probe) -> str:
    column = quoted(probe.columns[0])
    values = ", ".join(text_literal(value).strip() for value in probe.values)
    return _share(
        f"{column}::text <> ALL (ARRAY[{values}]::text[])",
        f"{table_of(probe.table)}{_where(probe, *_known(probe.columns))}",
    )


_MAKERS: Mapping[ProbeKind, Callable[[Probe], str]] = {
    ProbeKind.FRESHNESS: _freshness,
    ProbeKind.VOLUME: _volume,
    ProbeKind.NULLS: _nulls,
    ProbeKind.UNIQUE: _unique,
    ProbeKind.REFERENCES: _references,
    ProbeKind.ACCEPTED: _accepted,
    ProbeKind.SQL: lambda probe: without_surroundings(probe.sql),
}


def _check_one_column(tree: ast.SelectStmt) -> None:
    """What comes of it is one column: its left-most SELECT says so."""
    while isinstance(tree.larg, ast.SelectStmt):
        tree = tree.larg
    targets = tree.targetList or ()
    if tree.valuesLists:
        raise StatementRefused("it is VALUES; a probe is a SELECT")
    if len(targets) != 1:
        raise StatementRefused(f"a probe selects one column with one number, found {len(targets)} columns")
    value = targets[0].val
    if isinstance(value, ast.ColumnRef) and isinstance((value.fields or (None,))[-1], ast.A_Star):
        raise StatementRefused("a probe selects one column with one number: name it instead of *")
