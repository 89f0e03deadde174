"""What would help and is no rewrite, because it would return something else."""

from __future__ import annotations

from pglast import ast

from trimtab.advise.rewrite.model import Hint
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import integer_of
from trimtab.advise.rewrite.sorting import is_total_order
from trimtab.sql.scopes import spelled

OFFSET_MIN = 100


def hints(query: Query) -> list[Hint]:
    """All hints of one statement."""
    select = query.tree
    offset = integer_of(select.limitOffset)
    deep = offset is not None and offset >= OFFSET_MIN
    if not (deep or isinstance(select.limitOffset, ast.ParamRef)) or select.limitCount is None or not select.sortClause:
        return []
    keys = ", ".join(spelled(sort.node) for sort in select.sortClause)
    downs = {str(sort.sortby_dir) for sort in select.sortClause}
    said = "every page reads all rows before it"
    if not is_total_order(query, query.top):
        return [
            Hint(
                "keyset",
                f"{said}, and ORDER BY {keys} is not total: a row may come on two pages, or on none; add a key of the "
                "table to ORDER BY, then ask for what comes after the last row seen instead of OFFSET",
            )
        ]
    if len(downs) > 1:
        return [Hint("keyset", f"{said}; ask for what comes after the last row seen ({keys}) instead of OFFSET")]
    sign = "<" if "DESC" in next(iter(downs)) else ">"
    values = ", ".join(f"last {spelled(sort.node)}" for sort in select.sortClause)
    return [Hint("keyset", f"{said}; instead of OFFSET ask WHERE ({keys}) {sign} ({values}) of the last row seen")]
