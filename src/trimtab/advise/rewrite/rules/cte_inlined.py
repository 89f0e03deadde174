"""A WITH query that PostgreSQL computes as a whole → NOT MATERIALIZED, so that its readers' conditions reach it."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule
from trimtab.advise.rewrite.values import has_floats

_KINDS = enums.CTEMaterialize


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every WITH query of this block that is a fence: MATERIALIZED, or read more than once."""
    if block.select.withClause is None:
        return
    for item in block.select.withClause.ctes or ():
        readers = sum(
            source.body is not None and source.body.cte is item for one in query.blocks for source in one.sources
        )
        is_fence = item.ctematerialized == _KINDS.CTEMaterializeAlways or (
            readers > 1 and item.ctematerialized == _KINDS.CTEMaterializeDefault
        )
        bodies = [body for body in query.bodies.values() if body.cte is item]
        parts = (node for body in bodies for one in body.blocks for _, node in one.targets or ())
        if readers and is_fence and not (readers > 1 and any(has_floats(query, node) for node in parts)):
            yield Change(
                lambda i=item: setattr(i, "ctematerialized", _KINDS.CTEMaterializeNever),  # type: ignore[misc]
                caveats=(f"{item.ctename} is computed once for each of its {readers} readers",) if readers > 1 else (),
            )


RULE = Rule(
    "cte_inlined",
    "a WITH query that is computed as a whole becomes NOT MATERIALIZED",
    "PostgreSQL pushes no condition into a WITH query that is MATERIALIZED, or read more than once",
    "no volatile function, no recursion, nothing that writes, no floats summed where it is read twice",
    find,
    (
        Pair(
            "WITH t AS MATERIALIZED (SELECT id, total FROM orders) SELECT total FROM t WHERE id = 7",
            "WITH t AS NOT MATERIALIZED (SELECT orders.id, orders.total FROM orders) SELECT t.total FROM t "
            "WHERE t.id = 7",
        ),
        Pair(
            "WITH t AS (SELECT sum(weight) AS s FROM items) SELECT a.s FROM t a, t b WHERE a.s = b.s",
            None,
            "two sums of floats may differ",
        ),
        Pair("WITH t AS (SELECT id, total FROM orders) SELECT total FROM t WHERE id = 7", None, "inlined already"),
    ),
)
