"""A column inside an expression that can be undone → the column alone, compared with a constant.

`n + 5 > 7`, `n = 5.0`, `n::text = '42'` for whole numbers; `now() - t < interval '7 days'` for timestamptz, in
seconds, so that no change of the clocks gets between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import (
    TURNED,
    Change,
    Pair,
    Rule,
    comparison,
    integer_of,
    parsed,
    replace_in,
    text_of,
)
from trimtab.advise.rewrite.values import INTEGERS, TEXTS, type_of
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import strings

_LIMITS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
MOVED_SHARE_MAX = 0.01
"""Of the type's range: by a larger constant ordinary values would overflow, which is an error in the original alone."""

OVERFLOW = "where {} leaves its type's range for a row, the original fails, and this form does not"
_INTERVAL = re.compile(r"\s*(\d{1,6})\s*(second|minute|hour|day|week)s?\s*", re.IGNORECASE)
_HOURS = {"second": 1 / 3600, "minute": 1 / 60, "hour": 1, "day": 24, "week": 168}


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such comparison in WHERE and ON; both forms are NULL for NULL."""
    for part in (*block.where(), *block.inner_conditions, *(join.quals for join, _, _ in block.outer_joins)):
        for node in own_nodes(part):
            found = comparison(node)
            if found is None:
                continue
            left, operator, right = found
            for one, sign, other in ((left, operator, right), (right, TURNED[operator], left)):
                moved = _arithmetic(query, one, sign, other)
                new = moved or _literal(query, one, sign, other)
                new = new or _as_text(query, one, sign, other) or _age(query, one, sign, other)
                if new is not None:
                    said = (OVERFLOW.format(spelled(one)),) if moved is not None else ()
                    yield Change(lambda n=node, t=new: replace_in(block.select, n, parsed(t)), (), said)  # type: ignore[misc]
                    break


def _arithmetic(query: Query, one: ast.Node, sign: str, other: ast.Node) -> str | None:
    """column ± number against a number."""
    if not isinstance(one, ast.A_Expr) or (wanted := integer_of(other)) is None:
        return None
    names = strings(one.name)
    by = integer_of(one.rexpr)
    if names not in {("+",), ("-",)} or not isinstance(one.lexpr, ast.ColumnRef) or by is None:
        return None
    of = type_of(query, one.lexpr)
    value = wanted - by if names == ("+",) else wanted + by
    if of not in INTEGERS or abs(value) > _LIMITS["integer"]:
        return None
    if abs(by) > _LIMITS["bigint" if of == "bigint" else "integer"] * MOVED_SHARE_MAX:
        return None
    return f"{spelled(one.lexpr)} {sign} {value}"


def _literal(query: Query, one: ast.Node, sign: str, other: ast.Node) -> str | None:
    """A whole column against a whole number that is written as a numeric."""
    if not isinstance(one, ast.ColumnRef) or type_of(query, one) not in INTEGERS:
        return None
    text = None
    if isinstance(other, ast.A_Const) and isinstance(other.val, ast.Float):
        text = str(other.val.fval)
    elif isinstance(other, ast.TypeCast) and type_of(query, other) == "numeric" and not other.typeName.typmods:  # type: ignore[union-attr]
        number = integer_of(other.arg)
        text = f"{number}.0" if number is not None else text_of(other)
    if text is None or not re.fullmatch(r"-?\d{1,9}\.0*|-?\d{1,9}", text.strip()):
        return None
    return f"{spelled(one)} {sign} {int(float(text))}"


def _as_text(query: Query, one: ast.Node, sign: str, other: ast.Node) -> str | None:
    """A whole column written as text, equal to a whole number as PostgreSQL writes it."""
    text = text_of(other)
    if sign != "=" or not isinstance(one, ast.TypeCast) or not isinstance(one.arg, ast.ColumnRef) or text is None:
        return None
    if isinstance(other, ast.TypeCast) and type_of(query, other) not in TEXTS:
        return None
    if type_of(query, one) not in {"text", "character varying"} or one.typeName.typmods:  # type: ignore[union-attr]
        return None
    if type_of(query, one.arg) not in INTEGERS or not re.fullmatch(r"0|-?[1-9]\d{0,8}", text):
        return None
    return f"{spelled(one.arg)} = {text}"


def _age(query: Query, one: ast.Node, sign: str, other: ast.Node) -> str | None:
    """now() - column against an interval: the difference of two moments is counted in hours."""
    if not isinstance(one, ast.A_Expr) or strings(one.name) != ("-",) or not isinstance(one.rexpr, ast.ColumnRef):
        return None
    now = one.lexpr
    if not isinstance(now, ast.Node):
        return None
    is_now = isinstance(now, ast.FuncCall) and strings(now.funcname)[-1:] == ("now",) and not now.args
    if not (is_now or isinstance(now, ast.SQLValueFunction)) or sign not in {"<", "<=", ">", ">="}:
        return None
    if isinstance(now, ast.SQLValueFunction) and "CURRENT_TIMESTAMP" not in str(now.op):
        return None
    found = _INTERVAL.fullmatch(text_of(other) or "")
    if type_of(query, one.rexpr) != "timestamp with time zone" or type_of(query, other) != "interval" or found is None:
        return None
    if not isinstance(other, ast.TypeCast) or other.typeName is None or other.typeName.typmods:
        return None
    seconds = round(int(found[1]) * _HOURS[found[2].lower()] * 3600)
    return f"{spelled(one.rexpr)} {TURNED[sign]} {spelled(now)} - interval '{seconds} seconds'"


RULE = Rule(
    "bare_column",
    "a column inside an expression or a cast that can be undone stands alone against the constant",
    "no plain index and no statistics serve an expression of the column",
    "whole numbers, moved by at most a hundredth of their type's range (a row for which the original leaves that "
    "range makes it fail, and the new form not); moments with time zone, counted in seconds",
    find,
    (
        Pair("SELECT line FROM items WHERE quantity + 5 > 7", "SELECT items.line FROM items WHERE items.quantity > 2"),
        Pair("SELECT line FROM items WHERE part_id = 5.0", "SELECT items.line FROM items WHERE items.part_id = 5"),
        Pair("SELECT id FROM orders WHERE id::text = '42'", "SELECT orders.id FROM orders WHERE orders.id = 42"),
        Pair(
            "SELECT line FROM items WHERE now() - seen < interval '2 days'",
            "SELECT items.line FROM items WHERE items.seen > now() - interval '172800 seconds'",
        ),
        Pair("SELECT line FROM items WHERE part_id = 5.5", None),
        Pair("SELECT line FROM items WHERE part_id + 2147483647 = 5", None, "it overflows for every number above 0"),
        Pair("SELECT id FROM orders WHERE id::text = '042'", None, "no number is written so"),
        Pair("SELECT line FROM items WHERE weight + 5 > 7", None, "floats round"),
        Pair("SELECT line FROM items WHERE now() - seen < interval '1 month'", None, "how many days?"),
    ),
)
