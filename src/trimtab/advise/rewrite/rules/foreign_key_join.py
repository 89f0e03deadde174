"""An inner join that only asks whether the row of a foreign key is there → without it: the key says that it is."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block, Source
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, comparison, parsed


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every source that is only tied by a foreign key to another."""
    if block.has_star or block.merged:
        return
    for parent in block.sources:
        if parent.table is None or not parent.is_inner or parent.optional or not _may_go(block, parent):
            continue
        known = query.knowledge.facts.get(parent.table.oid)
        if known is None or known.row_security or parent.own_names:
            continue
        found = _tied(query, block, parent)
        if found is None:
            continue
        child, ties, name = found
        nullable = [column for column in ties if column not in query.facts(child).not_null]
        yield Change(
            lambda p=parent, c=child, n=nullable: _apply(query, block, p, c, n),  # type: ignore[misc]
            (f"the foreign key {name} of {child.table.relation if child.table else child.alias} is valid",),
            ("if the foreign key's triggers are ever disabled, the two forms differ",),
        )


def _tied(query: Query, block: Block, parent: Source) -> tuple[Source, tuple[str, ...], str] | None:
    """The child, its columns, the foreign key: where nothing else is said about the parent."""
    pairs: dict[str, tuple[Source, str]] = {}
    tying: list[ast.Node] = []
    for condition in block.conditions():
        if parent not in query.sources_of(condition, block):
            continue
        found = comparison(condition)
        if found is None or found[1] != "=":
            return None
        sides = [query.meaning.get(id(side)) for side in (found[0], found[2])]
        mine = next((m for m in sides if m is not None and m.source is parent), None)
        other = next((m for m in sides if m is not None and m.source is not parent), None)
        if mine is None or other is None or other.block is not block or mine.column in pairs:
            return None
        pairs[mine.column] = (other.source, other.column)
        tying.append(condition)
    children = {id(source): source for source, _ in pairs.values()}
    if len(children) != 1:
        return None
    (child,) = children.values()
    counted = {id(node) for condition in tying for node, m in query.references(condition) if m.source is parent}
    everywhere = [node for node, m in query.references(query.tree) if m.source is parent and id(node) not in counted]
    if everywhere or child.optional or not child.is_inner or child.own_names or child.table is None:
        return None
    for key in query.facts(child).foreign_keys:
        wanted = dict(zip(key.target_columns, key.columns, strict=True))
        said = {mine: theirs for mine, (_, theirs) in pairs.items()}
        if parent.table is not None and key.target == parent.table.oid and said == wanted:
            return child, key.columns, key.name
    return None


def _may_go(block: Block, parent: Source) -> bool:
    """Whether it stands in FROM by itself, or as a side of inner joins."""
    return any(_holds(item, parent.node) for item in block.select.fromClause or ()) and len(block.sources) > 1


def _holds(item: object, node: ast.Node) -> bool:
    if item is node:
        return True
    if isinstance(item, ast.JoinExpr):
        return _holds(item.larg, node) or _holds(item.rarg, node)
    return False


def _apply(query: Query, block: Block, parent: Source, child: Source, nullable: list[str]) -> None:
    kept = [part for part in block.where() if parent not in query.sources_of(part, block)]
    lifted: list[ast.Node] = []
    items = [_without(query, block, item, parent, lifted) for item in block.select.fromClause or ()]
    block.select.fromClause = tuple(item for item in items if item is not None)
    block.set_where([*kept, *lifted, *(parsed(f'{child.alias}."{name}" IS NOT NULL') for name in nullable)])


def _without(query: Query, block: Block, item: ast.Node, parent: Source, lifted: list[ast.Node]) -> ast.Node | None:
    """An item of FROM without the parent; conditions of joins that fall away are kept, but for those of the parent."""
    from trimtab.advise.rewrite.nodes import all_of, conjuncts

    if item is parent.node:
        return None
    if not isinstance(item, ast.JoinExpr) or not _holds(item, parent.node):
        return item
    left = _without(query, block, item.larg, parent, lifted) if item.larg is not None else None
    right = _without(query, block, item.rarg, parent, lifted) if item.rarg is not None else None
    rest = [part for part in conjuncts(item.quals) if parent not in query.sources_of(part, block)]
    if left is None or right is None:
        lifted += rest
        return left if right is None else right
    item.larg, item.rarg = left, right
    if rest:
        item.quals = all_of(rest)
    else:
        item.quals = parsed("true")
    return item


RULE = Rule(
    "join_by_foreign_key",
    "an inner join whose table is used for nothing but the equality of a foreign key is left out",
    "PostgreSQL removes unused outer joins, never inner ones",
    "the foreign key is validated and not deferrable, no row security on its target; NULLs are excluded if they can be",
    find,
    (
        Pair(
            "SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.total > 5",
            "SELECT o.id FROM orders AS o WHERE o.total > 5",
        ),
        Pair(
            "SELECT o.id FROM orders o, customers c WHERE c.id = o.partner_id",
            "SELECT o.id FROM orders AS o WHERE o.partner_id IS NOT NULL",
            "a NULL has no partner",
        ),
        Pair("SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.city = 'x'", None),
        Pair("SELECT o.id FROM orders o JOIN customers c ON c.boss = o.customer_id", None, "not the key"),
        Pair("SELECT c.id FROM orders o JOIN customers c ON c.id = o.customer_id", None, "it is among the outputs"),
        Pair("SELECT i.line FROM items i JOIN orders o ON o.id = i.order_id", None, "no foreign key says so"),
    ),
)
