"""Terms as index keys: which may be one, how selective they are, in what operator class."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexKey
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.conditions import Condition, Match, SortKey, Term
from trimtab.sql.expressions import EXPRESSION_CHARACTERS_MAX, parsed_expression

KEY_WIDTH_BYTES_MAX = 400
"""Average width of a key's column; single values beyond 2,704 bytes make the build fail."""

EXPRESSION_SHARE = 0.005
"""What PostgreSQL assumes of `expression = value` without statistics."""

_NO_BTREE = frozenset(
    {"json", "xml", "point", "box", "lseg", "line", "path", "polygon", "circle", "tsvector", "hstore", "aclitem", "xid"}
)
_PATTERN_OPCLASSES = {"character": "bpchar_pattern_ops", "character varying": "varchar_pattern_ops"}


def unusable(term: Term, table: Table, catalog: Catalog) -> str | None:
    """None where the term may be an index key, else the reason; HypoPG and the server have the last word."""
    for name in term.columns:
        if name not in table.columns:
            return f"{name} is not a column of {table.relation}"
        if table.columns[name].virtual:
            return f"{name} is a virtual generated column, which PostgreSQL cannot index"
    for function in term.functions:
        if not catalog.may_be_immutable(function):
            return f"{function}() is not immutable"
    if term.is_expression and (why_not := _no_expression(term.sql)) is not None:
        return why_not
    if not term.is_expression:
        column = table.columns[term.sql]
        if column.type_name in _NO_BTREE:
            return f"{term.sql} is {column.type_name}, which a B-tree cannot order"
        if column.statistics is not None and column.statistics.average_width_bytes > KEY_WIDTH_BYTES_MAX:
            return f"{term.sql} is {column.statistics.average_width_bytes} bytes wide on average"
    return None


def _no_expression(text: str) -> str | None:
    """Why a text can be no key: GROUPING() of a ROLLUP, CURRENT_DATE, what is longer than any key."""
    if len(text) > EXPRESSION_CHARACTERS_MAX:  # not to be remembered
        return f"an expression of {len(text)} characters is longer than any key"
    return _refusal(text)


@lru_cache(maxsize=4096)
def _refusal(text: str) -> str | None:
    try:
        parsed_expression(text)
    except StatementRefused as refused:
        return refused.message
    return None


def share(condition: Condition, table: Table) -> float:
    """The share of rows, 0..1, that one value of a pinned term is expected to have; smaller is more selective."""
    if condition.term.is_expression:
        return EXPRESSION_SHARE
    statistics = table.columns[condition.term.sql].statistics
    if statistics is None:
        return 0.1
    if condition.match is Match.IS_NULL:
        return statistics.null_share
    return statistics.equality_share(table.rows_estimate)


def key(term: Term, table: Table, *, pattern: bool = False) -> IndexKey:
    """An ascending key. `pattern`: it must serve LIKE 'x%', which other collations than C need an opclass for."""
    opclass = None
    column = table.columns[term.columns[0]]
    if pattern and not column.c_collation:
        opclass = "text_pattern_ops" if term.is_expression else _PATTERN_OPCLASSES.get(column.type_name)
        opclass = opclass or "text_pattern_ops"
    return IndexKey(term.sql, term.is_expression, opclass=opclass)


def sort_keys(keys: Iterable[SortKey], pinned: frozenset[str]) -> tuple[IndexKey, ...]:
    """Keys in a wanted order, those left out that are pinned to one value anyway.

    Where all run the same way with NULLs at the default end, they are written ascending: PostgreSQL reads an index
    backwards as well.
    """
    rest = [k for k in keys if k.term.sql not in pinned]
    if len({k.descending for k in rest}) <= 1 and all(k.nulls_first == k.descending for k in rest):
        return tuple(IndexKey(k.term.sql, k.term.is_expression) for k in rest)
    return tuple(
        IndexKey(
            k.term.sql,
            k.term.is_expression,
            descending=k.descending,
            nulls_first=None if k.nulls_first == k.descending else k.nulls_first,
        )
        for k in rest
    )
