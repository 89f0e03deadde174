"""What cannot be opened is said with its name and what to do, and is left as it was."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from trimtab.model.errors import EngineRefused, StoreError
from trimtab.store.opening import opening
from trimtab.store.state import State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state that was in use."""
    with State.open(tmp_path / "state.db") as state:
        state.set_meta("a", "b" * 20_000)
    (tmp_path / "telemetry" / "engine").mkdir(parents=True)
    return tmp_path / "state.db"


def foreign(path: Path) -> None:
    """Another program's file."""
    path.unlink()
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE t (a)")
    raw.close()


def newer(path: Path) -> None:
    """A file that a later version has written."""
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()


def torn(path: Path) -> None:
    """One page of many is something else."""
    data = bytearray(path.read_bytes())
    root = len(data) // 2 // 4096 * 4096
    data[root : root + 4096] = os.urandom(4096)
    path.write_bytes(data)


def empty_with_its_log(path: Path) -> None:
    """Emptied while the process that had it died: its write-ahead log is still there."""
    os.truncate(path, 0)
    path.with_name("state.db-wal").write_bytes(b"x" * 4096)


def without_tables(path: Path) -> None:
    """A database, and nothing in it."""
    path.unlink()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 0")
        raw.execute("VACUUM")
    raw.close()


def only_spooled(path: Path) -> None:
    """Nothing was loaded yet."""
    os.truncate(path, 0)
    (path.parent / "telemetry" / "engine").rmdir()
    (path.parent / "telemetry" / "spool").mkdir()
    (path.parent / "telemetry" / "spool" / "epoch").write_text("1")


DAMAGE = {
    "is empty, and there was a state before (": empty_with_its_log,
    "is empty, and there was a state before (there is telemetry beside it)": without_tables,
    "put a copy of it back. To begin without one": only_spooled,
    "'Back up and restore' in the documentation says how": lambda path: os.truncate(path, 0),
    "is damaged": lambda path: os.truncate(path, 3000),
    "is damaged (": lambda path: os.truncate(path, path.stat().st_size // 2 // 4096 * 4096),
    "is damaged (file is not a database)": lambda path: path.write_bytes(b"this is no database" * 1000),
    "is empty, and there was a state before": lambda path: os.truncate(path, 0),
    "is an SQLite file of another program": foreign,
    "has version 99": newer,
    "and was left as it is: move it away": torn,
}


@pytest.mark.parametrize("said", DAMAGE)
def test_a_state_that_is_not_ours_or_damaged_is_left_as_it_is(path: Path, said: str) -> None:
    DAMAGE[said](path)
    path.chmod(0o640)
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        State.open(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_state_that_died_before_its_first_word_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    State.open(tmp_path / "state.db").close()


def test_a_full_disk_loses_nothing(path: Path) -> None:
    with State.open(path) as state:
        writer = state.database._writer
        writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(StoreError, match=r"full: make room on its disk; what was committed before is still there"):
            state.set_meta("more", "x" * 100_000)
        assert state.meta("a") == "b" * 20_000


def test_a_full_disk_is_named_where_sqlite_only_sees_a_failed_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(_path: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR | (19 << 8)  # as at the mapping of a log on a full disk
        raise error

    monkeypatch.setattr("trimtab.store.state_database._connect", connect)
    monkeypatch.setattr("trimtab.store.state_database.free_bytes", lambda _: 4096)
    with pytest.raises(StoreError, match=r"state\.db: disk I/O error: make room on its disk"):
        State.open(path)
    monkeypatch.setattr("trimtab.store.state_database.free_bytes", lambda _: 1 << 40)
    with pytest.raises(StoreError, match=r"state\.db: disk I/O error$"):
        State.open(path)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "mounted read-only"),
        (errno.ENOSPC, "make room on its disk"),
        (errno.EACCES, "give it to the user who runs trimtab"),
        (errno.EIO, "see what is wrong with that file or its disk"),
    ],
)
def test_the_operating_systems_refusals_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def refuse(path: object, *_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError) as caught:
        State.open(tmp_path / "state.db")
    assert str(tmp_path / "state.db") in caught.value.message
    assert said in caught.value.message


def test_the_engines_refusals_name_the_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path}: no space: make room"), opening("the telemetry", tmp_path):
        raise EngineRefused("no space", code=243)
