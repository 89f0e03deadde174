"""Dashboards that somebody brought, and which annotation in a Grafana stands for which change."""

from __future__ import annotations

DASHBOARD_TABLES = """
CREATE TABLE dashboards (
    uid         TEXT PRIMARY KEY CHECK (length(uid) BETWEEN 1 AND 80),
    title       TEXT NOT NULL,
    document    BLOB NOT NULL,
    size_bytes  INTEGER NOT NULL,
    added_by    TEXT NOT NULL,
    added_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE grafana_annotations (
    change_id     TEXT PRIMARY KEY,
    server        TEXT NOT NULL,
    annotation_id INTEGER NOT NULL,
    said          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
"""`document` is packed (zlib); `said` is the fingerprint of what the annotation says."""
