"""Version 7 of the state: what probes found last, runs of pipelines, and what watched systems used, by the hour."""

from __future__ import annotations

BUSINESS_TABLES = """
CREATE TABLE probe_results (
    probe       TEXT PRIMARY KEY,
    definition  TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    value       REAL,
    error       TEXT NOT NULL,
    duration_ms REAL NOT NULL CHECK (duration_ms >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE pipeline_runs (
    source        TEXT NOT NULL,
    pipeline      TEXT NOT NULL,
    run_id        TEXT NOT NULL,
    started_at_ms INTEGER,
    ended_at_ms   INTEGER,
    status        TEXT NOT NULL CHECK (status IN ('running', 'success', 'failed', 'aborted')),
    duration_ms   REAL CHECK (duration_ms >= 0),
    database_ms   REAL CHECK (database_ms >= 0),
    told          TEXT NOT NULL,
    seen_at_ms    INTEGER NOT NULL,
    PRIMARY KEY (source, pipeline, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pipeline_runs_by_end ON pipeline_runs (ended_at_ms);
CREATE INDEX pipeline_runs_by_seen ON pipeline_runs (seen_at_ms);

CREATE TABLE use_hours (
    system         TEXT NOT NULL,
    hour_ms        INTEGER NOT NULL,
    processor_s    REAL NOT NULL CHECK (processor_s >= 0),
    io_requests    REAL NOT NULL CHECK (io_requests >= 0),
    storage_bytes  REAL,
    measured_ratio REAL NOT NULL CHECK (measured_ratio BETWEEN 0 AND 1),
    PRIMARY KEY (system, hour_ms)
) STRICT, WITHOUT ROWID;
"""
