"""A function of a date that is compared with a constant → a half-open range of the column itself.

`extract(year FROM d) = 1995`, `date_trunc('month', d) = '1995-03-01'`, `d::date = '1995-03-07'`. Only for date and
timestamp without time zone: for timestamptz the answer depends on the session's time zone, in which midnight may not
exist, or come twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from pglast import ast, enums

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
from trimtab.advise.rewrite.values import type_of
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import strings

_K = enums.A_Expr_Kind
_TYPES = frozenset({"date", "timestamp without time zone"})
Days = tuple[datetime.date, datetime.date]


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such comparison in WHERE and ON; both forms are NULL for NULL, so it may stand anywhere."""
    for part in (*block.where(), *block.inner_conditions, *(join.quals for join, _, _ in block.outer_joins)):
        for node in own_nodes(part):
            new = _range(query, node)
            if new is not None:
                yield Change(lambda n=node, t=new: replace_in(block.select, n, parsed(t)))  # type: ignore[misc]


def _range(query: Query, node: ast.Node) -> str | None:
    if isinstance(node, ast.A_Expr) and node.kind == _K.AEXPR_BETWEEN and isinstance(node.rexpr, tuple):
        low, high = (_days(query, node.lexpr, value) for value in node.rexpr)
        if low is None or high is None or low[0] != high[0]:
            return None
        return _written(low[0], ">=", (low[1][0], high[1][1]), is_between=True)
    found = comparison(node)
    if found is None:
        return None
    left, operator, right = found
    days = _days(query, left, right)
    if days is None:
        left, operator, right = right, TURNED[operator], left
        days = _days(query, left, right)
    return None if days is None else _written(days[0], operator, days[1])


def _written(column: str, operator: str, days: Days, *, is_between: bool = False) -> str | None:
    low, high = (f"{column} {sign} '{day.isoformat()}'" for sign, day in zip((">=", "<"), days, strict=True))
    if operator == "=" or is_between:
        return f"({low} AND {high})"
    return {">=": low, "<": f"{column} < '{days[0]}'", ">": f"{column} >= '{days[1]}'", "<=": high}.get(operator)


def _days(query: Query, node: object, value: object) -> tuple[str, Days] | None:
    """(the column, the days for which a function of it has this value)."""
    try:
        match node:
            case ast.FuncCall() if len(node.args or ()) == 2:
                return _of_call(query, node, value)
            case ast.TypeCast(arg=ast.ColumnRef() as column) if type_of(query, node) == "date":
                if type_of(query, column) != "timestamp without time zone":
                    return None
                text = text_of(value)
                if text is None or not _is_day(query, value):
                    return None
                day = datetime.date.fromisoformat(text)
                return spelled(column), (day, day + datetime.timedelta(days=1))
    except (ValueError, OverflowError):
        return None  # a constant that is no day of the calendar: the function is left alone
    return None


def _of_call(query: Query, node: ast.FuncCall, value: object) -> tuple[str, Days] | None:
    name = (strings(node.funcname) or ("",))[-1]
    unit, column = text_of((node.args or ())[0]), (node.args or ())[1]
    if not isinstance(column, ast.ColumnRef) or type_of(query, column) not in _TYPES or unit is None:
        return None
    if name in {"extract", "date_part"} and unit.lower() == "year":
        year = integer_of(value)
        if year is None or not 1 <= year <= 9998:
            return None
        return spelled(column), (datetime.date(year, 1, 1), datetime.date(year + 1, 1, 1))
    text = text_of(value)
    if type_of(query, column) == "date":
        return None  # date_trunc of a date goes by the session's time zone
    if name != "date_trunc" or text is None or not _is_day(query, value):
        return None
    day = datetime.date.fromisoformat(text)
    return None if (after := _after(unit.lower(), day)) is None else (spelled(column), (day, after))


def _is_day(query: Query, value: object) -> bool:
    """A text without a type, or said to be a date or a timestamp, of ten characters: a day."""
    of = type_of(query, value)
    return (of is None or of in _TYPES) and len(text_of(value) or "") == 10


def _after(unit: str, day: datetime.date) -> datetime.date | None:
    """The first day after the unit that begins on this day; None where none begins then."""
    if unit == "day":
        return day + datetime.timedelta(days=1)
    if unit == "week" and day.weekday() == 0:
        return day + datetime.timedelta(days=7)
    if unit == "month" and day.day == 1:
        return datetime.date(day.year + day.month // 12, day.month % 12 + 1, 1)
    if unit == "year" and (day.month, day.day) == (1, 1):
        return datetime.date(day.year + 1, 1, 1)
    return None


RULE = Rule(
    "date_to_range",
    "extract(year), date_trunc and ::date compared with a constant become a half-open range of the column",
    "no plain index, no partition bound and no statistics serve a function of the column",
    "the column is a date or a timestamp without time zone; the constant is the first day of the unit",
    find,
    (
        Pair(
            "SELECT id FROM orders WHERE extract(year FROM paid_on) = 1995",
            "SELECT orders.id FROM orders WHERE orders.paid_on >= '1995-01-01' AND orders.paid_on < '1996-01-01'",
        ),
        Pair(
            "SELECT id FROM orders WHERE date_trunc('month', placed) = '2024-12-01'",
            "SELECT orders.id FROM orders WHERE orders.placed >= '2024-12-01' AND orders.placed < '2025-01-01'",
        ),
        Pair(
            "SELECT id FROM orders WHERE placed::date <= date '2024-12-31'",
            "SELECT orders.id FROM orders WHERE orders.placed < '2025-01-01'",
        ),
        Pair("SELECT line FROM items WHERE seen::date = '2024-12-31'", None, "timestamptz: which midnight?"),
        Pair("SELECT id FROM orders WHERE date_trunc('month', placed) = '2024-12-03'", None, "no month begins then"),
        Pair("SELECT id FROM orders WHERE placed::date = '2024-02-30'", None, "no day: it must go on to fail"),
    ),
)
