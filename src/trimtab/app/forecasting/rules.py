"""Families from alerting rules: what a rule compares with a number is forecast, and the number is its limit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.app.forecasting.charts import canonical
from trimtab.app.forecasting.families import Drawn, Family, LimitWish, Op
from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.analyze.rules.rule_files import Group, Rule
    from trimtab.store.promql.syntax import Node

RULES_MAX = 100
_OPS: Mapping[str, Op] = {">": ">", ">=": ">", "<": "<", "<=": "<"}
_TURNED: Mapping[Op, Op] = {">": "<", "<": ">"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A rule of the form `QUERY op NUMBER`."""

    query: str
    op: Op
    limit: float


def compared(expr: str) -> Compared | None:
    """What a rule compares with which number; None for one that does anything else, or is dear to ask over weeks.

    >>> compared("100 * used / size > 90")
    Compared(query='100 * used / size', op='>', limit=90.0)
    >>> compared("0.9 > ratio"), compared("a > 1 and b > 2"), compared("up == 0")
    (Compared(query='ratio', op='<', limit=0.9), None, None)
    """
    from trimtab.store.promql.parse import parse
    from trimtab.store.promql.syntax import Binary, Subquery, unwrapped, walk

    node = unwrapped(parse(expr))
    if not isinstance(node, Binary) or node.operator not in _OPS or node.is_bool:
        return None
    if any(isinstance(part, Subquery) for part in walk(node)):
        return None
    op = _OPS[node.operator]
    left, right = _number(node.left), _number(node.right)
    if right is not None and left is None:
        return Compared(_text(expr, node.left), op, right)
    if left is not None and right is None:
        return Compared(_text(expr, node.right), _TURNED[op], left)
    return None


def _number(node: Node) -> float | None:
    from trimtab.store.promql.syntax import Number, Unary, unwrapped

    inner = unwrapped(node)
    if isinstance(inner, Unary) and inner.operator == "-":
        value = _number(inner.expression)
        return None if value is None else -value
    return inner.value if isinstance(inner, Number) else None


def _text(expr: str, node: Node) -> str:
    return expr[node.start : node.end]


def rule_families(groups: Sequence[Group], left_out: Collection[str]) -> list[Family]:
    """A family for each alerting rule of that form. `left_out` are rules that others stand for.

    What was recorded is asked by what it is made of, where that is known: it has more history.
    """
    recorded = {
        rule.name: rule.expr for group in groups for rule in group.rules if not rule.is_alert and not rule.labels
    }
    found: dict[str, Family] = {}
    for rule in (rule for group in groups for rule in group.rules):
        if not rule.is_alert or rule.name in left_out or f"rule:{rule.name}" in found:
            continue
        family = _family(rule, recorded)
        if family is not None:
            found[family.name] = family
        if len(found) >= RULES_MAX:
            break
    return list(found.values())


def _family(rule: Rule, recorded: Mapping[str, str]) -> Family | None:
    try:
        wish = compared(rule.expr)
    except TrimtabError:  # a rule that is refused elsewhere, with its place
        return None
    if wish is None:
        return None
    query = recorded.get(wish.query.strip(), wish.query)
    try:
        if compared(f"({query}) > 0") is None:
            query = wish.query
    except TrimtabError:
        query = wish.query
    return Family(
        f"rule:{rule.name}",
        rule.name,
        "",
        "rule",
        query,
        limits=(LimitWish(rule.name, f"as the rule {rule.name} says", wish.op, wish.limit, alert=rule.name),),
        drawn=(Drawn(canonical(f"promql/{wish.query}")), Drawn(canonical(f"promql/{rule.expr}"))),
        page="/alerts",
        least=None,
        about=wish.query,
    )
