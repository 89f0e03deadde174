"""A chDB behind as much of ClickHouse's HTTP protocol as the store uses; one process is one shard.

    python -m tests.clickhouse.shim DIRECTORY PORT DATABASE      user and password from SHIM_USER, SHIM_PASSWORD

Spoken: POST with the statement as body or field; `param_*`, settings and `database` in the address or as fields;
external tables as files of a form; the named default format; exceptions with code; a summary; KILL QUERY … SYNC, which
waits for the statement that it names. Not spoken: what a server adds (Distributed, replicas, Keeper, progress,
exceptions in the middle of an answer, sessions, compression, TLS, quotas, roles).
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from trimtab.store.memory_file import memory_file

if TYPE_CHECKING:
    from chdb.session import Session

_RESERVED = frozenset({"query", "query_id", "database", "default_format", "wait_end_of_query", "user", "password"})
_STATUS = {60: 404, 81: 404, 516: 403, 497: 403, 62: 400, 47: 400}
_CODE = re.compile(r"Code: (\d+)\.")
_NAMED = re.compile(rb'name="([^"]*)"')
_FILE = re.compile(rb'filename="')


class Refused(Exception):
    """What the server says no to."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Asked(NamedTuple):
    """One request."""

    sql: str
    values: dict[str, str]
    files: dict[str, bytes]


class Chdb:
    """Sessions by their settings, each for one statement at a time."""

    def __init__(self, directory: Path, database: str) -> None:
        import chdb  # noqa: F401 - before the first session

        self._directory = directory
        self._lock = threading.Lock()
        self._idle: dict[tuple[tuple[str, str], ...], list[Session]] = {}
        self._running: set[str] = set()
        self._ended = threading.Condition()
        self._session(()).query(f"CREATE DATABASE IF NOT EXISTS {database}")

    def _session(self, settings: tuple[tuple[str, str], ...]) -> Session:
        from chdb.session import Session

        with self._lock:
            if self._idle.get(settings):
                return self._idle[settings].pop()
        session = Session(str(self._directory))
        database = dict(settings).get("database")
        if database:
            session.query(f"USE {database}")
        for name, value in sorted(settings, key=lambda pair: pair[0] == "readonly"):
            if name != "database":
                session.query(f"SET {name} = {_quoted(value)}")
        return session

    def run(self, asked: Asked) -> bytes:
        """The answer, or RuntimeError with the engine's words."""
        query_id = asked.values.get("query_id", "")
        if asked.sql.startswith("KILL QUERY"):
            self._wait_for_end(asked.values)
            return b""
        with self._ended:
            self._running.add(query_id)
        try:
            return self._run(asked)
        finally:
            with self._ended:
                self._running.discard(query_id)
                self._ended.notify_all()

    def _wait_for_end(self, values: dict[str, str]) -> None:
        named = values["param_ids"]
        wanted = json.loads(named.replace("'", '"')) if named.startswith("[") else None

        def is_over() -> bool:
            if wanted is None:
                return not any(one.startswith(named) for one in self._running)
            return not self._running.intersection(wanted)

        with self._ended:
            self._ended.wait_for(is_over)

    def _run(self, asked: Asked) -> bytes:
        tables = {f"{name}_{what}" for name in asked.files for what in ("format", "structure")}
        settings = {
            name: value
            for name, value in asked.values.items()
            if name not in _RESERVED and not name.startswith("param_") and name not in tables
        }
        key = tuple(sorted({**settings, "database": asked.values.get("database", "default")}.items()))
        session = self._session(key)
        with ExitStack() as files:
            for name, data in asked.files.items():
                path = files.enter_context(memory_file(data))
                structure, kind = asked.values[f"{name}_structure"], asked.values[f"{name}_format"]
                session.query(f"CREATE TEMPORARY TABLE {name} ({structure}) ENGINE = Memory")
                session.query(f"INSERT INTO {name} SELECT * FROM file('{path}', '{kind}', {_quoted(structure)})")
            parameters = {name[6:]: value for name, value in asked.values.items() if name.startswith("param_")}
            answer = session.query(asked.sql, asked.values.get("default_format", "TabSeparated"), params=parameters)
            data = bytes(answer.bytes())
            for name in asked.files:
                session.query(f"DROP TEMPORARY TABLE {name}")
        with self._lock:  # one that failed is not used again: what it had written comes in front of its next answer
            self._idle.setdefault(key, []).append(session)
        return data


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fields_of(body: bytes, content_type: str) -> tuple[dict[str, str], dict[str, bytes]]:
    """Fields and files of a form."""
    boundary = b"--" + content_type.partition("boundary=")[2].strip('"').encode()
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in body.split(boundary)[1:-1]:
        head, _, data = part[2:].partition(b"\r\n\r\n")
        name = _NAMED.search(head)
        if name is None or not data.endswith(b"\r\n"):
            raise Refused("Code: 79. DB::Exception: Incorrect data: a part of the form", 79)
        if _FILE.search(head):
            files[name[1].decode()] = data[:-2]
        else:
            fields[name[1].decode()] = data[:-2].decode()
    return fields, files


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    chdb: Chdb
    user = ""
    password = ""

    def do_POST(self) -> None:
        """Run a statement."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        try:
            self._check_user()
            data = self.chdb.run(self._asked(body))
        except (Refused, RuntimeError) as error:
            found = _CODE.search(str(error))
            self._refuse(str(error), error.code if isinstance(error, Refused) else int(found[1]) if found else 1002)
            return
        self._reply(200, data, {"X-ClickHouse-Summary": "{}", "X-ClickHouse-Format": "ArrowStream"})

    def _check_user(self) -> None:
        said = [self.headers.get(f"X-ClickHouse-{name}", "").encode("latin-1").decode() for name in ("User", "Key")]
        if said != [self.user, self.password]:
            raise Refused("Code: 516. DB::Exception: Authentication failed: password is incorrect", 516)

    def _asked(self, body: bytes) -> Asked:
        values = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/form-data"):
            return Asked(values.get("query", "") + body.decode(), values, {})
        fields, files = fields_of(body, kind)
        return Asked(values.get("query", "") + fields.pop("query", ""), values | fields, files)

    def _refuse(self, message: str, code: int) -> None:
        headers = {"X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain"}
        self._reply(_STATUS.get(code, 500), message.encode(), headers)

    def _reply(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Each connection has a thread."""

    daemon_threads = True
    request_queue_size = 64


def main(directory: Path, port: int, database: str) -> None:
    """Serve until killed; says its port on one line when it does."""
    directory.mkdir(parents=True, exist_ok=True)
    os.chdir(directory)  # the engine leaves copies of schemas that it is given as text
    Handler.chdb = Chdb(directory / "data", database)
    Handler.user, Handler.password = os.environ["SHIM_USER"], os.environ["SHIM_PASSWORD"]
    server = Server(("127.0.0.1", port), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]), sys.argv[3])
