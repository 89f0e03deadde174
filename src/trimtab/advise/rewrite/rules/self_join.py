"""Two readings of one table, equal in its key → one reading: each row meets itself."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block, Source
from trimtab.advise.rewrite.nodes import column_of
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, comparison, replace_in
from trimtab.advise.rewrite.rules.foreign_key_join import _without


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every pair of sources of one table that a key ties."""
    if block.has_star or block.merged or block.outer_joins or any(s.lateral for s in block.sources):
        return
    for number, kept in enumerate(block.sources):
        for gone in block.sources[number + 1 :]:
            if kept.table is None or gone.table is None or kept.table.oid != gone.table.oid:
                continue
            if kept.own_names or gone.own_names or not isinstance(gone.node, ast.RangeVar):
                continue
            equal = _equal_columns(query, block, kept, gone)
            for key in query.facts(kept).keys:
                if key.columns <= equal:
                    yield Change(
                        lambda k=kept, g=gone: _apply(query, block, k, g),  # type: ignore[misc]
                        (f"{kept.table.relation} has the key {key.name}",),
                    )
                    break


def _equal_columns(query: Query, block: Block, one: Source, other: Source) -> set[str]:
    found: set[str] = set()
    for part in block.conditions():
        sides = comparison(part)
        if sides is None or sides[1] != "=":
            continue
        a, b = query.meaning.get(id(sides[0])), query.meaning.get(id(sides[2]))
        if a is None or b is None or a.column != b.column:
            continue
        if {id(a.source), id(b.source)} == {id(one), id(other)}:
            found.add(a.column)
    return found


def _apply(query: Query, block: Block, kept: Source, gone: Source) -> None:
    moved = [part for part in block.inner_conditions if gone in query.sources_of(part, block)]
    lifted: list[ast.Node] = []
    items = [_without(query, block, item, gone, lifted) for item in block.select.fromClause or ()]
    block.select.fromClause = tuple(item for item in items if item is not None)
    parts = [part for part in (*block.where(), *lifted, *moved) if not _ties_key(query, part, kept, gone)]
    block.set_where(parts)
    for reference, meaning in query.references(block.select):
        if meaning.source is gone:
            replace_in(block.select, reference, column_of(kept.alias, meaning.column))


def _ties_key(query: Query, part: ast.Node, kept: Source, gone: Source) -> bool:
    """Whether it says that a column that is NOT NULL equals itself."""
    sides = comparison(part)
    if sides is None or sides[1] != "=":
        return False
    a, b = query.meaning.get(id(sides[0])), query.meaning.get(id(sides[2]))
    if a is None or b is None or {id(a.source), id(b.source)} != {id(kept), id(gone)}:
        return False
    return a.column == b.column and a.column in query.facts(kept).not_null


RULE = Rule(
    "self_join",
    "two readings of one table that are equal in its key become one",
    "PostgreSQL does it from version 18 on only",
    "all columns of a key are equal; inner joins alone",
    find,
    (
        Pair(
            "SELECT a.total, b.status FROM orders a JOIN orders b ON a.id = b.id WHERE a.total > 5 AND b.status = 'x'",
            "SELECT a.total, a.status FROM orders AS a WHERE a.total > 5 AND a.status = 'x'",
        ),
        Pair("SELECT a.total FROM orders a JOIN orders b ON a.customer_id = b.customer_id", None, "no key"),
        Pair("SELECT a.total FROM orders a JOIN orders b ON a.id = b.customer_id", None, "another column"),
        Pair("SELECT a.size FROM parts a JOIN parts b ON a.code = b.code", None, "a unique column may hold NULLs"),
    ),
)
