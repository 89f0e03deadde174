"""Subqueries that refer to the block around them by equality alone: taken apart into what is inside and what ties."""

from __future__ import annotations

from dataclasses import dataclass

from pglast import ast

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import comparison
from trimtab.advise.rewrite.values import comparable, deterministic, is_total


@dataclass(frozen=True, slots=True)
class Ties:
    """`inner[i] = outer[i]` for each i; `rest` are the subquery's other conditions."""

    inner: tuple[ast.ColumnRef, ...]
    outer: tuple[ast.Node, ...]
    rest: tuple[ast.Node, ...]


def ties_of(query: Query, inner: Block, outer: Block) -> Ties | None:
    """How a subquery is tied to the block around it; None where it is tied in another way than by equalities in WHERE.

    Only equalities of types whose `=` agrees with GROUP BY count.
    """
    if any(query.speaks_of_others(item, inner) for item in inner.select.fromClause or ()):
        return None
    inners: list[ast.ColumnRef] = []
    outers: list[ast.Node] = []
    rest: list[ast.Node] = []
    for part in inner.where():
        if not query.speaks_of_others(part, inner):
            rest.append(part)
            continue
        found = comparison(part)
        if found is None or found[1] != "=":
            return None
        left, _, right = found
        for mine, theirs in ((left, right), (right, left)):
            if (
                isinstance(mine, ast.ColumnRef)
                and not query.speaks_of_others(mine, inner)
                and not query.sources_of(theirs, inner)
                and all(meaning.block is outer for _, meaning in query.references(theirs))
                and comparable(query, mine, theirs)
                and deterministic(query, mine)
                and deterministic(query, theirs)
                and is_total(query, theirs)
            ):
                inners.append(mine)
                outers.append(theirs)
                break
        else:
            return None
    others = (inner.select.targetList, inner.select.groupClause, inner.select.havingClause, inner.select.sortClause)
    if any(query.speaks_of_others(part, inner) for part in others):
        return None
    return Ties(tuple(inners), tuple(outers), tuple(rest))
