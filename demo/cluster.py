"""A private PostgreSQL on a free loopback port, for the demo and the tests. Never the system's own cluster.

Run by root, PostgreSQL runs as the user `postgres` (the server refuses root).
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

SERVER_DIRS = tuple(f"/usr/lib/postgresql/{major}/bin" for major in (15, 16, 17, 18, 14))
SERVER_DIR_VARIABLE = "TRIMTAB_POSTGRES_BIN"
"""Names another folder, to run the demo and the whole test suite on another server (it needs HypoPG)."""

DEFAULT_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "256MB",
    "max_connections": "60",
    "fsync": "on",
    "synchronous_commit": "off",
    "random_page_cost": "1.1",
    "effective_cache_size": "2GB",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "track_io_timing": "on",
    "compute_query_id": "on",
    "pg_stat_statements.track": "top",
    "max_wal_size": "4GB",
    "logging_collector": "off",
    "log_min_messages": "warning",
}


class ClusterError(RuntimeError):
    """PostgreSQL could not be found, made, started or stopped; the message says which and shows its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def server_dir() -> Path:
    """The folder with `initdb`, `postgres`, `pg_ctl` and `psql`."""
    named = os.environ.get(SERVER_DIR_VARIABLE)
    for candidate in (named,) if named else SERVER_DIRS:
        if (Path(candidate) / "initdb").exists():
            return Path(candidate)
    if named:
        raise ClusterError(f"{SERVER_DIR_VARIABLE}={named} has no initdb in it")
    raise ClusterError("no PostgreSQL server found: apt-get install postgresql-15 postgresql-15-hypopg")


def server_user() -> str | None:
    """The user PostgreSQL must run as; None means as whoever we are."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError as error:
        raise ClusterError("running as root, and there is no user 'postgres' to run PostgreSQL as") from error
    return "postgres"


@dataclass
class Cluster:
    """One private server. Use as a context manager, or call `create`, `start`, `stop`, `remove`.

    `programs` is another folder with `initdb`, `pg_ctl` and `postgres`; `without` are default settings to leave out
    (a server does not start with one that it does not know).
    """

    directory: Path
    port: int = field(default_factory=free_port)
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 60.0
    programs: Path | None = None
    without: frozenset[str] = frozenset()

    @classmethod
    def temporary(cls, settings: Mapping[str, str] | None = None) -> Cluster:
        """A cluster in a new temporary folder."""
        return cls(Path(tempfile.mkdtemp(prefix="trimtab-pg-", dir="/var/tmp")), settings=settings or {})

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "postgres.log"

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """A connection URL; authentication is `trust` on loopback, so there is no password in it."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Run initdb and write the settings."""
        self.prepare()
        program, *arguments = self.initdb_command()
        self._run(Path(program).name, *arguments)
        self.configure()

    def prepare(self) -> None:
        """Make the folder, owned by the user the server runs as."""
        user = server_user()
        self.directory.mkdir(parents=True, exist_ok=True)
        if user:
            shutil.chown(self.directory, user, user)

    def initdb_command(self) -> list[str]:
        """What makes the data directory; to be run as `server_user`."""
        program = str((self.programs or server_dir()) / "initdb")
        return [program, "-D", str(self.data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale", "-N"]

    def server_command(self) -> list[str]:
        """The server itself in the foreground; to be run as `server_user`."""
        return [str((self.programs or server_dir()) / "postgres"), "-D", str(self.data)]

    def configure(self) -> None:
        """Write the settings; the last of two lines for one setting counts, so it may be called again."""
        lines = {**DEFAULT_SETTINGS, **self.settings, "port": str(self.port)}
        lines = {key: value for key, value in lines.items() if key not in self.without}
        lines["unix_socket_directories"] = str(self.directory)
        conf = self.data / "postgresql.auto.conf"
        with conf.open("a") as f:
            for key, value in lines.items():
                f.write(f"{key} = '{value}'\n")

    def start(self) -> None:
        """Start and wait until it answers."""
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-w", "-t", str(int(self.timeout_s)), "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop; no error when it is not running."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", str(int(self.timeout_s)), "stop")

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def execute(self, *statements: str, database: str = "postgres", user: str = "postgres") -> None:
        """Run statements one by one, each in its own transaction."""
        with psycopg.connect(self.dsn(database, user), autocommit=True, connect_timeout=10) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def __enter__(self) -> Cluster:
        try:
            self.create()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop("immediate")
        finally:
            self.remove()

    def _run(self, program: str, *arguments: str) -> None:
        user = server_user()
        command = [str((self.programs or server_dir()) / program), *arguments]
        if user:
            command = ["runuser", "-u", user, "--", *command]
        with tempfile.TemporaryFile() as out:  # a file: pg_ctl's child would keep a pipe open
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=self.timeout_s + 30,
                check=False,
                cwd="/",
                start_new_session=True,
            )
            out.seek(0)
            text = out.read().decode(errors="replace").strip()
        if done.returncode != 0:
            log = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise ClusterError(f"could not run {program} (exit {done.returncode}): {text}\n{log}".strip())


ROLE_STATEMENTS = (
    "CREATE ROLE trimtab_watch LOGIN IN ROLE pg_monitor, pg_read_all_data",
    "ALTER ROLE trimtab_watch SET default_transaction_read_only = on",
    "CREATE ROLE shop_owner NOLOGIN",
    "CREATE ROLE shop_app LOGIN IN ROLE pg_read_all_data, pg_write_all_data",
    "CREATE ROLE trimtab_change LOGIN IN ROLE shop_owner, pg_monitor",
)
