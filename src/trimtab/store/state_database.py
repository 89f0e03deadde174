"""The SQLite file under the state: durable, one process, many threads.

WAL with `synchronous=FULL`: a committed transaction survives a power cut. One connection writes, under a lock;
another one reads, so that a page never waits for an fsync. A second process (or a second open in this one) is
turned away by a lock on `<path>.lock`, which the kernel releases when the holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from trimtab.model.errors import ConflictError, StoreError, StoreLocked
from trimtab.store.disk import free_bytes
from trimtab.store.news import Listener, News, nobody
from trimtab.store.opening import opening
from trimtab.store.state_look import HOW, look
from trimtab.store.state_schema import migrate

STATE_FILE = "state.db"
"""Its name in the data directory."""

BUSY_TIMEOUT_S = 5.0
_FREE_BYTES_MIN = 1_000_000


class StateDatabase:
    """The open file. `session` is new with every open: it tells leases of this process from a dead one's."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.session = uuid.uuid4().hex
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._writing_thread: int | None = None
        self._news: dict[News, None] = {}
        self.listener: Listener = nobody
        with opening("the state", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock_fd = _take_lock(path)
        with ExitStack() as undo, opening("the state", path):
            undo.callback(os.close, self._lock_fd)
            try:
                look(path, BUSY_TIMEOUT_S)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # its log gets the same rights
                self._writer = undo.enter_context(closing(_connect(path)))
                path.chmod(0o600)
                migrate(self._writer)
                self._reader = undo.enter_context(closing(_connect(path)))
                self._reader.execute("PRAGMA query_only = ON")
            except sqlite3.Error as error:
                raise StoreError(
                    f"could not open the state in {path}: {error}{_to_do(error, path)}", path=str(path)
                ) from error
            undo.pop_all()  # it is open: `close` does this
        self._closed = False

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One durable unit: committed on leaving, rolled back on an error. Nested uses join the outer one."""
        news: tuple[News, ...] = ()
        with self._write_lock:
            self._check_open()
            if self._writing_thread is not None:  # ours: the lock is re-entrant
                yield self._writer
                return
            self._writing_thread = threading.get_ident()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                    news = tuple(self._news)
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.IntegrityError as error:
                raise ConflictError(f"the state refused a write: {error}") from error
            except sqlite3.Error as error:
                raise StoreError(
                    f"could not write the state in {self.path}: {error}{_to_do(error, self.path)}", path=str(self.path)
                ) from error
            finally:
                self._writing_thread = None
                self._news.clear()
        for item in news:
            self.listener(item)

    def tell(self, kind: str, **facts: object) -> None:
        """Within a transaction: what it is about. The listener hears it once it is durable, and never if it is not."""
        self._news[News(kind, tuple(facts.items()))] = None

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a query; the caller's SQL has a LIMIT. Inside a transaction of this thread it sees its writes."""
        if self._writing_thread == threading.get_ident():
            return self._fetch(self._writer, sql, parameters)
        with self._read_lock:
            return self._fetch(self._reader, sql, parameters)

    def close(self) -> None:
        """Close and let go of the lock; again is no error."""
        with self._write_lock, self._read_lock:
            if self._closed:
                return
            self._closed = True
            self._reader.close()
            self._writer.close()
            os.close(self._lock_fd)

    def _fetch(self, connection: sqlite3.Connection, sql: str, parameters: tuple[Any, ...]) -> list[sqlite3.Row]:
        self._check_open()
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"could not read the state in {self.path}: {error}{_to_do(error, self.path)}", path=str(self.path)
            ) from error

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the state in {self.path} is closed", path=str(self.path))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        connection.close()
        raise StoreError(f"{path} cannot use a write-ahead log (journal mode {mode}): is it on a network disk?")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")
    return connection


def _to_do(error: sqlite3.Error, path: Path) -> str:
    """What a person can do about it, in front of it a colon."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    is_full = code == sqlite3.SQLITE_IOERR and free_bytes(path.parent) < _FREE_BYTES_MIN
    if code == sqlite3.SQLITE_FULL or is_full:  # a full disk is a failed read or write to it where it maps its log
        return ": make room on its disk; what was committed before is still there"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return ": give the file and its folder to the user who runs trimtab, on a file system that can be written to"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f": it is damaged: stop trimtab, and put a copy of it in its place. {HOW}"
    return ""


def _take_lock(state: Path) -> int:
    """Lock a file beside the state and write our process id into it; `StoreLocked` names the holder."""
    path = state.with_name(f"{state.name}.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(fd, 64, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise StoreLocked(
            f"{state} is in use by process {holder}; one trimtab at a time may have it: stop that one, or take another "
            "data directory",
            path=str(path),
            holder=holder,
        ) from error
    except OSError:
        os.close(fd)
        raise
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
