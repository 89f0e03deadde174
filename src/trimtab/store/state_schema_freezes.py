"""The table of freezes: what is frozen, since when and why, and who thawed it last."""

from __future__ import annotations

FREEZES_TABLE = """
CREATE TABLE freezes (
    system        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    reason        TEXT NOT NULL,
    frozen_by     TEXT NOT NULL,
    frozen_at_ms  INTEGER NOT NULL,
    thawed_by     TEXT,
    thawed_at_ms  INTEGER,
    PRIMARY KEY (system, kind)
) STRICT, WITHOUT ROWID;
"""
