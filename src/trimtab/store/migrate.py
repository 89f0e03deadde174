"""Bring the engine's tables to the schema of this version: numbered SQL files, each applied once."""

from __future__ import annotations

from importlib import resources

from trimtab.model.errors import StoreError
from trimtab.store.engine import Engine


def migrations() -> list[tuple[int, str, str]]:
    """Every file of the folder `schema` as (version, name, text), ascending."""
    found = [
        (int(entry.name.split("_", 1)[0]), entry.name, entry.read_text("utf-8"))
        for entry in resources.files("trimtab.store").joinpath("schema").iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


def statements_of(text: str) -> list[str]:
    """The statements of a file: each ends with `;` at the end of a line. Comments are whole lines, and left out.

    >>> statements_of("-- one;\\nSELECT 1;\\nSELECT\\n  2;\\n")
    ['SELECT 1', 'SELECT\\n  2']
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [statement.strip() for statement in ("\n".join(lines) + "\n").split(";\n") if statement.strip()]


def migrate(engine: Engine) -> int:
    """Apply what is new and return the version; StoreError where a newer trimtab has been here.

    Every statement may run twice (IF NOT EXISTS), so a crash between a file and its record does no harm.
    """
    files = migrations()
    newest = files[-1][0]
    engine.write(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (version UInt32, name String, applied_at DateTime('UTC') DEFAULT now('UTC'))"
        " ENGINE = MergeTree ORDER BY version"
    )
    done = set(engine.write("SELECT version FROM schema_migrations")["version"].to_pylist())
    applied = max(done, default=0)
    if applied > newest:
        raise StoreError(
            f"the telemetry tables in {engine.place} have version {applied}, made by a newer trimtab; this one "
            f"knows {newest}, and left them as they are: start a newer one, or put back the copy from before the "
            "upgrade",
            observed=applied,
            limit=newest,
        )
    for version, name, text in files:
        if version not in done:
            for statement in statements_of(text):
                engine.write(statement)
            engine.write(
                "INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}",
                {"version": version, "name": name},
            )
    return newest
