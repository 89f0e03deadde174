"""How large indexes would be if they were built now: by the adviser's model of a B-tree, where it knows the columns."""

from __future__ import annotations

from pglast import ast, enums

from trimtab.advise.index.session import Connection, bounded
from trimtab.advise.index.size import size_bytes
from trimtab.model.errors import StatementRefused, TrimtabError
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.observe.postgres.indexes import IndexFacts, IndexLook
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.identifiers import qualified
from trimtab.sql.trees import single_statement

SIZE_BYTES_MIN = 16_000_000
"""Smaller ones are not looked at: little is to be gained."""
TABLES_MAX = 60


def fresh_sizes(connection: Connection, look: IndexLook) -> dict[int, int]:
    """By OID, for large B-trees on plain columns; the largest tables' alone, since statistics are read for each."""
    wanted = [one for one in look.indexes if _can_be_told(one)]
    tables = list(dict.fromkeys((one.schema, one.table) for one in wanted))[:TABLES_MAX]
    if not tables:
        return {}
    trees = [single_statement(f"SELECT * FROM {qualified(schema, table)}") for schema, table in tables]
    try:
        with bounded(connection):
            catalog = read_catalog(connection, trees, relations_max=TABLES_MAX)
    except TrimtabError:
        return {}  # what a fresh one would take is not known; everything else is
    found: dict[int, int] = {}
    for one in wanted:
        table = catalog.find(one.schema, one.table)
        definition = definition_of(one)
        if table is not None and definition is not None and table.rows is not None:
            found[one.oid] = size_bytes(table, definition)
    return found


def _can_be_told(one: IndexFacts) -> bool:
    plain = one.method == "btree" and not one.has_expression and " WHERE " not in one.statement
    return plain and one.is_valid and one.size_bytes >= SIZE_BYTES_MIN


def definition_of(one: IndexFacts) -> IndexDefinition | None:
    """The index as a value; None where it has something that a definition cannot say."""
    try:
        tree = single_statement(one.statement)
    except StatementRefused:
        return None
    if not isinstance(tree, ast.IndexStmt) or any(key.name is None for key in tree.indexParams or ()):
        return None
    keys = tuple(
        IndexKey(str(key.name), descending=key.ordering == enums.SortByDir.SORTBY_DESC)
        for key in tree.indexParams or ()
    )
    include = tuple(str(key.name) for key in tree.indexIncludingParams or ())
    return IndexDefinition(one.schema, one.table, keys, include)
