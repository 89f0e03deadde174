"""The table of indexes that are there: since when each is known, and when its count of scans last moved."""

from __future__ import annotations

INDEX_TABLES = """
CREATE TABLE index_reads (
    system        TEXT NOT NULL,
    server        TEXT NOT NULL,
    index_oid     INTEGER NOT NULL,
    first_ms      INTEGER NOT NULL,
    last_ms       INTEGER NOT NULL,
    scans         INTEGER NOT NULL,
    moved_ms      INTEGER,
    PRIMARY KEY (system, server, index_oid)
) STRICT, WITHOUT ROWID;
"""
