"""The same statements on a cluster of the server's own configuration: tables Replicated, big ones Distributed over it.

A big table T becomes `T_local` on every node, replicated inside its shard, and `T`, a Distributed table in front of
them that reads and inserts go to. A small table is replicated to every node of every shard, so that it can be joined
anywhere. Schema files and statements are written for one server; this is the one place that knows of the difference.
"""

from __future__ import annotations

import re

from trimtab.model.errors import StoreError
from trimtab.store.engine import quoted
from trimtab.store.spread import SPREAD

_COMMENTS = re.compile(r"\A(?:\s*--[^\n]*\n)+")
_CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<name>\w+)(?P<rest>.*)", re.DOTALL)
_ENGINE = re.compile(r"\bENGINE = (?P<kind>(?:Replacing|Aggregating|Summing)?MergeTree)(?:\((?P<values>[^()]*)\))?")
_ALTER = re.compile(r"ALTER TABLE (?P<name>\w+)\s+(?P<rest>.*)", re.DOTALL)
_DELETE = re.compile(r"DELETE FROM (?P<name>\w+)\s+(?P<rest>.*)", re.DOTALL)
_DROP = re.compile(r"(?P<verb>DROP|TRUNCATE) TABLE (?P<if>IF EXISTS )?(?P<name>\w+)(?P<rest>.*)", re.DOTALL)
_RENAME = re.compile(r"(?P<verb>RENAME TABLE|EXCHANGE TABLES) (?P<one>\w+) (?P<word>TO|AND) (?P<other>\w+)")
_OF_COLUMNS = re.compile(r"(ADD|DROP|MODIFY|RENAME|COMMENT|CLEAR) COLUMN\b")
_AS_THEY_ARE = re.compile(r"(SELECT|WITH|INSERT|KILL|SYSTEM|CHECK|OPTIMIZE)\b")


def on_cluster(sql: str, cluster: str, database: str) -> list[str]:
    """The statements that do on a cluster what one statement does on a server.

    >>> for statement in on_cluster("DELETE FROM spans WHERE spool_segment = {id:UInt64}", "main", "obs"):
    ...     print(statement)
    DELETE FROM spans_local ON CLUSTER 'main' WHERE spool_segment = {id:UInt64}
    """
    text = _COMMENTS.sub("", sql).strip()
    there = f"ON CLUSTER {quoted(cluster)}"
    if found := _CREATE.fullmatch(text):
        return _created(found["name"], found["rest"], there, cluster, database)
    if found := _ALTER.fullmatch(text):
        statements = [f"ALTER TABLE {_local(found['name'])} {there} {found['rest']}"]
        columns = [_without_codec(part) for part in _parts(found["rest"]) if _OF_COLUMNS.match(part)]
        if found["name"] in SPREAD and columns:
            statements.append(f"ALTER TABLE {found['name']} {there} {', '.join(columns)}")
        return statements
    if found := _DELETE.fullmatch(text):
        return [f"DELETE FROM {_local(found['name'])} {there} {found['rest']}"]
    if found := _DROP.fullmatch(text):
        names = [_local(found["name"])]
        if found["name"] in SPREAD and found["verb"] == "DROP":
            names.append(found["name"])
        return [f"{found['verb']} TABLE {found['if'] or ''}{name} {there}{found['rest']}" for name in names]
    if found := _RENAME.fullmatch(text):
        if {found["one"], found["other"]} & set(SPREAD):
            raise StoreError(f"a table that is spread is not renamed on a cluster: {text[:80]}", cluster=cluster)
        return [f"{text} {there}"]
    if _AS_THEY_ARE.match(text):
        return [text]
    raise StoreError(f"it is not known how to do this on a cluster: {text[:80]}", cluster=cluster)


def _parts(text: str) -> list[str]:
    """What stands between commas, those inside brackets left alone.

    >>> _parts("ADD COLUMN a Map(String, String) CODEC(LZ4), ADD INDEX b c TYPE minmax")
    ['ADD COLUMN a Map(String, String) CODEC(LZ4)', 'ADD INDEX b c TYPE minmax']
    """
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _without_codec(part: str) -> str:
    """A Distributed table stores nothing.

    >>> _without_codec("ADD COLUMN a UInt8 CODEC(Delta(8), ZSTD(1)) AFTER b")
    'ADD COLUMN a UInt8 AFTER b'
    """
    before, codec, rest = part.partition(" CODEC(")
    if not codec:
        return part
    depth = 1
    for place, character in enumerate(rest):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return before + rest[place + 1 :]
    raise StoreError(f"a CODEC is not closed: {part[:80]}")


def _local(name: str) -> str:
    return f"{name}_local" if name in SPREAD else name


def _created(name: str, rest: str, there: str, cluster: str, database: str) -> list[str]:
    path, replica = f"/clickhouse/tables/{{shard}}/{database}/{name}", "{replica}"
    if name not in SPREAD:
        path, replica = f"/clickhouse/tables/all/{database}/{name}", "{shard}-{replica}"

    def replicated(found: re.Match[str]) -> str:
        values = [quoted(path), quoted(replica), *([found["values"]] if found["values"] else [])]
        return f"ENGINE = Replicated{found['kind']}({', '.join(values)})"

    columns, count = _ENGINE.subn(replicated, rest)
    if count != 1:
        raise StoreError(f"the engine of {name} has no replicated kind", table=name)
    statements = [f"CREATE TABLE IF NOT EXISTS {_local(name)} {there}{columns}"]
    if name in SPREAD:
        key = f"cityHash64({SPREAD[name]})"
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {name} {there} AS {_local(name)}"
            f" ENGINE = Distributed({quoted(cluster)}, {quoted(database)}, {quoted(_local(name))}, {key})"
        )
    return statements
