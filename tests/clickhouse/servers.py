"""Shards as processes that can be killed and come back on the same port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2

from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.connection import Connection

USER, PASSWORD, DATABASE = "trimtab", "päss'w\\ord&=%", "telemetry"
_ROOT = Path(__file__).parents[2]


class Shard:
    """One shim in a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def host(self) -> str:
        """`name:port`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it; on the same port if it ran before."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.clickhouse.shim", str(self.directory), str(self.port), DATABASE],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}", "SHIM_USER": USER, "SHIM_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.strip().isdigit(), f"the shim did not start: {said!r}"
        self.port = int(said)

    def ask(self, sql: str) -> str:
        """Run a statement, by nobody's client; the answer as tab-separated text."""
        headers = {b"X-ClickHouse-User": USER.encode(), b"X-ClickHouse-Key": PASSWORD.encode()}
        reply = httpx2.post(f"http://{self.host}/", content=sql, headers=headers, timeout=30, trust_env=False)
        assert reply.status_code == 200, reply.text
        return reply.text

    def count(self, table: str) -> int:
        """Its rows here."""
        return int(self.ask(f"SELECT count() FROM {table}"))

    def kill(self) -> None:
        """As a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def address_of(*shards: Shard, database: str = DATABASE) -> Address:
    """The store that they make."""
    hosts = tuple(shard.host for shard in shards)
    return Address(hosts, database, USER, PASSWORD, connect_timeout_s=1, timeout_s=20)


def make_database(address: Address, name: str) -> Address:
    """A database on every host."""
    there = f" ON CLUSTER '{address.cluster}'" if address.cluster else ""
    for host in address.hosts:
        with closing(Connection(replace(address, database="default"), host)) as connection:
            connection.run(f"CREATE DATABASE {name}{there}", None, {}, query_id=f"make-{name}")
    return replace(address, database=name)


def drop_database(made: Address) -> None:
    """On every host, with everything in it."""
    there = f" ON CLUSTER '{made.cluster}'" if made.cluster else ""
    for host in made.hosts:
        with closing(Connection(replace(made, database="default"), host)) as connection:
            text = f"DROP DATABASE IF EXISTS {made.database}{there} SYNC"
            connection.run(text, None, {}, query_id=f"drop-{made.database}")


@contextmanager
def new_database(address: Address, name: str) -> Iterator[Address]:
    """A database on every host, dropped again."""
    try:
        yield make_database(address, name)
    finally:
        drop_database(replace(address, database=name))


@contextmanager
def shards(directory: Path, count: int) -> Iterator[list[Shard]]:
    """So many, each with a directory of its own."""
    with ExitStack() as running:
        found = []
        for number in range(count):
            shard = Shard(directory / f"shard{number}")
            running.callback(shard.kill)
            found.append(shard)
        yield found
