"""Several uncorrelated aggregates over the same tables → one pass over them, each with a FILTER of its own.

Both kinds are taken: subqueries in expressions, and derived tables of one row that are joined without condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Source
from trimtab.advise.rewrite.nodes import all_of, copied, is_aggregate, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import (
    Change,
    Pair,
    Rule,
    add_source,
    all_text,
    from_item,
    from_text,
    parsed,
    replace_in,
    sublinks_in,
)
from trimtab.advise.rewrite.values import has_floats, is_total
from trimtab.sql.expressions import essence
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import rebuilt, walk


@dataclass(slots=True)
class _Member:
    """One of the subqueries: where it stands, its block, what is its own among the conditions."""

    node: ast.Node
    inner: Block
    source: Source | None
    own: list[ast.Node]


def find(query: Query, block: Block) -> Iterator[Change]:
    """All groups of at least two subqueries over the same FROM."""
    if block.targets is None or block.select.withClause:
        return
    groups: dict[object, list[_Member]] = {}
    links = [link for part in _parts(block) for link in sublinks_in(part)]
    for node in links:
        if node.subLinkType == enums.SubLinkType.EXPR_SUBLINK:
            _add(query, groups, node, None)
    for source in block.sources:
        if (
            isinstance(source.node, ast.RangeSubselect)
            and source.is_inner
            and any(item is source.node for item in block.select.fromClause or ())
        ):
            _add(query, groups, source.node, source)
    for members in groups.values():
        if len(members) < 2 or (block.is_grouped and any(member.source is None for member in members)):
            continue
        # What joined subqueries say in common stays a condition, the rest becomes a filter.
        yield Change(lambda ms=members: _apply(query, block, ms))  # type: ignore[misc]


def _parts(block: Block) -> list[ast.Node]:
    select = block.select
    found = [target.val for target in select.targetList or ()]
    return [*found, *([select.whereClause] if select.whereClause is not None else [])]


def _add(query: Query, groups: dict[object, list[_Member]], node: ast.Node, source: Source | None) -> None:
    select = node.subselect if isinstance(node, ast.SubLink) else getattr(node, "subquery", None)
    body = query.bodies.get(id(select))
    if body is None or body.is_set:
        return
    inner = body.blocks[0]
    if inner.select.groupClause or inner.select.havingClause is not None or inner.is_limited or inner.has_windows:
        return
    if inner.select.distinctClause or inner.select.withClause or not inner.targets or not inner.select.fromClause:
        return
    if query.speaks_of_others(inner.select, inner) or (source is None and len(inner.targets) != 1):
        return
    if not inner.is_grouped or any(sublinks_in(part) for part in (*inner.where(), *(n for _, n in inner.targets))):
        return
    for _, target in inner.targets:
        if not is_total(query, target) or has_floats(query, target) or not _only_in_calls(target):
            return
    if not all(is_total(query, part) for part in inner.where()):
        return
    froms = [_without_aliases(item, inner) for item in inner.select.fromClause]
    groups.setdefault((tuple(map(repr, froms))), []).append(_Member(node, inner, source, inner.where()))


def _only_in_calls(target: ast.Node) -> bool:
    inside = {id(one) for call in own_nodes(target) if is_aggregate(call) for one in own_nodes(call)}
    calls = [one for one in own_nodes(target) if is_aggregate(one)]
    has_filter = any(isinstance(call, ast.FuncCall) and call.agg_within_group for call in calls)
    return (
        bool(calls)
        and not has_filter
        and all(id(one) in inside for one in own_nodes(target) if isinstance(one, ast.ColumnRef))
    )


def _without_aliases(node: ast.Node, inner: Block) -> object:
    """A tree in which aliases are numbered by their place, so that equal FROMs are equal."""
    places = {source.alias: f"source {number}" for number, source in enumerate(inner.sources)}

    def replace(one: ast.Node) -> ast.Node | None:
        if isinstance(one, ast.String) and str(one.sval) in places:
            return ast.String(sval=places[str(one.sval)])
        return None

    copy = rebuilt(node, replace)
    for one in walk(copy):
        if isinstance(one, ast.RangeVar | ast.RangeSubselect):
            one.alias = None
    return essence(copy)


def _apply(query: Query, block: Block, members: list[_Member]) -> None:
    block.expand_star()
    first = members[0].inner
    moved = [[_as_first(member.inner, first, part) for part in member.own] for member in members]
    common = [part for part in moved[0] if all(any(_same(part, other) for other in own) for own in moved)]
    rests = [[part for part in own if not any(_same(part, one) for one in common)] for own in moved]
    conditions = [spelled(part) for part in common]
    if all(rests):
        arms = list(dict.fromkeys(all_text(spelled(part) for part in rest) for rest in rests))
        conditions.append(" OR ".join(f"({arm})" for arm in arms))
    alias = query.new_alias("together")
    outputs: dict[str, str] = {}
    for member, rest in zip(members, rests, strict=True):
        for place, (name, target) in enumerate(member.inner.targets or ()):
            written = spelled(_filtered(_as_first(member.inner, first, target), rest))
            column = outputs.setdefault(written, f"value_{len(outputs) + 1}")
            new = parsed(f"{alias}.{column}")
            if member.source is None:
                replace_in(block.select, member.node, new)
            else:
                given = member.source.names[place] if member.source.names is not None else name
                for reference, meaning in query.references(block.select):
                    if meaning.source is member.source and meaning.column == given:
                        _name_output(block, reference, given)
                        replace_in(block.select, reference, copied(new))
    gone = {id(member.node) for member in members}
    block.select.fromClause = tuple(item for item in block.select.fromClause or () if id(item) not in gone)
    columns = ", ".join(f"{written} AS {column}" for written, column in outputs.items())
    where = f" WHERE {all_text(conditions)}" if conditions else ""
    add_source(block, from_item(f"(SELECT {columns}{from_text(first.select)}{where}) AS {alias}"))


def _name_output(block: Block, reference: ast.ColumnRef, name: str) -> None:
    """Keep the name of an output that is this very reference."""
    for target in block.select.targetList or ():
        if target.val is reference and not target.name:
            target.name = name


def _same(one: ast.Node, other: ast.Node) -> bool:
    return essence(one) == essence(other)


def _as_first(inner: Block, first: Block, node: ast.Node) -> ast.Node:
    """An expression of one member in the aliases of the first."""
    names = {mine.alias: theirs.alias for mine, theirs in zip(inner.sources, first.sources, strict=True)}

    def replace(one: ast.Node) -> ast.Node | None:
        if isinstance(one, ast.ColumnRef) and len(one.fields or ()) == 2:
            alias, name = one.fields or ()
            return ast.ColumnRef(fields=(ast.String(sval=names[str(alias.sval)]), ast.String(sval=name.sval)))
        return None

    return rebuilt(node, replace)


def _filtered(node: ast.Node, rest: list[ast.Node]) -> ast.Node:
    """Every aggregate in it with the conditions as its filter."""

    def replace(one: ast.Node) -> ast.Node | None:
        if not is_aggregate(one) or not rest:
            return None
        copy = copied(one)
        had = [copy.agg_filter] if isinstance(copy, ast.FuncCall) and copy.agg_filter is not None else []
        copy.agg_filter = all_of([copied(part) for part in (*had, *rest)])
        return copy

    return rebuilt(node, replace)


RULE = Rule(
    "shared_scan",
    "several aggregates over the same tables become one pass with FILTER",
    "PostgreSQL runs each of them by itself, and reads the tables as many times",
    "uncorrelated, of one row each, nothing in them can fail on rows of the others; no floats summed",
    find,
    (
        Pair(
            "SELECT (SELECT count(*) FROM items WHERE quantity < 5), (SELECT avg(price) FROM items WHERE quantity > 9)",
            "SELECT together.value_1 AS count, together.value_2 AS avg FROM (SELECT count(*) FILTER (WHERE "
            "items.quantity < 5) AS value_1, avg(items.price) FILTER (WHERE items.quantity > 9) AS value_2 "
            "FROM items WHERE "
            "((items.quantity < 5) OR (items.quantity > 9))) AS together",
        ),
        Pair(
            "SELECT a.n, b.n FROM (SELECT count(*) AS n FROM items WHERE part_id = 3 AND quantity < 5) a, "
            "(SELECT count(*) AS n FROM items WHERE part_id = 3 AND quantity > 9) b",
            "SELECT together.value_1 AS n, together.value_2 AS n FROM (SELECT count(*) FILTER (WHERE "
            "items.quantity < 5) AS value_1, count(*) FILTER (WHERE items.quantity > 9) AS value_2 FROM items "
            "WHERE items.part_id = 3 AND (((items.quantity < 5)) OR ((items.quantity > 9)))) AS together",
        ),
        Pair(
            "SELECT * FROM (SELECT count(*) AS n FROM parts) a, (SELECT max(size) AS m FROM parts) b",
            "SELECT together.value_1 AS n, together.value_2 AS m FROM (SELECT count(*) AS value_1, "
            "max(parts.size) AS value_2 FROM parts) AS together",
        ),
        Pair(
            "SELECT (SELECT count(*) FROM items WHERE quantity < 5), (SELECT avg(total) FROM orders)",
            None,
            "different tables",
        ),
        Pair(
            "SELECT (SELECT sum(weight) FROM items WHERE quantity < 5), (SELECT sum(weight) FROM items)",
            None,
            "floats",
        ),
    ),
)
