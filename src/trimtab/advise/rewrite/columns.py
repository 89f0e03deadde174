"""Which columns the small tables of a comparison need: those that both forms read, and those of keys.

A column of a type that a private database does not know would keep the whole table from being made, although no form
reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pglast import ast, enums

from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import ColumnType
from trimtab.sql.catalog import Table
from trimtab.sql.trees import single_statement, strings, walk


def only_read(types: Mapping[int, Sequence[ColumnType]], *forms: Query) -> dict[int, list[ColumnType]]:
    """The columns of each table that the forms speak of by name anywhere, and those of keys and foreign keys.

    All of them, where a star (but in EXISTS) or a list of aliases counts them, and of tables below views.
    """
    names: set[str] = set()
    whole: set[int] = set()
    idle: set[int] = set()
    for form in forms:
        whole |= _below_views(form)
        for node in walk(form.tree):
            if isinstance(node, ast.SubLink) and node.subLinkType == enums.SubLinkType.EXISTS_SUBLINK:
                idle |= {id(target.val) for target in getattr(node.subselect, "targetList", None) or ()}
            elif isinstance(node, ast.ColumnRef) and id(node) not in idle:
                if isinstance((node.fields or (None,))[-1], ast.A_Star):
                    return {oid: list(columns) for oid, columns in types.items()}
                names |= set(strings(node.fields))
            elif isinstance(node, ast.JoinExpr):
                names |= set(strings(node.usingClause))
            elif isinstance(node, ast.RangeVar) and node.alias is not None and node.alias.colnames:
                return {oid: list(columns) for oid, columns in types.items()}
    tables = {table.oid: table for form in forms for table in form.knowledge.catalog.tables.values()}
    kept = {}
    for oid, columns in types.items():
        wanted = names | _of_keys(tables, oid, forms)
        found = [one for one in columns if oid in whole or one.name in wanted]
        kept[oid] = found or list(columns[:1])
    return kept


def _of_keys(tables: Mapping[int, Table], oid: int, forms: Sequence[Query]) -> set[str]:
    """Columns of the table's own keys and foreign keys, and of those that lead to it."""
    found: set[str] = set()
    for form in forms:
        for table in tables.values():
            facts = form.knowledge.of(table)
            if table.oid == oid:
                found |= {name for key in facts.keys for name in key.columns}
                found |= {name for tie in facts.foreign_keys for name in tie.columns}
            found |= {name for tie in facts.foreign_keys if tie.target == oid for name in tie.target_columns}
    return found


def _below_views(form: Query) -> set[int]:
    """Tables (and views) that views name: what they read of them is not looked at."""
    catalog = form.knowledge.catalog
    found: set[int] = set()
    for table in catalog.tables.values():
        for node in walk(single_statement(table.view_sql)) if table.view_sql is not None else ():
            if isinstance(node, ast.RangeVar) and node.relname:
                below = catalog.find(node.schemaname or None, str(node.relname))
                found |= {below.oid} if below is not None else set()
    return found
