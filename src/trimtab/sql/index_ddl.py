"""`CREATE INDEX` from an `IndexDefinition`: quoted, checked, always spelled the same way."""

from __future__ import annotations

import hashlib
import json
import re

from pglast import ast, parse_sql
from pglast.error import Error as PglastError

from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.expressions import canonical_expression
from trimtab.sql.identifiers import IDENTIFIER_BYTES_MAX, qualified, quoted, shortened

METHODS = frozenset({"btree", "hash", "brin", "gin", "gist", "spgist"})
KEYS_MAX = 32
"""PostgreSQL's INDEX_MAX_KEYS, key and INCLUDE columns together."""

NAME_PREFIX = "trimtab_"
_NAME_DIGITS = 10


def create_statement(definition: IndexDefinition, name: str, *, concurrently: bool) -> str:
    """The one statement that builds this index under this name.

    >>> d = IndexDefinition("public", "orders", (IndexKey("tenant_id"), IndexKey("created_at", descending=True)))
    >>> create_statement(d, "trimtab_x", concurrently=True)
    'CREATE INDEX CONCURRENTLY trimtab_x ON public.orders USING btree (tenant_id, created_at DESC)'

    The result is parsed again and compared with what was asked for; `StatementRefused` where a name, an expression
    or the predicate is anything else than what it says.
    """
    text = _written(definition, quoted(name), concurrently=concurrently)
    _check_round_trip(text, definition, name, concurrently=concurrently)
    return text


def definition_hash(definition: IndexDefinition) -> str:
    """64 hex digits of the definition without a name: equal for definitions that are spelled differently only.

    >>> a = IndexDefinition("public", "t", (IndexKey("LOWER( email )", is_expression=True),))
    >>> b = IndexDefinition("public", "t", (IndexKey("lower(email)", is_expression=True),))
    >>> definition_hash(a) == definition_hash(b)
    True
    """
    return hashlib.sha256(_written(definition, "", concurrently=False).encode()).hexdigest()


def change_hash(system: str, kind: str, definition: IndexDefinition) -> str:
    """64 hex digits of an exact change: what would be built, and where. Approvals are bound to it."""
    parts = json.dumps([system, kind, definition_hash(definition)])
    return hashlib.sha256(parts.encode()).hexdigest()


def index_name(definition: IndexDefinition, change_id: str) -> str:
    """A name for the index of one change: readable, unique to the change, at most 63 bytes, never in need of quotes.

    >>> index_name(IndexDefinition("public", "orders", (IndexKey("tenant_id"),)), "c1")
    'trimtab_orders_tenant_id_...'
    """
    digits = hashlib.sha256(f"{change_id}\n{definition_hash(definition)}".encode()).hexdigest()[:_NAME_DIGITS]
    words = "_".join([definition.table, *(key.sql for key in definition.keys)])
    readable = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    room = IDENTIFIER_BYTES_MAX - len(NAME_PREFIX) - len(digits) - 1
    return f"{NAME_PREFIX}{shortened(readable, room).strip('_') or 'index'}_{digits}"


def readable(definition: IndexDefinition) -> str:
    """The index as people write it, without name and method.

    >>> readable(IndexDefinition("public", "t", (IndexKey("a"),), include=("b",), predicate="c is null"))
    'public.t (a) INCLUDE (b) WHERE c IS NULL'
    """
    text = _written(definition, "", concurrently=False)
    return text.removeprefix("CREATE INDEX ON ").replace(" USING btree", "", 1)


def _written(definition: IndexDefinition, name: str, *, concurrently: bool) -> str:
    if definition.method not in METHODS:
        raise StatementRefused(f"no index method {definition.method!r}", method=definition.method)
    keys_count = len(definition.keys) + len(definition.include)
    if not definition.keys or keys_count > KEYS_MAX:
        raise StatementRefused(
            f"an index has 1 to {KEYS_MAX} columns with at least one key; this one has {len(definition.keys)} keys and "
            f"{len(definition.include)} included columns"
        )
    words = ["CREATE INDEX", "CONCURRENTLY" if concurrently else "", name, "ON"]
    words += [qualified(definition.schema, definition.table), "USING", definition.method]
    words.append(f"({', '.join(_key(key) for key in definition.keys)})")
    if definition.include:
        words.append(f"INCLUDE ({', '.join(quoted(column) for column in definition.include)})")
    if definition.predicate is not None:
        words.append(f"WHERE {canonical_expression(definition.predicate)}")
    return " ".join(word for word in words if word)


def _key(key: IndexKey) -> str:
    words = [f"({canonical_expression(key.sql)})" if key.is_expression else quoted(key.sql)]
    if key.opclass is not None:
        words.append(qualified(*key.opclass.split(".")))
    if key.descending:
        words.append("DESC")
    if key.nulls_first is not None and key.nulls_first is not key.descending:
        words.append("NULLS FIRST" if key.nulls_first else "NULLS LAST")
    return " ".join(words)


def _check_round_trip(text: str, definition: IndexDefinition, name: str, *, concurrently: bool) -> None:
    try:
        statements = parse_sql(text)
    except PglastError as error:
        raise StatementRefused(f"could not parse the statement for {definition.relation}: {error}") from error
    statement = statements[0].stmt if len(statements) == 1 else None
    if not isinstance(statement, ast.IndexStmt) or statement.relation is None:
        raise StatementRefused("the definition does not make exactly one CREATE INDEX")
    seen = (
        statement.relation.schemaname,
        statement.relation.relname,
        statement.idxname,
        bool(statement.concurrent),
        len(statement.indexParams or ()),
        tuple(element.name for element in statement.indexIncludingParams or ()),
        statement.whereClause is not None,
        bool(statement.unique),
        bool(statement.options or statement.tableSpace),
    )
    wanted = (
        definition.schema,
        definition.table,
        name,
        concurrently,
        len(definition.keys),
        definition.include,
        definition.predicate is not None,
        False,
        False,
    )
    if seen != wanted:
        raise StatementRefused(f"the statement for {definition.relation} does not say what was asked for")
