"""The record of predictions: a file of its own, since commands without a server write it, too.

Each call opens it for a moment: a server and commands may share it. What is kept are fingerprints and definitions, no
statement's text.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from trimtab.model.errors import StoreError
from trimtab.model.estimates import Estimate

RECORD_FILE = "advice.db"
"""Its name in the data directory."""
ROWS_MAX = 200_000
"""Of more than so many the oldest that were never measured go first."""
READ_MAX = 10_000
BUSY_TIMEOUT_S = 5.0
VERSION = 1
_APPLICATION_ID = 0x54544152  # "TTAR"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS estimates (
    key             TEXT PRIMARY KEY,
    at_ms           INTEGER NOT NULL,
    system          TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    kind            TEXT NOT NULL,
    change          TEXT NOT NULL,
    raw_ratio       REAL NOT NULL CHECK (raw_ratio > 0),
    predicted_ratio REAL NOT NULL CHECK (predicted_ratio > 0),
    low             REAL NOT NULL,
    high            REAL,
    corrected_from  INTEGER NOT NULL,
    measured_ratio  REAL CHECK (measured_ratio > 0),
    measured_low    REAL,
    measured_high   REAL,
    measured_at_ms  INTEGER,
    measured_by     TEXT,
    outcome         TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS estimates_of_query ON estimates (system, fingerprint, at_ms);
CREATE INDEX IF NOT EXISTS estimates_measured ON estimates (measured_at_ms) WHERE measured_at_ms IS NOT NULL;
"""
_COLUMNS = (
    "key, at_ms, system, fingerprint, kind, change, raw_ratio, predicted_ratio, low, high, corrected_from,"
    " measured_ratio, measured_low, measured_high, measured_at_ms, measured_by, outcome"
)


class AdviceRecord:
    """The file at `path`; it is made with the first estimate.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     record = AdviceRecord(Path(folder) / RECORD_FILE)
    ...     record.keep([Estimate("a", 1, "shop", "f", "index/plain", "orders (id)", 0.1, 0.1, (0.05, 0.3))])
    ...     [(one.kind, one.measured_ratio) for one in record.of_query("shop", "f")], record.measured()
    ([('index/plain', None)], ())
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, estimates: Sequence[Estimate]) -> None:
        """Add them; one that is there already gets what was measured meanwhile."""
        if not estimates:
            return
        marks = ", ".join("?" * 17)
        with self._open(make=True) as database, database:
            database.executemany(
                f"INSERT INTO estimates ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (key) DO UPDATE SET"
                " measured_ratio = coalesce(excluded.measured_ratio, measured_ratio),"
                " measured_low = coalesce(excluded.measured_low, measured_low),"
                " measured_high = coalesce(excluded.measured_high, measured_high),"
                " measured_at_ms = coalesce(excluded.measured_at_ms, measured_at_ms),"
                " measured_by = coalesce(excluded.measured_by, measured_by),"
                " outcome = coalesce(excluded.outcome, outcome)",
                [_values(one) for one in estimates],
            )
            database.execute(
                "DELETE FROM estimates WHERE key IN (SELECT key FROM estimates WHERE measured_at_ms IS NULL"
                " ORDER BY at_ms LIMIT max(0, (SELECT count(*) FROM estimates) - ?))",
                (ROWS_MAX,),
            )

    def measured(self, limit: int = READ_MAX) -> tuple[Estimate, ...]:
        """Those that were measured, oldest first; the newest `limit` of them."""
        found = self._rows(
            f"SELECT {_COLUMNS} FROM estimates WHERE measured_at_ms IS NOT NULL ORDER BY measured_at_ms DESC, key"
            " LIMIT ?",
            (min(limit, READ_MAX),),
        )
        return tuple(reversed(found))

    def of_query(self, system: str, fingerprint: str, limit: int = 100) -> tuple[Estimate, ...]:
        """What was predicted for one query, newest first."""
        return self._rows(
            f"SELECT {_COLUMNS} FROM estimates WHERE system = ? AND fingerprint = ? ORDER BY at_ms DESC, key LIMIT ?",
            (system, fingerprint, min(limit, READ_MAX)),
        )

    def count(self) -> int:
        """All estimates, measured or not."""
        with self._open() as database:
            return int(database.execute("SELECT count(*) FROM estimates").fetchone()[0])

    def _rows(self, sql: str, values: tuple[object, ...]) -> tuple[Estimate, ...]:
        with self._open() as database:
            return tuple(_estimate(row) for row in database.execute(sql, values))

    @contextmanager
    def _open(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, checked; an empty one in memory where there is none yet and nothing is written."""
        try:
            if make:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            where = f"{self.path}" if make or self.path.exists() else ":memory:"
            with closing(sqlite3.connect(where, timeout=BUSY_TIMEOUT_S)) as database:
                self._prepare(database)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"could not use the record of advice in {self.path}: {error}: see whether its folder can be written "
                "to; moved away, it begins anew",
                path=str(self.path),
            ) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        application = int(database.execute("PRAGMA application_id").fetchone()[0])
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if application not in (0, _APPLICATION_ID) or version > VERSION:
            what = "another program" if application != _APPLICATION_ID else "a newer trimtab"
            raise StoreError(f"{self.path} was made by {what}, and is left as it is", path=str(self.path))
        if version == 0:
            tables = int(database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
            if tables and application == 0:
                raise StoreError(f"{self.path} was made by another program, and is left as it is", path=str(self.path))
            database.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION};"
                f" PRAGMA application_id = {_APPLICATION_ID}; COMMIT;"
            )
            if self.path.exists():
                self.path.chmod(0o600)


def _values(one: Estimate) -> tuple[object, ...]:
    low, high = one.interval_90
    seen = one.measured_interval_90 or (None, None)
    return (
        one.key,
        one.at_ms,
        one.system,
        one.fingerprint,
        one.kind,
        one.change,
        one.raw_ratio,
        one.predicted_ratio,
        low,
        _finite(high),
        one.corrected_from,
        one.measured_ratio,
        seen[0],
        _finite(seen[1]),
        one.measured_at_ms,
        one.measured_by,
        one.outcome,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value


def _estimate(row: tuple[object, ...]) -> Estimate:
    key, at_ms, system, fingerprint, kind, change, raw, predicted, low, high, corrected, *seen = row
    ratio, least, most, measured_at_ms, by, outcome = seen
    return Estimate(
        str(key),
        _whole(at_ms),
        str(system),
        str(fingerprint),
        str(kind),
        str(change),
        _number(raw),
        _number(predicted),
        (_number(low), _number(high)),
        _whole(corrected),
        None if ratio is None else _number(ratio),
        None if least is None else (_number(least), _number(most)),
        None if measured_at_ms is None else _whole(measured_at_ms),
        None if by is None else str(by),
        None if outcome is None else str(outcome),
    )


def _number(value: object) -> float:
    """A column as a number; an upper end that has no limit is stored as NULL."""
    return float(value) if isinstance(value, int | float) else math.inf


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
