"""Changes of level that were found in live series, and which of them people said are none."""

from __future__ import annotations

CHANGE_POINT_TABLES = """
CREATE TABLE change_points (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    series       TEXT NOT NULL,
    family       TEXT NOT NULL,
    title        TEXT NOT NULL,
    unit         TEXT NOT NULL,
    system       TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    at_ms        INTEGER NOT NULL,
    step_ms      INTEGER NOT NULL CHECK (step_ms > 0),
    before       REAL NOT NULL,
    after        REAL NOT NULL,
    ratio        REAL,
    low          REAL,
    high         REAL,
    p_value      REAL NOT NULL CHECK (p_value BETWEEN 0 AND 1),
    provisional  INTEGER NOT NULL CHECK (provisional IN (0, 1)),
    body         TEXT NOT NULL CHECK (json_valid(body)),
    found_ms     INTEGER NOT NULL,
    seen_ms      INTEGER NOT NULL,
    dismissed_by    TEXT,
    dismissed_at_ms INTEGER,
    dismissed_why   TEXT
) STRICT;
CREATE INDEX change_points_by_time ON change_points (at_ms);
CREATE INDEX change_points_by_series ON change_points (series, at_ms);
"""
