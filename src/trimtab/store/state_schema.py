"""Tables of the state database, and the steps that bring an older file up to date.

The version is in `PRAGMA user_version`. A migration is never edited once it was released: add another.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trimtab.model.errors import StoreError
from trimtab.store.state_schema_access import ACCESS_TABLES
from trimtab.store.state_schema_alerts import ALERT_TABLES
from trimtab.store.state_schema_anomalies import ANOMALY_TABLES
from trimtab.store.state_schema_business import BUSINESS_TABLES
from trimtab.store.state_schema_capacity import CAPACITY_TABLES
from trimtab.store.state_schema_change_points import CHANGE_POINT_TABLES
from trimtab.store.state_schema_dashboards import DASHBOARD_TABLES
from trimtab.store.state_schema_forecasts import FORECAST_TABLES
from trimtab.store.state_schema_freezes import FREEZES_TABLE
from trimtab.store.state_schema_indexes import INDEX_TABLES
from trimtab.store.state_schema_notify import NOTIFY_TABLES
from trimtab.store.state_schema_objectives import OBJECTIVE_TABLES

APPLICATION_ID = 0x7472696D
"""`trim`, in `PRAGMA application_id`: tells our files from other people's."""

_FIRST = """
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE systems (
    name             TEXT PRIMARY KEY,
    watch_reference  TEXT NOT NULL,
    change_reference TEXT,
    added_at_ms      INTEGER NOT NULL
) STRICT;

CREATE TABLE cases (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    system        TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('open', 'advised', 'changing', 'closed')),
    opened_at_ms  INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finding       TEXT NOT NULL CHECK (json_valid(finding)),
    query_text    TEXT NOT NULL,
    proposals     TEXT NOT NULL CHECK (json_valid(proposals)),
    change_id     TEXT,
    verdict       TEXT,
    reason        TEXT
) STRICT;
CREATE UNIQUE INDEX cases_one_not_closed ON cases (system, fingerprint) WHERE state <> 'closed';
CREATE INDEX cases_by_update ON cases (updated_at_ms);

CREATE TABLE changes (
    id                     TEXT PRIMARY KEY,
    case_id                INTEGER NOT NULL REFERENCES cases (id),
    system                 TEXT NOT NULL,
    proposal               TEXT NOT NULL CHECK (json_valid(proposal)),
    state                  TEXT NOT NULL,
    created_at_ms          INTEGER NOT NULL,
    updated_at_ms          INTEGER NOT NULL,
    approved_by            TEXT,
    approved_hash          TEXT,
    approval_expires_at_ms INTEGER,
    undo                   TEXT,
    apply_started_at_ms    INTEGER,
    applied_at_ms          INTEGER,
    finished_at_ms         INTEGER,
    reason                 TEXT,
    effect                 TEXT,
    ledger_seq             INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX changes_one_in_flight ON changes (system)
    WHERE state IN ('checkpointed', 'applying', 'watching');
CREATE UNIQUE INDEX changes_one_alive ON changes (case_id)
    WHERE state IN ('proposed', 'checked', 'checkpointed', 'applying', 'watching');
CREATE INDEX changes_by_update ON changes (updated_at_ms);

CREATE TABLE ledger (
    seq           INTEGER PRIMARY KEY,
    change_id     TEXT NOT NULL,
    case_id       INTEGER NOT NULL,
    at_ms         INTEGER NOT NULL,
    state         TEXT NOT NULL,
    event         TEXT NOT NULL,
    actor         TEXT NOT NULL,
    detail        TEXT NOT NULL CHECK (json_valid(detail)),
    previous_hash TEXT NOT NULL CHECK (length(previous_hash) = 64),
    entry_hash    TEXT NOT NULL CHECK (length(entry_hash) = 64)
) STRICT;
CREATE INDEX ledger_by_change ON ledger (change_id, seq);
CREATE INDEX ledger_by_event ON ledger (event, at_ms);

CREATE TRIGGER ledger_is_not_updated BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no UPDATE'); END;
CREATE TRIGGER ledger_is_not_deleted BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no DELETE'); END;
CREATE TRIGGER ledger_grows_by_one BEFORE INSERT ON ledger
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: seq must be the next number'); END;

CREATE TABLE leases (
    name          TEXT PRIMARY KEY,
    holder        TEXT NOT NULL,
    session       TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL
) STRICT;
"""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    ACCESS_TABLES,
    FREEZES_TABLE,
    ALERT_TABLES,
    NOTIFY_TABLES,
    OBJECTIVE_TABLES,
    BUSINESS_TABLES,
    DASHBOARD_TABLES,
    INDEX_TABLES,
    FORECAST_TABLES,
    ANOMALY_TABLES,
    CAPACITY_TABLES,
    CHANGE_POINT_TABLES,
)
"""Script number n (from 0) brings version n to n + 1."""


def check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """StoreError for a file that a newer trimtab, or another program, has written. Only reads."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    if application not in (0, APPLICATION_ID) or (tables and application == 0):
        raise StoreError(
            f"{path} is an SQLite file of another program, and was left as it is: move it away, or take another "
            "data directory",
            path=str(path),
            application_id=application,
        )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} has version {version}, made by a newer trimtab; this one knows versions up to {len(MIGRATIONS)}, "
            "and left it as it is: start a newer one, or put back the copy from before the upgrade",
            path=str(path),
            version=version,
        )


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the file up to `len(MIGRATIONS)`; return the version it had before.

    Each step is one transaction. `check_ours` comes first.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number in range(version, len(MIGRATIONS)):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{MIGRATIONS[number]}\nPRAGMA user_version = {number + 1};\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nCOMMIT;"
        )
    return version
