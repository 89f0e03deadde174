"""Version 2 of the state: people, tokens, sessions, the audit, and what an admin set at run time.

Passwords are here as argon2 hashes, secrets of tokens and sessions as SHA-256 of 256 random bits: what is in this
file opens no door.
"""

from __future__ import annotations

AUDIT_RETENTION_DAYS = 400
"""Younger entries cannot be deleted; older ones are, so that the table stays bounded."""

ACCESS_TABLES = f"""
CREATE TABLE users (
    name               TEXT PRIMARY KEY COLLATE NOCASE,
    role               TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password_hash      TEXT NOT NULL CHECK (password_hash GLOB '$argon2id$*'),
    added_by           TEXT NOT NULL,
    added_at_ms        INTEGER NOT NULL,
    password_set_at_ms INTEGER NOT NULL,
    last_login_at_ms   INTEGER
) STRICT;

CREATE TABLE tokens (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT NOT NULL COLLATE NOCASE,
    role            TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'ingest')),
    secret_hash     TEXT NOT NULL UNIQUE CHECK (length(secret_hash) = 64),
    prefix          TEXT NOT NULL CHECK (length(prefix) <= 12),
    created_by      TEXT NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    expires_at_ms   INTEGER,
    last_used_at_ms INTEGER,
    revoked_at_ms   INTEGER
) STRICT;
CREATE UNIQUE INDEX tokens_one_alive ON tokens (name) WHERE revoked_at_ms IS NULL;

CREATE TABLE sessions (
    id            TEXT PRIMARY KEY CHECK (length(id) = 64),
    user          TEXT NOT NULL COLLATE NOCASE REFERENCES users (name) ON DELETE CASCADE,
    csrf          TEXT NOT NULL CHECK (length(csrf) >= 40),
    started_at_ms INTEGER NOT NULL,
    seen_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user, seen_at_ms);

CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms     INTEGER NOT NULL,
    principal TEXT NOT NULL,
    how       TEXT NOT NULL,
    address   TEXT NOT NULL,
    action    TEXT NOT NULL,
    target    TEXT NOT NULL,
    outcome   TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    detail    TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
CREATE INDEX audit_by_time ON audit (at_ms);

CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only: no UPDATE'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN OLD.at_ms > (CAST(strftime('%s', 'now') AS INTEGER) - {AUDIT_RETENTION_DAYS} * 86400) * 1000
BEGIN SELECT RAISE(ABORT, 'the audit is append-only: no DELETE before its retention is over'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only: no REPLACE'); END;
CREATE TRIGGER audit_only_grows AFTER INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq > NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only: seq must be a new number'); END;

CREATE TABLE policy_overrides (
    system    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL CHECK (json_valid(value)),
    set_by    TEXT NOT NULL,
    set_at_ms INTEGER NOT NULL,
    PRIMARY KEY (system, kind, name)
) STRICT, WITHOUT ROWID;
"""
"""`policy_overrides.system` is '' for all systems, `name` is the setting ('autonomy'), `value` is JSON."""
