"""The table of dates of full resources that were told."""

from __future__ import annotations

CAPACITY_TABLES = """
CREATE TABLE capacity_dates (
    series      TEXT NOT NULL,
    day_ms      INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    date_ms     INTEGER,
    earliest_ms INTEGER,
    latest_ms   INTEGER,
    probability REAL NOT NULL,
    reading     REAL,
    ceiling     REAL NOT NULL,
    PRIMARY KEY (series, day_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX capacity_dates_by_day ON capacity_dates (day_ms);
"""
