"""UNION of arms that hold no duplicates and differ in a constant → UNION ALL."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Body
from trimtab.advise.rewrite.keys import keys_of_body
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, integer_of, text_of


def find(query: Query, block: Block) -> Iterator[Change]:
    """UNIONs whose first block is this one."""
    for body in query.bodies.values():
        select = body.select
        if not body.is_set or not body.blocks or body.blocks[0] is not block or select.valuesLists:
            continue
        if select.op != enums.SetOperation.SETOP_UNION or select.all:
            continue
        arms = [query.bodies[id(arm)] for arm in (select.larg, select.rarg)]
        if any(arm.is_set for arm in arms):
            continue
        place = _differs(arms)
        keys = [keys_of_body(query, arm) for arm in arms]
        if place is not None and all(keys):
            proof = (f"the arms differ in output {place + 1}", *dict.fromkeys(found[0][1] for found in keys))
            yield Change(lambda s=select: setattr(s, "all", True), proof)  # type: ignore[misc]


def _differs(arms: list[Body]) -> int | None:
    """An output that is another constant in each arm."""
    targets = [arm.blocks[0].targets or [] for arm in arms]
    for place, pair in enumerate(zip(*targets, strict=False)):
        values = [_value(node) for _, node in pair]
        if None not in values and len({type(value) for value in values}) == 1 and len(set(values)) == len(values):
            return place
    return None


def _value(node: ast.Node) -> int | str | None:
    if isinstance(node, ast.TypeCast):
        return None
    number = integer_of(node)
    text = text_of(node)
    return number if number is not None else None if text is None else text.rstrip()


RULE = Rule(
    "union_all",
    "UNION of arms that cannot share a row, and hold no duplicates themselves, becomes UNION ALL",
    "PostgreSQL sorts or hashes all rows of both arms to find duplicates that cannot be there",
    "a constant that differs, and a key in each arm",
    find,
    (
        Pair(
            "SELECT 'order', id FROM orders UNION SELECT 'part', id FROM parts",
            "SELECT 'order', orders.id FROM orders UNION ALL SELECT 'part', parts.id FROM parts",
        ),
        Pair("SELECT 'order', id FROM orders UNION SELECT 'part', size FROM parts", None, "sizes repeat"),
        Pair("SELECT id FROM orders UNION SELECT id FROM parts", None, "ids may be in both"),
    ),
)
