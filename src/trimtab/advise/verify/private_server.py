"""A private PostgreSQL of the installed binaries: in a temporary folder, on a socket alone, gone afterwards.

Run by root, PostgreSQL runs as the user `postgres` (the server refuses root). What a clone brings with it (functions
behind indexes, say) runs there as a role that owns the database and may do nothing else.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from trimtab.advise.index.session import Connection
from trimtab.model.errors import MissingError, ProgramMissing, ServerUnreachable

BINARIES_VARIABLE = "TRIMTAB_POSTGRES_BIN"
_DIRECTORIES = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin", "/opt/homebrew/opt/postgresql@{major}/bin")
_MAJORS = range(13, 30)
START_S = 60.0
PREFIX = "trimtab-clone-"
MAKER_FILE = "maker"
"""Holds the process id of who made the folder."""
OWNER = "trimtab_clone"
DATABASE = "clone"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "20",
    "max_wal_size": "4GB",
    "logging_collector": "off",
    "shared_preload_libraries": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "track_activities": "on",
}


@dataclass(frozen=True, slots=True)
class PrivateServer:
    """A running one. `folder` holds its socket and its log; only this user and the server's can enter it."""

    folder: Path
    programs: Path
    major: int

    def connect(self, *, user: str = "postgres", database: str = "postgres", statement_ms: int = 0) -> Connection:
        """A session; `postgres` may do everything there, `OWNER` owns the copied database."""
        try:
            connection = psycopg.connect(
                host=str(self.folder),
                port=PORT,
                user=user,
                dbname=database,
                application_name="trimtab/verify",
                autocommit=True,
                connect_timeout=10,
            )
            connection.execute(f"SET statement_timeout = {statement_ms}".encode())
        except psycopg.Error as error:
            raise ServerUnreachable(f"the private server does not answer: {type(error).__name__}") from None
        return connection


PORT = 5432
"""Part of the socket's name in its own folder; nothing listens on a network."""


def programs_dir(major: int) -> tuple[Path, int]:
    """The folder of `postgres`, `initdb`, `pg_dump` and `pg_restore`, of this major version or the next above.

    `ProgramMissing` where there is none.
    """
    named = os.environ.get(BINARIES_VARIABLE)
    found: dict[int, Path] = {}
    for folder in [named] if named else [d.format(major=m) for m in _MAJORS for d in _DIRECTORIES] + _on_path():
        path = Path(folder)
        if (path / "initdb").exists() and (path / "postgres").exists() and (path / "pg_dump").exists():
            found.setdefault(_major_of(path), path)
    fitting = [number for number in sorted(found) if number >= major]
    if fitting:
        return found[fitting[0]], fitting[0]
    there = f"only {', '.join(map(str, sorted(found)))}" if found else "none"
    raise ProgramMissing(
        f"a clone needs the programs of PostgreSQL {major} or newer on this machine (initdb, postgres, pg_dump), found "
        f"{there}: install postgresql-{major}, name their folder in {BINARIES_VARIABLE}, or name a clone with "
        "--clone DSN",
        major=major,
    )


def _on_path() -> list[str]:
    program = shutil.which("postgres")
    return [str(Path(program).resolve().parent)] if program else []


def _major_of(folder: Path) -> int:
    said = subprocess.run(
        [str(folder / "postgres"), "--version"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    digits = "".join(c if c.isdigit() else " " for c in said).split()
    return int(digits[0]) if digits else 0


@contextmanager
def private_server(programs: Path, major: int, *, settings: Mapping[str, str] | None = None) -> Iterator[PrivateServer]:
    """Made, started, and removed at the end; if this process dies, the kernel ends the server."""
    remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    user = server_user()
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)
        (folder / MAKER_FILE).write_text(str(os.getpid()))
        data = folder / "data"
        run(
            [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N"],
            "make a private server",
            as_server=True,
        )
        lines = {**SETTINGS, **(settings or {}), "port": str(PORT), "unix_socket_directories": str(folder)}
        with (data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*_ends_with_us(), str(programs / "postgres"), "-D", str(data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                env=_environment(),
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
                extra_groups=None if user is None else [],
            )
        server = PrivateServer(folder, programs, major)
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # immediate: nothing of it is kept
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def private_database(major: int) -> Iterator[Connection]:
    """An empty database on a private server, as its owner: for trials with made-up rows. Gone afterwards."""
    programs, found = programs_dir(major)
    with private_server(programs, found, settings={"shared_buffers": "32MB"}) as server:
        with server.connect() as administrator:
            administrator.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
            administrator.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())
        with server.connect(database=DATABASE) as administrator:
            administrator.execute(f"ALTER SCHEMA public OWNER TO {OWNER}".encode())
        with server.connect(user=OWNER, database=DATABASE) as connection:
            yield connection


def remove_left_behind() -> None:
    """Folders of servers whose maker was killed: the kernel ended the server, and nobody removed its files."""
    user = server_user()
    owner = os.geteuid() if user is None else user.pw_uid
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != owner:
                continue
            os.kill(int((folder / MAKER_FILE).read_text()), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, ValueError, IndexError):
            continue  # being made or removed just now, or of somebody else


def _wait(server: PrivateServer, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while True:
        if process.poll() is not None:
            log = (server.folder / "log").read_text(errors="replace")[-600:]
            raise MissingError(f"the private server did not start: {' '.join(log.split())}")
        try:
            server.connect().close()
        except ServerUnreachable:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None: as whoever we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise ProgramMissing("PostgreSQL does not run as root, and there is no user 'postgres'") from None


def run(command: Sequence[str], doing: str, *, as_server: bool = False, env: Mapping[str, str] | None = None) -> str:
    """Run a program of PostgreSQL; its last words where it fails (`MissingError`). What it said, otherwise."""
    user = server_user() if as_server else None
    done = subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        check=False,
        env={**_environment(), **(env or {})},
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise MissingError(f"could not {doing}: {' '.join(text.split())[-500:]}", program=command[0])
    return text


def _environment() -> dict[str, str]:
    """Ours without libpq's variables: they belong to the user's own server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C.UTF-8"}


def _ends_with_us() -> list[str]:
    """What to put before the server's command: the kernel ends it when the one who started it is gone (Linux)."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "QUIT"] if program else []
