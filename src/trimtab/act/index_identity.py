"""Which index is ours: the undo record of `create_index`, and how an index on the server is compared with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
from pglast import ast, parse_sql

from trimtab.act.catalogue import Connection, IndexFacts, TableFacts, index_by_name, index_by_oid
from trimtab.model.change import Change
from trimtab.model.errors import ApplyFailed, OtherTarget, StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.database_identity import TargetIdentity, compare_stored, identity_of
from trimtab.sql.expressions import essence
from trimtab.sql.index_ddl import create_statement, index_name

_DESCENDING, _NULLS_FIRST = 1, 2
_TEXTUAL = frozenset({"text", "varchar", "bpchar"})


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """Everything needed to take the index back. It is in the ledger before the index is on the server.

    `columns` are attribute numbers (keys, then included), 0 for an expression; `options` are pg_index.indoption.
    `index_oid` is added as soon as the server shows it. `indexes_before` has OID and definition of each index.
    `target` is the database that all of this is true of; records of older versions have none.
    """

    schema: str
    table: str
    table_oid: int
    index_name: str
    statement: str
    method: str
    columns: tuple[int, ...]
    options: tuple[int, ...]
    has_predicate: bool
    indexes_before: tuple[tuple[int, str], ...] = ()
    index_oid: int | None = None
    target: TargetIdentity | None = None

    def matches(self, index: IndexFacts) -> bool:
        """Whether an index has our table and our definition, as far as the catalogue's numbers tell."""
        return (
            index.table_oid == self.table_oid
            and index.method == self.method
            and index.columns == self.columns
            and index.options == self.options
            and index.has_predicate == self.has_predicate
            and not index.is_unique
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of ours. `index` is ours and may be dropped; else `stranger` says what is in its place."""

    index: IndexFacts | None
    stranger: str | None = None


def read_undo(undo: dict[str, object] | None, change_id: str) -> UndoRecord:
    """The record as the ledger kept it."""
    if undo is None:
        raise ApplyFailed(f"change {change_id} has no undo record", change_id=change_id)
    return msgspec.convert(undo, UndoRecord)


def lock_key(change_id: str) -> int:
    """The advisory lock of a change: 63 bits of a hash, so that it is never negative."""
    return int.from_bytes(hashlib.sha256(f"trimtab change {change_id}".encode()).digest()[:8]) >> 1


BUILDING_KEY = int.from_bytes(hashlib.sha256(b"trimtab builds in this database").digest()[:8]) >> 1
"""The advisory lock of whoever builds in a database: one trimtab at a time, however many watch it."""


def make_undo(
    change: Change, table: TableFacts, indexes: tuple[IndexFacts, ...], target: TargetIdentity | None = None
) -> UndoRecord:
    """The record for a change that is about to be applied."""
    definition = change.proposal.index
    name = index_name(definition, change.id)
    return UndoRecord(
        schema=definition.schema,
        table=definition.table,
        table_oid=table.oid,
        index_name=name,
        statement=create_statement(definition, name, concurrently=True),
        method=definition.method,
        columns=_columns(definition, table),
        options=_options(definition),
        has_predicate=definition.predicate is not None,
        indexes_before=tuple((index.oid, index.definition) for index in indexes),
        target=target,
    )


def check_target(connection: Connection, undo: UndoRecord) -> None:
    """`OtherTarget` where the session is in another database than the one the record is about: OIDs and names mean
    nothing there, and what is not found there was not removed."""
    if undo.target is None:
        return
    now = identity_of(connection).target
    if compare_stored(undo.target, now).same is False:
        raise OtherTarget(
            f"refused: the change was made in {undo.target}, and the connection for changes leads to {now}",
            transient=True,
        )


def find(connection: Connection, undo: UndoRecord) -> Found:
    """Our index on the server: by OID where it is known, else by our own name if table and definition agree."""
    named = index_by_name(connection, undo.schema, undo.index_name)
    if undo.index_oid is None:
        if named is None or undo.matches(named):
            return Found(named)
        return Found(None, f"an index named {undo.index_name} is there, with another table or definition")
    index = index_by_oid(connection, undo.index_oid)
    if index is None or index.table_oid != undo.table_oid:
        if named is None:
            return Found(None)
        return Found(None, f"our index is gone; another one (OID {named.oid}) has taken its name {undo.index_name}")
    if (index.schema, index.name) != (undo.schema, undo.index_name):
        return Found(None, f"our index was renamed to {index.schema}.{index.name} by somebody else")
    return Found(index)


def equal_index(definition: IndexDefinition, table: TableFacts, indexes: tuple[IndexFacts, ...]) -> str | None:
    """Name of a usable index that is the same but for its name (unique or not), None when there is none."""
    try:
        wanted = _essence(create_statement(definition, "trimtab_x", concurrently=False))
        columns, options = _columns(definition, table), _options(definition)
    except (StatementRefused, ApplyFailed):
        return None  # another check says what is wrong with it
    for index in indexes:
        if (index.method, index.columns, index.options) != (definition.method, columns, options):
            continue
        if index.usable and _essence(index.definition) == wanted:
            return index.name
    return None


def same_but_for_name(left: IndexFacts, right: IndexFacts) -> bool:
    """Whether the server itself spells two indexes alike."""
    return left.definition.split(" ON ", 1)[-1] == right.definition.split(" ON ", 1)[-1]


def _columns(definition: IndexDefinition, table: TableFacts) -> tuple[int, ...]:
    names = [None if key.is_expression else key.sql for key in definition.keys] + list(definition.include)
    missing = [name for name in names if name is not None and name not in table.columns]
    if missing:
        raise ApplyFailed(f"{definition.relation} has no column {', '.join(missing)}", columns=missing)
    return tuple(0 if name is None else table.columns[name] for name in names)


def _options(definition: IndexDefinition) -> tuple[int, ...]:
    """pg_index.indoption: bit 0 descending, bit 1 nulls first (the default for descending keys)."""
    options = []
    for key in definition.keys:
        nulls_first = key.descending if key.nulls_first is None else key.nulls_first
        options.append(_DESCENDING * key.descending + _NULLS_FIRST * nulls_first)
    return tuple(options)


def _essence(statement: str) -> object:
    """Keys, included columns and predicate of a CREATE INDEX, apart from casts that the server adds by itself."""
    tree = parse_sql(statement)[0].stmt
    if not isinstance(tree, ast.IndexStmt):
        raise ApplyFailed("the server's definition of an index is not a CREATE INDEX")
    parts = (tree.indexParams, tree.indexIncludingParams or (), tree.whereClause)
    return _plain(tuple(essence(part) for part in parts))


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return tuple(_plain(inner) for inner in value)
    if not isinstance(value, dict):
        return value
    if value.get("@") == "TypeCast":
        names = [part["sval"] for part in value["typeName"]["names"]]
        if names[-1] in _TEXTUAL or value["arg"].get("@") == "A_Const":
            return _plain(value["arg"])
    kind = value["kind"]["name"] if value.get("@") == "A_Expr" else None
    if kind == "AEXPR_IN" and value["name"][0]["sval"] == "=":
        array = {"@": "A_ArrayExpr", "elements": value["rexpr"]}
        value = {**value, "kind": {"name": "AEXPR_OP_ANY"}, "rexpr": array}
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE"):
        value = {**value, "kind": {"name": "AEXPR_OP"}}
    if value.get("@") == "FuncCall":
        value = {**value, "funcname": value["funcname"][-1:]}
    plain = {key: _plain(inner) for key, inner in value.items() if key != "#" and not (key == "value" and "#" in value)}
    return tuple(sorted(plain.items(), key=lambda item: item[0]))
