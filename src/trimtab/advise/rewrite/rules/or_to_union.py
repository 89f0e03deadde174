"""OR over different tables (or a subquery and something else) → UNION ALL of its arms, each without the rows before.

`B AND (A) IS NOT TRUE` is exact in three-valued logic: a row that A lets through is not taken twice, one for which A is
NULL is not lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.nodes import column_of
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import (
    Change,
    Pair,
    Rule,
    from_item,
    from_text,
    parsed,
    replace_in,
    sublinks_in,
    where_text,
)
from trimtab.sql.scopes import spelled

ARMS_MAX = 4


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every OR that is a part of WHERE and whose arms speak of different things."""
    if block.targets is None or block.merged or block.select.withClause or any(s.names is None for s in block.sources):
        return
    for part in block.where():
        if not isinstance(part, ast.BoolExpr) or part.boolop != enums.BoolExprType.OR_EXPR:
            continue
        arms = list(part.args or ())
        kinds = {(tuple(id(s) for s in query.sources_of(arm, block)), bool(sublinks_in(arm))) for arm in arms}
        if len(kinds) < 2 or len(arms) > ARMS_MAX:
            continue
        if query.speaks_of_others(block.select, block):
            continue
        yield Change(lambda p=part, a=arms: _apply(query, block, p, a))  # type: ignore[misc]


def _apply(query: Query, block: Block, whole: ast.Node, arms: list[ast.Node]) -> None:
    block.expand_star()
    select = block.select
    outside = (select.targetList, select.groupClause, select.havingClause, select.sortClause, select.distinctClause)
    outside_all = (*outside, select.windowClause)
    alias = query.new_alias("either")
    names: dict[tuple[int, str], str] = {}
    columns: list[str] = []
    references = [(node, meaning) for node, meaning in query.references(outside_all) if meaning.block is block]
    for _, meaning in references:
        key = (id(meaning.source), meaning.column)
        if key not in names:
            taken = set(names.values())
            name = meaning.column if meaning.column not in taken else f"{meaning.source.alias}_{meaning.column}"
            names[key] = name if name not in taken else f"column_{len(names) + 1}"
            columns.append(f"{spelled(column_of(meaning.source.alias, meaning.column))} AS {_quoted(names[key])}")
    rest = [part for part in block.where() if part is not whole]
    texts: list[str] = []
    for place, arm in enumerate(arms):
        before = [parsed(f"({spelled(other)}) IS NOT TRUE") for other in arms[:place]]
        texts.append(f"SELECT {', '.join(columns) or '1'}{from_text(select)}{where_text([*rest, arm, *before])}")
    union = from_item(f"({' UNION ALL '.join(texts)}) AS {alias}")
    for node, meaning in references:
        replace_in(select, node, column_of(alias, names[id(meaning.source), meaning.column]))
    select.fromClause = (union,)
    select.whereClause = None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


RULE = Rule(
    "or_to_union",
    "an OR of conditions on different tables becomes a UNION ALL, each arm without the rows of those before it",
    "no index serves such an OR: PostgreSQL joins everything and filters afterwards",
    "nothing volatile; each arm excludes the arms before it with IS NOT TRUE",
    find,
    (
        Pair(
            "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 99 OR c.city = 'x'",
            "SELECT either.id FROM (SELECT o.id AS id FROM orders AS o INNER JOIN customers AS c ON "
            "c.id = o.customer_id WHERE o.total > 99 UNION ALL SELECT o.id AS id FROM orders AS o INNER JOIN "
            "customers AS c ON c.id = o.customer_id WHERE c.city = 'x' AND (o.total > 99) IS NOT TRUE) AS either",
        ),
        Pair(
            "SELECT count(*), c.city FROM orders o, customers c WHERE c.id = o.customer_id AND "
            "(o.total > 99 OR c.boss = 3) GROUP BY c.city",
            "SELECT count(*), either.city FROM (SELECT c.city AS city FROM orders AS o, customers AS c WHERE "
            "c.id = o.customer_id AND o.total > 99 UNION ALL SELECT c.city AS city FROM orders AS o, customers AS c "
            "WHERE c.id = o.customer_id AND c.boss = 3 AND (o.total > 99) IS NOT TRUE) AS either GROUP BY either.city",
        ),
        Pair("SELECT id FROM orders WHERE total > 99 OR status = 'x'", None, "one table: a bitmap serves it"),
    ),
)
