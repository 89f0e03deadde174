"""Version 11 of the state: episodes in which series were not as expected, and what people said is normal."""

from __future__ import annotations

ANOMALY_TABLES = """
CREATE TABLE anomaly_episodes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    series_key   TEXT NOT NULL,
    source       TEXT NOT NULL CHECK (source IN ('metric', 'query')),
    measure      TEXT NOT NULL,
    name         TEXT NOT NULL,
    labels       TEXT NOT NULL CHECK (json_valid(labels)),
    unit         TEXT NOT NULL,
    step_ms      INTEGER NOT NULL CHECK (step_ms > 0),
    start_ms     INTEGER NOT NULL,
    end_ms       INTEGER NOT NULL CHECK (end_ms >= start_ms),
    closed_at_ms INTEGER,
    score        REAL NOT NULL CHECK (score BETWEEN 0 AND 1),
    test         TEXT NOT NULL,
    observed     REAL NOT NULL,
    expected     REAL,
    low          REAL,
    high         REAL
) STRICT;
CREATE INDEX anomaly_episodes_by_start ON anomaly_episodes (start_ms);
CREATE INDEX anomaly_episodes_open ON anomaly_episodes (closed_at_ms) WHERE closed_at_ms IS NULL;
CREATE INDEX anomaly_episodes_by_series ON anomaly_episodes (series_key, start_ms);

CREATE TABLE anomaly_mutes (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    series_key  TEXT NOT NULL,
    test        TEXT NOT NULL,
    name        TEXT NOT NULL,
    episode_id  INTEGER,
    reason      TEXT NOT NULL CHECK (length(reason) > 0),
    until_ms    INTEGER,
    muted_by    TEXT NOT NULL,
    muted_at_ms INTEGER NOT NULL,
    ended_by    TEXT,
    ended_at_ms INTEGER
) STRICT;
CREATE INDEX anomaly_mutes_in_force ON anomaly_mutes (series_key) WHERE ended_at_ms IS NULL;
"""
