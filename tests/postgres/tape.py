"""A tape of what a server answered, query by query, so that it can be played to the same code without that server.

Answers are found by the query's text (spaces do not count; parameters do not either: the order of equal queries does).
A query that is not on the tape was never asked of that version: then the tape has to be recorded anew.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus

from trimtab.sql.connect import Connection

FOLDER = Path(__file__).parent.parent / "data" / "postgres"
AGAIN = "record it again with `make postgres-versions RECORD=1` (needs npm)"

_NAME = re.compile(r"trimtab_plan_\d+")


def key_of(sql: str | bytes) -> str:
    """The text under which an answer is kept."""
    text = sql.decode() if isinstance(sql, bytes) else sql
    return _NAME.sub("trimtab_plan_n", " ".join(text.split()))


def packed(value: object) -> object:
    """A value as JSON holds it."""
    match value:
        case Decimal():
            return {"decimal": str(value)}
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case bytes() | memoryview():
            return {"bytes": bytes(value).hex()}
        case dict():
            return {"json": value}
        case list() | tuple():
            return [packed(item) for item in value]
    return value


def unpacked(value: object) -> object:
    """The value again."""
    if isinstance(value, list):
        return [unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    makers: dict[str, Any] = {
        "decimal": Decimal,
        "datetime": datetime.fromisoformat,
        "date": date.fromisoformat,
        "bytes": bytes.fromhex,
    }
    return makers[kind](inner) if kind in makers else inner


class Recording:
    """A connection that writes down what it was answered; everything else it hands on."""

    def __init__(self, connection: Connection, tape: list[dict[str, object]]) -> None:
        self._connection = connection
        self._tape = tape

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, query: bytes | str, params: Any = None, **options: Any) -> _Answer:
        """Ask, write down, and give the same answer, or raise the same error."""
        try:
            cursor = self._connection.execute(cast(bytes, query), params, **options)
        except psycopg.Error as error:
            self._tape.append({"sql": key_of(query), "sqlstate": error.sqlstate})
            raise
        return self._written(query, cursor)

    def cursor(self, **options: Any) -> _Cursor:
        """A cursor of the kind that is asked for, on this connection."""
        return _Cursor(self.execute, as_dict="row_factory" in options)

    def _written(self, query: bytes | str, cursor: psycopg.Cursor[tuple[Any, ...]]) -> _Answer:
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall() if cursor.description else []
        self._tape.append({"sql": key_of(query), "columns": names, "rows": packed(rows)})
        return _Answer(names, rows)


class Playing:
    """A connection that answers from a tape, as far as trimtab's reading code asks of one."""

    def __init__(self, header: dict[str, Any], tape: Sequence[dict[str, Any]]) -> None:
        self._answers: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        for entry in tape:
            self._answers[entry["sql"]].append(entry)
        self._last = {entry["sql"]: entry for entry in tape}
        self.autocommit, self.closed, self.prepare_threshold = True, False, None
        self.adapters = SimpleNamespace(register_loader=lambda *_: None)
        self.info = SimpleNamespace(
            backend_pid=0,
            user=header["user"],
            dbname=header["database"],
            host="recorded",
            hostaddr="",
            server_version=header["version_num"],
            transaction_status=TransactionStatus.IDLE,
            parameter_status=header["parameters"].get,
        )

    def execute(self, query: bytes | str, _params: Any = None, **_options: Any) -> _Answer:
        """The next answer to this query; the last one again when it was asked less often."""
        key = key_of(query)
        waiting = self._answers[key]
        entry = waiting.popleft() if waiting else self._last.get(key)
        if entry is None:
            raise AssertionError(f"this query was never asked of this version; {AGAIN}:\n{key}")
        if "sqlstate" in entry:
            raise psycopg.errors.lookup(entry["sqlstate"])("an error on the tape")
        rows = [tuple(row) for row in cast(list[list[object]], unpacked(entry["rows"]))]
        return _Answer(entry["columns"], rows)

    def cursor(self, **options: Any) -> _Cursor:
        """A cursor on this connection."""
        return _Cursor(self.execute, as_dict="row_factory" in options)

    @contextmanager
    def transaction(self, **_options: Any) -> Iterator[None]:
        """Nothing to begin or end."""
        yield

    def close(self) -> None:
        """Nothing to close."""
        self.closed = True


class _Answer:
    """The part of a cursor that is read."""

    def __init__(self, names: Sequence[str], rows: Sequence[Any]) -> None:
        self.description = [SimpleNamespace(name=name) for name in names] or None
        self._rows = deque(rows)

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchall(self) -> list[Any]:
        rows, self._rows = list(self._rows), deque()
        return rows

    def fetchmany(self, size: int) -> list[Any]:
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]


class _Cursor:
    """`connection.cursor(row_factory=dict_row)`, or without."""

    def __init__(self, execute: Any, *, as_dict: bool) -> None:
        self._execute, self._as_dict = execute, as_dict
        self._answer = _Answer((), ())

    def execute(self, query: bytes | str, params: Any = None, **options: Any) -> _Cursor:
        answer: _Answer = self._execute(query, params, **options)
        names = [column.name for column in answer.description or ()]
        rows = [dict(zip(names, row, strict=True)) if self._as_dict else row for row in answer.fetchall()]
        self._answer = _Answer(names, rows)
        return self

    def fetchone(self) -> Any:
        return self._answer.fetchone()

    def fetchall(self) -> list[Any]:
        return self._answer.fetchall()

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def write(file: Path, header: dict[str, Any], tape: Sequence[dict[str, Any]]) -> None:
    """One answer on a line, so that a difference can be read."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in tape)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'{{"header": {json.dumps(header, ensure_ascii=False)},\n"tape": [\n{lines}\n]}}\n', "utf-8")


def read(file: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(header, tape)."""
    found = json.loads(file.read_text("utf-8"))
    return found["header"], found["tape"]
