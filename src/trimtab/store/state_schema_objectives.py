"""Version 6 of the state: how far objectives are counted, and time that does not count for them."""

from __future__ import annotations

OBJECTIVE_TABLES = """
CREATE TABLE objective_progress (
    name            TEXT PRIMARY KEY,
    definition      TEXT NOT NULL,
    counted_from_ms INTEGER NOT NULL,
    counted_to_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE objective_exclusions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    objective     TEXT NOT NULL,
    start_ms      INTEGER NOT NULL,
    end_ms        INTEGER NOT NULL CHECK (end_ms > start_ms),
    is_reset      INTEGER NOT NULL CHECK (is_reset IN (0, 1)),
    reason        TEXT NOT NULL CHECK (length(reason) > 0),
    added_by      TEXT NOT NULL,
    added_at_ms   INTEGER NOT NULL,
    removed_by    TEXT,
    removed_at_ms INTEGER
) STRICT;
CREATE INDEX objective_exclusions_by_name ON objective_exclusions (objective, end_ms);
"""
