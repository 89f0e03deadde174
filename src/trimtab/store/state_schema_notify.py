"""Version 5 of the state: who was told what of alerts, what still has to be told, silences, and what alerts there were.

No address and no secret of a receiver is in here.
"""

from __future__ import annotations

NOTIFY_TABLES = """
CREATE TABLE alert_history (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    origin         TEXT NOT NULL,
    fingerprint    TEXT NOT NULL CHECK (length(fingerprint) = 16),
    name           TEXT NOT NULL,
    severity       TEXT NOT NULL,
    source         TEXT NOT NULL,
    alert          TEXT NOT NULL CHECK (json_valid(alert)),
    fired_at_ms    INTEGER NOT NULL,
    resolved_at_ms INTEGER,
    words          TEXT NOT NULL,
    UNIQUE (origin, fingerprint, fired_at_ms)
) STRICT;
CREATE INDEX alert_history_by_time ON alert_history (fired_at_ms);
CREATE INDEX alert_history_by_end ON alert_history (resolved_at_ms);

CREATE TABLE notify_groups (
    receiver    TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    route       TEXT NOT NULL,
    labels      TEXT NOT NULL CHECK (json_valid(labels)),
    flush_at_ms INTEGER NOT NULL,
    told        TEXT NOT NULL CHECK (json_valid(told)),
    told_at_ms  INTEGER,
    handle      TEXT NOT NULL,
    PRIMARY KEY (receiver, group_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX notify_groups_by_flush ON notify_groups (flush_at_ms);

CREATE TABLE notify_members (
    receiver    TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    origin      TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    alert       TEXT NOT NULL CHECK (json_valid(alert)),
    PRIMARY KEY (receiver, group_key, origin, fingerprint),
    FOREIGN KEY (receiver, group_key) REFERENCES notify_groups (receiver, group_key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX notify_members_by_alert ON notify_members (origin, fingerprint);

CREATE TABLE notifications (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,
    receiver       TEXT NOT NULL,
    group_key      TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'confirmed', 'lost', 'moot')),
    made_at_ms     INTEGER NOT NULL,
    tries_count    INTEGER NOT NULL,
    next_try_at_ms INTEGER NOT NULL,
    ended_at_ms    INTEGER,
    promised       TEXT NOT NULL CHECK (json_valid(promised)),
    is_repeat      INTEGER NOT NULL,
    title          TEXT NOT NULL,
    note           TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX notifications_one_waiting ON notifications (receiver, group_key) WHERE state = 'waiting';
CREATE INDEX notifications_by_end ON notifications (ended_at_ms);

CREATE TABLE notify_counts (
    receiver TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    total    INTEGER NOT NULL,
    PRIMARY KEY (receiver, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE alertmanager_alerts (
    alertmanager TEXT NOT NULL,
    origin       TEXT NOT NULL,
    fingerprint  TEXT NOT NULL,
    alert        TEXT NOT NULL CHECK (json_valid(alert)),
    told         TEXT NOT NULL,
    confirmed    INTEGER NOT NULL,
    PRIMARY KEY (alertmanager, origin, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE TABLE silences (
    id            TEXT PRIMARY KEY,
    matchers      TEXT NOT NULL CHECK (json_valid(matchers)),
    starts_at_ms  INTEGER NOT NULL,
    ends_at_ms    INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    comment       TEXT NOT NULL
) STRICT;
CREATE INDEX silences_by_end ON silences (ends_at_ms);

CREATE TABLE triggered_alerts (
    fingerprint     TEXT PRIMARY KEY CHECK (length(fingerprint) = 16),
    labels          TEXT NOT NULL CHECK (json_valid(labels)),
    annotations     TEXT NOT NULL CHECK (json_valid(annotations)),
    value           TEXT NOT NULL,
    triggered_by    TEXT NOT NULL,
    triggered_at_ms INTEGER NOT NULL,
    ends_at_ms      INTEGER NOT NULL
) STRICT;
"""
"""`told` of a group and of an Alertmanager say as what an alert was told at last (`firing@MOMENT`, `resolved@MOMENT`);
`promised` are the alerts for which a notification was made."""
