"""How the engine in this process keeps large tables: settings that its version knows, and an older server may not."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.store.engine import Engine

TUNED: Mapping[str, Mapping[str, str]] = {
    "spans": {
        "min_level_for_wide_part": "1",  # a new part is one file, not 120 that are each created and synced
        "auto_statistics_types": "''",  # made for every part of every column, and used by no question here
        "merge_selector_base": "10",  # so many parts of about one size become one, instead of 5: fewer rewrites
        "vertical_merge_algorithm_min_rows_to_activate": "20000",  # row by row, small parts cost twice as much
    },
    "log_records": {"min_level_for_wide_part": "1", "auto_statistics_types": "''", "merge_selector_base": "10"},
}
"""By table, as SQL. Where there are more parts than ten, or where they are old, fewer become one."""


def tune(engine: Engine) -> None:
    """Change what is not so yet; rows stay as they are."""
    tables = engine.read("SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
    clauses = dict(zip(tables["name"].to_pylist(), tables["engine_full"].to_pylist(), strict=True))
    for table, settings in TUNED.items():
        missing = [f"{name} = {value}" for name, value in settings.items() if f"{name} = {value}" not in clauses[table]]
        if missing:
            engine.write(f"ALTER TABLE {table} MODIFY SETTING {', '.join(missing)}")
