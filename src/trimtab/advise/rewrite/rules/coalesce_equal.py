"""COALESCE(column, a) = b, for different constants a and b, as a part of WHERE → column = b."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import (
    TURNED,
    Change,
    Pair,
    Rule,
    comparison,
    integer_of,
    parsed,
    replace_condition,
    text_of,
)
from trimtab.advise.rewrite.values import INTEGERS, TEXTS, never_null, type_of
from trimtab.sql.scopes import spelled


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such part of WHERE, where NULL and false are the same; and COALESCE of what is never NULL."""
    for part in block.where():
        found = comparison(part)
        if found is None:
            continue
        for one, sign, other in (found, (found[2], TURNED[found[1]], found[0])):
            if not isinstance(one, ast.CoalesceExpr) or len(one.args or ()) != 2:
                continue
            column, instead = one.args or ()
            if not isinstance(column, ast.ColumnRef) or not _plain(other):
                continue
            proof: list[str] = []
            is_sure = never_null(query, column, block, proof)
            if is_sure or (sign == "=" and _differ(query, column, instead, other)):
                new = f"{spelled(column)} {sign} {spelled(other)}"
                yield Change(
                    lambda p=part, t=new: replace_condition(block, p, [parsed(t)]),  # type: ignore[misc]
                    tuple(proof),
                )


def _plain(node: ast.Node) -> bool:
    return isinstance(node, ast.A_Const) and not node.isnull


def _differ(query: Query, column: ast.ColumnRef, one: ast.Node, other: ast.Node) -> bool:
    """Whether two constants are certainly not equal for the column's type."""
    of = type_of(query, column)
    if of in INTEGERS:
        numbers = integer_of(one), integer_of(other)
        return None not in numbers and numbers[0] != numbers[1]
    texts = text_of(one), text_of(other)
    if of not in TEXTS or texts[0] is None or texts[1] is None:
        return False
    source = query.meaning[id(column)].source
    known = source.table.columns.get(query.meaning[id(column)].column) if source.table is not None else None
    return texts[0].rstrip() != texts[1].rstrip() and known is not None and known.deterministic


RULE = Rule(
    "coalesce_equal",
    "COALESCE(column, a) = b with different constants becomes column = b",
    "no plain index and no statistics serve the COALESCE",
    "a part of WHERE by itself, where NULL and false are the same; or the column is NOT NULL",
    find,
    (
        Pair("SELECT id FROM parts WHERE coalesce(size, 0) = 5", "SELECT parts.id FROM parts WHERE parts.size = 5"),
        Pair("SELECT id FROM orders WHERE coalesce(id, 0) > 5", "SELECT orders.id FROM orders WHERE orders.id > 5"),
        Pair("SELECT id FROM parts WHERE coalesce(size, 5) = 5", None, "NULLs count as 5"),
        Pair("SELECT id FROM parts WHERE coalesce(size, 9) > 5", None, "NULLs count as 9"),
        Pair("SELECT id FROM parts WHERE NOT coalesce(size, 0) = 5", None, "under NOT a NULL would be lost"),
    ),
)
