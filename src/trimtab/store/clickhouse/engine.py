"""ClickHouse servers as the telemetry engine: one host, or several over which big tables are spread (shards).

Shards do not know of each other: a row's shard follows from its key, each statement goes to a shard, and what they
answer is merged here. So nothing depends on a cluster's own configuration; with `cluster=NAME` the server does it
(`cluster.py`), and for us there is one shard.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

import structlog

from trimtab.model.errors import EngineRefused, InputError, MissingError, ServerUnsupported, StoreError
from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.cluster import on_cluster
from trimtab.store.clickhouse.codes import ABSENT_CODES
from trimtab.store.clickhouse.collector import beside
from trimtab.store.clickhouse.connection import Connection, QueryIds, arrow_of
from trimtab.store.clickhouse.lease import Lease
from trimtab.store.clickhouse.merge import merged
from trimtab.store.clickhouse.shard import COMMON, WRITING, Shard
from trimtab.store.engine import (
    Body,
    Gathered,
    Merge,
    Parameters,
    names_of_bodies,
    quoted,
    with_bodies,
    with_shard,
)
from trimtab.store.limits import TelemetryLimits
from trimtab.store.spread import SPREAD, spread_tables_in

if TYPE_CHECKING:
    import pyarrow as pa

_VERSION_LEAST = (26, 9)
"""What the tables were tested with: log records have a text index, which older ones do not know so."""
_INSERT_BODY = re.compile(r"\s*INSERT INTO (\w+).*\bBODY\(", re.DOTALL)
Prepared = TypeVar("Prepared")

log = structlog.get_logger()


class ClickHouseEngine:
    """`Engine` over HTTP."""

    def __init__(self, address: Address, limits: TelemetryLimits, writer_id: str) -> None:
        """Nothing is asked yet; `open` does."""
        self._address, self._limits = address, limits
        self._ids = QueryIds(writer_id)
        self._shards = {
            host: Shard(Connection(address, host), self._ids, limits, address.timeout_s) for host in address.hosts
        }
        self._here = threading.local()
        self._pool = ThreadPoolExecutor(len(self._shards) * 4, thread_name_prefix="trimtab-shards")
        self._collected: tuple[str, ...] = ()
        """Tables of the OpenTelemetry collector that are read beside ours, on the first shard."""
        self._protos: dict[str, dict[str, str]] = {}
        self._version = ""
        self._is_closed = False
        self._prepare: Callable[[], object] = lambda: None
        self._lease: Lease | None = None

    def open(self) -> None:
        """See whether the first shard is there and new enough. Raises StoreError."""
        row = self.read("SELECT version() AS version, currentDatabase() AS name").to_pylist()[0]
        self._version = str(row["version"])
        least = ".".join(map(str, _VERSION_LEAST))
        if tuple(int(part) for part in self._version.split(".")[:2]) < _VERSION_LEAST:
            raise ServerUnsupported(
                f"{self.place} is ClickHouse {self._version}; {least} or newer is needed",
                observed=self._version,
                limit=least,
            )
        self._look_for_collector()

    def keep(self, lease: Lease) -> None:
        """From now on write only while it is held, and give it back in the end."""
        self._lease = lease

    @property
    def collector(self) -> str:
        """The database with a collector's tables; '' where none was named."""
        return self._address.collector

    @property
    def collector_tables(self) -> tuple[str, ...]:
        """Those that there are, on the first host."""
        return self._collected

    @property
    def epoch_least(self) -> int:
        """Spool segments of this writer have ids with this epoch or a later one: no other writer ever had them."""
        return 0 if self._lease is None else self._lease.epoch

    def ask(self, sql: str, parameters: Parameters) -> pa.Table:
        """Run any statement on the first host, without the right to write: for who gives that right."""
        settings: dict[str, str | int] = {**COMMON, **WRITING, "max_execution_time": self._address.timeout_s}
        connection = self._shards[self.shards[0]].connection
        data = connection.run(sql, parameters, settings, query_id=f"trimtab-lease-{self._ids.next()}")
        return arrow_of(data, connection.host)

    def _look_for_collector(self) -> None:
        name = self._address.collector
        if not name:
            return
        sql = "SELECT name FROM system.tables WHERE database = {name:String} AND startsWith(name, 'otel_')"
        self._collected = tuple(self.read(sql, {"name": name})["name"].to_pylist())
        if not self._collected:
            raise MissingError(
                f"--store: the database {name} has no tables of the OpenTelemetry collector (otel_traces, …)"
                f" that {self._address.user} may see",
                observed=name,
            )

    def prepare_with(self, prepare: Callable[[], Prepared]) -> Prepared:
        """Now on the first shard, and on each other before it is first written to: `prepare` makes its tables, and
        what it says of the first is answered."""
        self._prepare = prepare
        first, *others = self._shards.values()
        found = self._prepared(first, prepare)
        for shard in others:
            try:
                self._prepared(shard, prepare)
            except EngineRefused as error:
                if not error.facts.get("is_machine"):
                    raise
                log.warning("shard_does_not_answer", shard=shard.connection.host, reason=error.message)
        return found

    def _prepared(self, shard: Shard, prepare: Callable[[], Prepared]) -> Prepared:
        with shard.writing:
            shard.is_prepared = True  # what follows writes, too
            try:
                shard.end_earlier()
                self._here.is_preparing = True
                with self.at(shard.connection.host):
                    return prepare()
            except BaseException:
                shard.is_prepared = False
                raise
            finally:
                self._here.is_preparing = False

    @property
    def place(self) -> str:
        """See `Engine.place`."""
        return self._address.shown

    @property
    def directory(self) -> None:
        """See `Engine.directory`."""
        return

    @property
    def version(self) -> str:
        """See `Engine.version`."""
        return self._version

    @property
    def shards(self) -> tuple[str, ...]:
        """See `Engine.shards`: the hosts."""
        return tuple(self._shards)

    @property
    def absent(self) -> tuple[str, ...]:
        """See `Engine.absent`."""
        return tuple(f"shard {shard.absence}" for shard in self._shards.values() if shard.absence)

    @contextlib.contextmanager
    def at(self, shard: str) -> Iterator[None]:
        """See `Engine.at`."""
        if shard not in self._shards:
            raise InputError(f"there is no shard {shard} here", observed=shard)
        before = getattr(self._here, "shard", None)
        self._here.shard = shard
        try:
            yield
        finally:
            self._here.shard = before

    def _current(self) -> Shard:
        return self._shards[getattr(self._here, "shard", None) or self.shards[0]]

    def proto_settings(self, resource: str, message: str) -> str:
        """See `Engine.proto_settings`. The server wants to know these before it reads the body, so they are taken out
        of the statement again and sent beside it."""
        schema = resources.files("trimtab.store").joinpath(resource).read_text("utf-8")
        values = {"format_schema_source": "string", "format_schema": schema, "format_schema_message_name": message}
        clause = " SETTINGS " + ", ".join(f"{name} = {quoted(value)}" for name, value in values.items())
        self._protos[clause] = values
        return clause

    def read(self, sql: str, parameters: Parameters | None = None, *, is_wide: bool = False) -> pa.Table:
        """See `Engine.read`."""
        if len(self._shards) > 1 and getattr(self._here, "shard", None) is None and (names := spread_tables_in(sql)):
            raise StoreError(f"rows of {', '.join(names)} are spread over shards: gather them", tables=names)
        return self._read(self._current(), sql, parameters, is_wide=is_wide)

    def _read(self, shard: Shard, sql: str, parameters: Parameters | None, *, is_wide: bool) -> pa.Table:
        self._check_usable()
        limits = self._limits
        places = shard.wide_places if is_wide else shard.places
        if not places.acquire(timeout=limits.query_s_max):
            raise StoreError(
                f"as many queries as may run at a time were busy on {shard.connection.host} for {limits.query_s_max} s",
                limit=limits.wide_sessions_count if is_wide else limits.sessions_count,
            )
        try:
            return shard.read(sql, parameters, self._reading(is_wide=is_wide))
        finally:
            places.release()

    def _reading(self, *, is_wide: bool) -> dict[str, str | int]:
        limits = self._limits
        return {
            **COMMON,
            "readonly": 1,
            "max_execution_time": min(int(limits.query_s_max) or 1, self._address.timeout_s),
            "max_memory_usage": limits.wide_query_memory_bytes_max if is_wide else limits.query_memory_bytes_max,
            "max_result_rows": limits.wide_query_rows_max if is_wide else limits.query_rows_max,
            "result_overflow_mode": "throw",
            "wait_end_of_query": int(not is_wide),
        }

    def gather(
        self, sql: str, parameters: Parameters | None = None, merge: Merge | None = None, *, is_wide: bool = False
    ) -> Gathered:
        """See `Engine.gather`."""
        here = getattr(self._here, "shard", None)
        if here is not None or len(self._shards) == 1:
            shard = self._current()
            return Gathered(self._read(shard, self._beside(shard, sql, parameters), parameters, is_wide=is_wide))
        asked = [
            self._pool.submit(self._read, shard, self._beside(shard, sql, parameters), parameters, is_wide=is_wide)
            for shard in self._shards.values()
        ]
        tables, missing, last = [], [], None
        for answer in asked:
            try:
                tables.append(answer.result())
            except EngineRefused as error:
                if error.facts.get("code") not in ABSENT_CODES:
                    raise
                missing.append(f"shard {error.message}")
                last = error
        if last is not None and not tables:
            raise last
        return Gathered(merged(tables, merge or Merge()), tuple(missing))

    def _beside(self, shard: Shard, sql: str, parameters: Parameters | None) -> str:
        """With the collector's rows, where the shard has them and somebody gathers for an answer."""
        if not self._collected or shard.connection.host != self.shards[0] or getattr(self._here, "shard", None):
            return sql
        return beside(sql, self._address.database, self._address.collector, self._collected, parameters or {})

    def write(
        self, sql: str, parameters: Parameters | None = None, bodies: Mapping[str, Body] | None = None
    ) -> pa.Table:
        """See `Engine.write`."""
        self._check_usable()
        shard = self._current()
        bodies = bodies or {}
        settings: dict[str, str | int] = {**COMMON, **WRITING, "max_execution_time": self._address.timeout_s}
        for clause, values in self._protos.items():
            if clause in sql:
                sql = sql.replace(f"{clause},", " SETTINGS").replace(clause, "")
                settings |= values
        self._check_shares(sql)
        if bodies or names_of_bodies(sql):
            sql = with_bodies(sql, {name: name for name in bodies})
            sql = with_shard(sql, list(self._shards).index(shard.connection.host), len(self._shards))
        with shard.writing:
            if self._lease is not None:
                self._lease.check()
            if not shard.is_prepared:
                self._prepared(shard, self._prepare)
            is_patient = bool(getattr(self._here, "is_preparing", False))
            if not self._address.cluster:
                return shard.write(sql, parameters, settings, bodies, is_patient=is_patient)
            if self._address.insert_quorum:
                settings["insert_quorum"] = self._address.insert_quorum
            settings |= {"distributed_foreground_insert": 1, "distributed_ddl_output_mode": "none_only_active"}
            answer = None
            for statement in on_cluster(sql, self._address.cluster, self._address.database):
                answer = shard.write(statement, parameters, settings, bodies, is_patient=is_patient)
            assert answer is not None  # noqa: S101 - there is at least one statement
            return answer

    def _check_shares(self, sql: str) -> None:
        """Who inserts into a table that is spread has to say which rows a shard takes, or reads that shard's own."""
        found = _INSERT_BODY.match(sql)
        if len(self._shards) > 1 and found and found[1] in SPREAD and "SHARD(" not in sql:
            raise StoreError(f"the rows for {found[1]} are not shared out: SHARD(…) is missing", table=found[1])

    def _check_usable(self) -> None:
        if self._is_closed:
            raise StoreError("the telemetry store is closed")

    def close(self) -> None:
        """See `Engine.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._pool.shutdown(wait=True)
        if self._lease is not None:
            self._lease.release()
        for shard in self._shards.values():
            with shard.writing:
                shard.connection.close()
