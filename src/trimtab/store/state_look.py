"""What stands where the state should be, looked at before anything is written to it.

A file that is damaged, of another program, or of a newer trimtab is left exactly as it is.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from trimtab.model.errors import StoreError
from trimtab.store.state_schema import check_ours

TELEMETRY_FOLDER = "telemetry"
"""What stands beside a state that was in use."""
HOW = "'Back up and restore' in the documentation says how"
"""Where what to do is written down step by step."""


def look(path: Path, busy_timeout_s: float) -> None:
    """StoreError, with what to do, where the file at `path` is no state of ours; no file is a new one."""
    if not path.exists() or path.is_dir():
        return
    if path.stat().st_size == 0:
        _check_new(path)
        return
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=busy_timeout_s)
        ) as reader:
            check_ours(reader, path)
            if not reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                _check_new(path)
            found = str(reader.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        found = str(error)
    if found != "ok":
        raise damaged(path, found)


def _check_new(path: Path) -> None:
    """StoreError for a state without anything in it where there was one before: telemetry was kept beside it."""
    telemetry = path.parent / TELEMETRY_FOLDER
    spool = telemetry / "spool"
    if (telemetry / "engine").exists() or (spool.is_dir() and any(spool.iterdir())):
        raise StoreError(
            f"{path} is empty, and there was a state before (there is telemetry beside it): put a copy of it back. To "
            "begin without one (systems, people, ledger and the undo of changes are then lost), move the empty file "
            f"away, and {path.name}-wal with it. {HOW}",
            path=str(path),
        )


def damaged(path: Path, found: str) -> StoreError:
    """The error for a file that SQLite cannot make sense of."""
    return StoreError(
        f"{path} is damaged ({found}), and was left as it is: move it away, and put a copy of it in its place; without "
        f"one, save what can be read: sqlite3 {path.name} .recover | sqlite3 saved.db. {HOW}",
        path=str(path),
    )
