"""Tables of forecasts: those that were made, how often they held, and issues that they foresee."""

from __future__ import annotations

FORECAST_TABLES = """
CREATE TABLE forecasts_made (
    made_ms  INTEGER NOT NULL,
    family   TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    step_ms  INTEGER NOT NULL CHECK (step_ms > 0),
    horizon  INTEGER NOT NULL CHECK (horizon > 0),
    series   INTEGER NOT NULL CHECK (series > 0),
    is_judged INTEGER NOT NULL DEFAULT 0 CHECK (is_judged IN (0, 1)),
    body     BLOB NOT NULL,
    PRIMARY KEY (family, made_ms)
) STRICT;
CREATE INDEX forecasts_made_by_time ON forecasts_made (made_ms);

CREATE TABLE forecast_hits (
    series       TEXT NOT NULL,
    day_ms       INTEGER NOT NULL,
    points       INTEGER NOT NULL,
    inside_80    INTEGER NOT NULL,
    inside_90    INTEGER NOT NULL,
    error        REAL NOT NULL,
    naive_points INTEGER NOT NULL,
    naive_error  REAL NOT NULL,
    error_beside REAL NOT NULL,
    reaches      BLOB NOT NULL,
    PRIMARY KEY (series, day_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE forecast_issues (
    id        TEXT PRIMARY KEY,
    series    TEXT NOT NULL,
    opened_ms INTEGER NOT NULL,
    seen_ms   INTEGER NOT NULL,
    ended_ms  INTEGER,
    why_ended TEXT,
    title     TEXT NOT NULL,
    body      TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;
CREATE INDEX forecast_issues_by_end ON forecast_issues (ended_ms);
"""
