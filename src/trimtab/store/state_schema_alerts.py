"""Version 4 of the state: alerts as they stand, and their changes until somebody has taken them."""

from __future__ import annotations

ALERT_TABLES = """
CREATE TABLE alerts (
    origin               TEXT NOT NULL,
    fingerprint          TEXT NOT NULL CHECK (length(fingerprint) = 16),
    labels               TEXT NOT NULL CHECK (json_valid(labels)),
    annotations          TEXT NOT NULL CHECK (json_valid(annotations)),
    state                TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    value                TEXT NOT NULL,
    source               TEXT NOT NULL,
    generator_url        TEXT NOT NULL,
    active_at_ms         INTEGER NOT NULL,
    fired_at_ms          INTEGER,
    resolved_at_ms       INTEGER,
    keep_firing_since_ms INTEGER,
    keep_firing_for_ms   INTEGER NOT NULL,
    held_ms              INTEGER NOT NULL,
    PRIMARY KEY (origin, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_by_state ON alerts (state, resolved_at_ms);

CREATE TABLE alert_outbox (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms  INTEGER NOT NULL,
    origin TEXT NOT NULL,
    alert  TEXT NOT NULL CHECK (json_valid(alert))
) STRICT;

CREATE TABLE alert_origins (
    origin          TEXT PRIMARY KEY,
    evaluated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
"""`value` is text because an alert's value may be NaN or infinite; `held_ms` counts how long it was seen to be true
(for one that keeps firing: how long it was seen not to be), whatever the clock did meanwhile."""
