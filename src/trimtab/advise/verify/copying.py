"""A copy of a database on a private server: whole where it is small, else its schema and a sample of its rows.

On the system itself only reading happens: `pg_dump`, and `COPY … TO` of samples in one read-only snapshot. A sample
keeps what belongs together: of a large table's rows a share is drawn by its key, and of a table that refers to it
those rows that refer to drawn ones, so that joins find what they would find.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.verify.clone import BUILD_MAX_MS, Clone, prepared
from trimtab.advise.verify.private_server import DATABASE, OWNER, PrivateServer, private_server, programs_dir, run
from trimtab.advise.verify.sampling import Drawn, draw
from trimtab.model.errors import MissingError
from trimtab.sql.connect import OWN_MARK, PatientConnection
from trimtab.sql.identifiers import qualified, quoted

COPY_BYTES_MAX = 2 * 10**9
"""A database up to this size is copied whole; of a larger one so many bytes of rows are drawn."""
DISK_FACTOR = 3.0
SHARED_BUFFERS_MAX_MB = 1_024
_SERVICE = "system"
_KEYWORDS = frozenset(
    {"hostaddr", "passfile", "channel_binding", "connect_timeout", "sslmode", "sslcert", "sslkey", "sslpassword"}
    | {"sslrootcert", "sslcrl", "requirepeer", "krbsrvname", "gssencmode", "gsslib"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version"}
)
"""Of libpq's keywords those that every version since 13 knows."""


@dataclass(frozen=True, slots=True)
class _Source:
    """What is copied: `size_bytes` of the whole database."""

    size_bytes: int
    extensions: tuple[tuple[str, str], ...]
    shared_buffers_mb: int
    encoding: str
    collation: str


@contextmanager
def made_clone(original: Connection, *, copy_bytes_max: int = COPY_BYTES_MAX) -> Iterator[Clone]:
    """A clone of the database behind `original`, on a private server that is gone afterwards.

    `ProgramMissing` (no PostgreSQL of that version here), `MissingError` (no room, `pg_dump` may not read something).
    """
    source = _source(original)
    programs, major = programs_dir(original.info.server_version // 10_000)
    buffers_mb = max(32, min(source.shared_buffers_mb, SHARED_BUFFERS_MAX_MB))
    with private_server(programs, major, settings={"shared_buffers": f"{buffers_mb}MB"}) as server:
        wanted = min(source.size_bytes, copy_bytes_max)
        free = shutil.disk_usage(server.folder).free
        if free < DISK_FACTOR * wanted:
            raise MissingError(
                f"a clone of {wanted / 1e6:,.0f} MB needs {DISK_FACTOR * wanted / 1e6:,.0f} MB free in "
                f"{server.folder.parent}, there are {free / 1e6:,.0f}: make room, set TMPDIR, or name a clone",
                free_bytes=free,
            )
        notes = _prepare(server, source)
        is_whole = source.size_bytes <= copy_bytes_max
        if is_whole:
            _restore(server, _dump(server, original), notes)
            told = f"a clone that was made of the whole database ({source.size_bytes / 1e6:,.0f} MB)"
        else:
            drawn = _sampled(server, original, copy_bytes_max, notes)
            told = f"a clone that was made of a sample ({drawn.share:.1%} of the rows of large tables)"
        with server.connect(database=DATABASE) as administrator:
            administrator.execute(b"VACUUM (ANALYZE)")
        with server.connect(user=OWNER, database=DATABASE, statement_ms=BUILD_MAX_MS) as connection:
            yield prepared(connection, original, told, tuple(notes))


def _source(original: Connection) -> _Source:
    query = f"""
        SELECT {OWN_MARK} pg_database_size(current_database()),
               (SELECT setting::int8 * 8192 / 1048576 FROM pg_settings WHERE name = 'shared_buffers'),
               pg_encoding_to_char(d.encoding), d.datcollate
          FROM pg_database d WHERE d.datname = current_database()"""
    extensions = f"""
        SELECT {OWN_MARK} e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname <> 'plpgsql' ORDER BY e.oid"""
    with server_errors(original, "ask how large the database is"):
        row = original.execute(query.encode(), prepare=False).fetchone()
        found = original.execute(extensions.encode(), prepare=False).fetchall()
    if row is None:
        raise MissingError("the database does not say how large it is")
    pairs = tuple((str(name), str(schema)) for name, schema in found)
    return _Source(int(row[0]), pairs, int(row[1]), str(row[2]), str(row[3]))


def _prepare(server: PrivateServer, source: _Source) -> list[str]:
    """The empty database, its owner, and the extensions that this machine has."""
    notes: list[str] = []
    with server.connect() as administrator:
        administrator.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
        create = f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0 ENCODING '{source.encoding}'"
        try:
            administrator.execute(f"{create} LOCALE '{source.collation}'".encode())
        except psycopg.Error:
            administrator.execute(f"{create} LOCALE 'C'".encode())
            notes.append(
                f"this machine has no locale {source.collation}: texts are ordered by their bytes on the clone"
            )
    with server.connect(database=DATABASE) as administrator:
        administrator.execute(f"ALTER SCHEMA public OWNER TO {OWNER}".encode())
        for name, schema in source.extensions:
            try:
                administrator.execute(
                    f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)} AUTHORIZATION {OWNER}".encode()
                    if schema not in ("public", "pg_catalog")
                    else b"SELECT 1"
                )
                administrator.execute(f"CREATE EXTENSION {quoted(name)} SCHEMA {quoted(schema)}".encode())
            except psycopg.Error as error:
                notes.append(f"the clone has no extension {name}: {error.diag.message_primary}")
    return notes


def _dump(server: PrivateServer, original: Connection, *arguments: str) -> Path:
    """A dump in the server's folder. The way to the system stands in a file of ours, not on the command line."""
    file = server.folder / "system.dump"
    service = server.folder / "service.conf"
    try:
        with os.fdopen(os.open(service, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(f"[{_SERVICE}]\n")
            opened.writelines(f"{name}={value}\n" for name, value in _way(original).items())
        command = [str(server.programs / "pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        command += ["--no-publications", "--no-subscriptions", "--no-security-labels", "--no-tablespaces"]
        command += ["--lock-wait-timeout=5000", "--compress=0", f"--file={file}", *arguments]
        variables = {"PGSERVICEFILE": str(service), "PGSERVICE": _SERVICE, "PGAPPNAME": "trimtab/clone"}
        run(command, "copy the database (pg_dump, which only reads)", env=variables)
    finally:
        service.unlink(missing_ok=True)
    return file


def _way(original: Connection) -> Mapping[str, str]:
    """Where `original` goes, for the libpq of `pg_dump`, which may be older than ours."""
    info = original.info
    parts = {name: value for name, value in info.get_parameters().items() if name in _KEYWORDS and "\n" not in value}
    parts |= {"host": info.host, "port": str(info.port), "user": info.user, "dbname": info.dbname}
    parts["password"] = info.password
    return {name: value for name, value in parts.items() if value}


def _restore(server: PrivateServer, dump: Path, notes: list[str], *arguments: str) -> None:
    """Everything that the owner of the copy may have; what not is said. Extensions are there already."""
    listed = run([str(server.programs / "pg_restore"), "--list", str(dump)], "read the copy")
    unwanted = (" EXTENSION ", " EVENT TRIGGER ", " SCHEMA - public ", " COMMENT - SCHEMA public ")
    lines = [line for line in listed.splitlines() if not any(word in line for word in unwanted)]
    file = server.folder / "wanted.list"
    file.write_text("\n".join(lines))
    command = [str(server.programs / "pg_restore"), "--no-owner", "--no-privileges", f"--use-list={file}"]
    command += [f"--host={server.folder}", f"--username={OWNER}", f"--dbname={DATABASE}", *arguments, str(dump)]
    try:
        run(command, "fill the clone")
    except MissingError as error:
        with server.connect(database=DATABASE) as administrator:
            tables = administrator.execute(b"SELECT count(*) FROM pg_class WHERE relkind = 'r' AND oid > 16384")
            row = tables.fetchone()
        if row is None or not row[0]:
            raise
        notes.append(f"not everything could be copied: {error.message.partition(': ')[2][:200]}")


def _sampled(server: PrivateServer, original: Connection, bytes_max: int, notes: list[str]) -> Drawn:
    dump = _dump(server, original, "--schema-only")
    _restore(server, dump, notes, "--section=pre-data")
    drawn = draw(original, bytes_max)
    with server.connect(user=OWNER, database=DATABASE) as owner, _unhurried(original), original.transaction():
        original.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        original.execute(b"SET LOCAL statement_timeout = 0")
        for table in drawn.tables:
            _copy_rows(original, owner, table.schema, table.name, table.columns, table.select, notes)
    _restore(server, dump, notes, "--section=post-data")
    return drawn


@contextmanager
def _unhurried(original: Connection) -> Iterator[None]:
    """The first row of a sample may take long; that is no sign of a lost server."""
    if not isinstance(original, PatientConnection):
        yield
        return
    before, original.answer_timeout_s = original.answer_timeout_s, None
    try:
        yield
    finally:
        original.answer_timeout_s = before


def _copy_rows(
    original: Connection,
    owner: Connection,
    schema: str,
    name: str,
    columns: Sequence[str],
    select: str,
    notes: list[str],
) -> None:
    names = ", ".join(quoted(column) for column in columns)
    try:
        with (
            owner.transaction(),
            original.cursor().copy(f"COPY ({select}) TO STDOUT".encode()) as rows,
            owner.cursor().copy(f"COPY {qualified(schema, name)} ({names}) FROM STDIN".encode()) as into,
        ):
            for block in rows:
                into.write(block)
    except psycopg.Error as error:
        if original.closed or original.info.transaction_status.name == "INERROR":
            raise
        notes.append(f"{schema}.{name} is empty on the clone: {error.diag.message_primary or type(error).__name__}")
