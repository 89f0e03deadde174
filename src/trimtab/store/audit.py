"""The audit in the state database: who did what. Append-only by triggers, bounded by its retention."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec

from trimtab.model.access import AuditEntry, Outcome
from trimtab.store.state_codec import decode, encode
from trimtab.store.state_database import StateDatabase
from trimtab.store.state_schema_access import AUDIT_RETENTION_DAYS

ROWS_MAX = 1000
"""Entries of one answer, and old entries that one append takes away."""

DETAIL_BYTES_MAX = 4000
TEXT_CHARS_MAX = 500
"""A longer text in a detail that is too large keeps its beginning; what is short beside it stays whole."""
_DAY_MS = 86_400_000
_COLUMNS = "seq, at_ms, principal, how, address, action, target, outcome, detail"


class Audit:
    """The table `audit`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def append(self, entry: AuditEntry) -> AuditEntry:
        """Write one down, durably; its `seq` is the next number. What is past its retention goes."""
        detail = _fitting(entry.detail)
        with self._db.transaction() as db:
            made = db.execute(
                "INSERT INTO audit (at_ms, principal, how, address, action, target, outcome, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
                (
                    entry.at_ms,
                    entry.principal,
                    entry.how,
                    entry.address,
                    entry.action,
                    entry.target,
                    entry.outcome.value,
                    detail,
                ),
            ).fetchone()
            db.execute(
                "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit WHERE at_ms <= ? ORDER BY at_ms LIMIT ?)"
                " AND at_ms <= (CAST(strftime('%s', 'now') AS INTEGER) - ?) * 1000",
                (entry.at_ms - AUDIT_RETENTION_DAYS * _DAY_MS, ROWS_MAX, AUDIT_RETENTION_DAYS * 86_400),
            )
            return self._entry(int(made["seq"]))

    def _entry(self, seq: int) -> AuditEntry:
        return _entry(self._db.rows(f"SELECT {_COLUMNS} FROM audit WHERE seq = ?", (seq,))[0])

    def entries(self, limit: int, before_seq: int | None = None) -> tuple[AuditEntry, ...]:
        """The newest entries before `before_seq` (exclusive), newest first."""
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
            (2**62 if before_seq is None else before_seq, max(1, min(limit, ROWS_MAX))),
        )
        return tuple(map(_entry, rows))

    def logins(self, since_ms: int, limit: int) -> tuple[tuple[str, str], ...]:
        """Who logged in from where since then: names and addresses, each pair once."""
        rows = self._db.rows(
            "SELECT DISTINCT principal, address FROM audit"
            " WHERE at_ms >= ? AND action = 'login' AND outcome = 'done' LIMIT ?",
            (since_ms, limit),
        )
        return tuple((str(row["principal"]), str(row["address"])) for row in rows)


def _fitting(detail: Mapping[str, object]) -> str:
    """The detail as it is stored: whole where it fits, else its long fields cut, the longest first."""
    kept = dict(detail)
    text = encode(kept, dict[str, object])
    for name in sorted(kept, key=lambda name: -len(_plain(kept[name]))):
        if len(text) <= DETAIL_BYTES_MAX:
            return text
        kept[name] = _cut(_plain(kept[name]))
        text = encode(kept, dict[str, object])
    if len(text) > DETAIL_BYTES_MAX:
        text = encode({"cut": f"the detail had {len(text)} bytes in {len(kept)} fields"}, dict[str, object])
    return text


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _cut(text: str) -> str:
    """
    >>> _cut("no"), _cut("x" * 600)[-19:]
    ('no', 'x… (600 characters)')
    """
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}… ({len(text)} characters)"


def _entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(
        row["seq"],
        row["at_ms"],
        row["principal"],
        row["how"],
        row["address"],
        row["action"],
        row["target"],
        Outcome(row["outcome"]),
        decode(row["detail"], dict[str, object]),
    )
