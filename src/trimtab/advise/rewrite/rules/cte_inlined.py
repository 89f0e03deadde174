"""A WITH query that PostgreSQL computes as a whole → NOT MATERIALIZED, so that its readers' conditions reach it."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import enums

from trimtab.advise.rewrite.query import Block, Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule

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
        if readers and is_fence:
            yield Change(
                lambda i=item: setattr(i, "ctematerialized", _KINDS.CTEMaterializeNever),  # type: ignore[misc]
                caveats=(f"{item.ctename} is computed once for each of its {readers} readers",) if readers > 1 else (),
            )


RULE = Rule(
    "cte_inlined",
    "a WITH query that is computed as a whole becomes NOT MATERIALIZED",
    "PostgreSQL pushes no condition into a WITH query that is MATERIALIZED, or read more than once",
    "no volatile function, no recursion, nothing that writes",
    find,
    (
        Pair(
            "WITH t AS MATERIALIZED (SELECT id, total FROM orders) SELECT total FROM t WHERE id = 7",
            "WITH t AS NOT MATERIALIZED (SELECT orders.id, orders.total FROM orders) SELECT t.total FROM t "
            "WHERE t.id = 7",
        ),
        Pair("WITH t AS (SELECT id, total FROM orders) SELECT total FROM t WHERE id = 7", None, "inlined already"),
    ),
)
