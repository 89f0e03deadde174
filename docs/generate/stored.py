"""What is stored, read off the schemas of both stores."""

from __future__ import annotations

import re
import sqlite3
from importlib import resources

from docs.generate.attributes import attribute_docs
from docs.generate.markdown import code, table
from trimtab.store import state_schema, tables
from trimtab.store.metrics import described
from trimtab.store.retention import RETENTION
from trimtab.store.rollup import DERIVED

_CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\s*\((.*?)^ENGINE.*?;", re.DOTALL | re.MULTILINE)
_COLUMN = re.compile(r"^    (?!INDEX )(\w+) ", re.MULTILINE)
_TTL = re.compile(r"INTERVAL (\d+) DAY")


def telemetry_tables() -> dict[str, str]:
    """Every telemetry table with the text of its CREATE."""
    folder = resources.files("trimtab.store") / "schema"
    scripts = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    found: dict[str, str] = {}
    for name in scripts:
        for match in _CREATE.finditer((folder / name).read_text("utf-8")):
            found[match[1]] = match[0]
    return found


def state_tables() -> dict[str, list[str]]:
    """Every table of the state database with its columns, after all migrations."""
    connection = sqlite3.connect(":memory:")
    try:
        state_schema.migrate(connection)
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            )
        ]
        return {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    finally:
        connection.close()


def telemetry_block() -> str:
    """Telemetry tables: name, columns, how long, what."""
    docs = attribute_docs(tables)
    rows = []
    for name, create in telemetry_tables().items():
        ttl = _TTL.search(create)
        schema = tables.TABLES.get(name)
        columns = ", ".join(_COLUMN.findall(create) if schema is None else schema.names)
        what = docs.get(name.upper()) or {**DERIVED, **described.TABLES}.get(name, "")
        by = f" (`retention.{RETENTION[name].setting}`)" if name in RETENTION else ""
        rows.append([code(name), what, columns, f"{ttl[1]} days{by}" if ttl else "for ever"])
    return table(["table", "what", "columns", "kept"], rows)


def state_block() -> str:
    """Tables of the state database with their columns."""
    return table(["table", "columns"], [[code(name), ", ".join(columns)] for name, columns in state_tables().items()])
