"""chDB in this process: a pool of read-only sessions and one that writes.

Rules that keep data (each was found by losing some): bodies go in through a memory file and `file('/proc/self/fd/N')`,
which raises when anything is wrong. `send_insert` reports success although a write failed, and binary data inside a
statement is cut at its first empty line: neither is used here. After a statement fails, what it had already written
comes out in front of the session's next answer: so a session that failed is never used again. After a fork the engine
hangs, so we refuse instead.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.model.errors import EngineRefused, InputError, StoreError
from trimtab.store.disk import free_bytes
from trimtab.store.engine import (
    NOT_ENOUGH_SPACE,
    Body,
    Gathered,
    Merge,
    Parameters,
    names_of_bodies,
    quoted,
    with_bodies,
    with_shard,
)
from trimtab.store.limits import MIB, TelemetryLimits
from trimtab.store.memory_file import memory_file
from trimtab.store.mending import TORN_CODES, Mender
from trimtab.store.parameters import engine_parameters
from trimtab.store.torn import remove_torn_notes

if TYPE_CHECKING:
    import pyarrow as pa
    from chdb.session import QueryResult, Session

_CODE = re.compile(r"Code: (\d+)\.")
_MESSAGE_CHARS_MAX = 600
_WRITE_FREE_BYTES_MIN = 4 * MIB
_LOW_BYTES = 1024 * MIB
_COPIED_BYTES_MAX = 1 * MIB
"""Of an answer; larger ones are read where the engine put them."""
_LOOK_S = 60.0
_WRITTEN = re.compile(r"\s*(?:INSERT INTO|DELETE FROM) (\w+)")
_SHARD = "this machine"
_open_path: Path | None = None
_open_lock = threading.Lock()

log = structlog.get_logger()


class EmbeddedEngine:
    """The engine on one directory. One directory at a time in a process: that is the engine's own limit."""

    def __init__(self, directory: Path, limits: TelemetryLimits) -> None:
        """Open or make it. Its import changes the working directory for a moment: open it before serving."""
        if "?" in str(directory):
            raise InputError(f"the engine takes what follows a ? in {directory} for options; choose another path")
        global _open_path  # noqa: PLW0603 - the engine itself is one per process
        with _open_lock:
            if _open_path is not None:
                raise StoreError(
                    f"this process already has a telemetry engine on {_open_path}; it can have one at a time",
                    directory=str(_open_path),
                )
            import chdb  # noqa: F401 - half a second, so only here

            remove_torn_notes(directory)
            self._directory = directory
            self._limits = limits
            self._process_id = os.getpid()
            self._write_lock = threading.RLock()
            self._mender = Mender(self._ask, self._detached)
            self._stop = threading.Event()
            self._idle: queue.LifoQueue[Session | None] = queue.LifoQueue()
            self._idle_wide: queue.LifoQueue[Session | None] = queue.LifoQueue()
            for _ in range(limits.wide_sessions_count):
                self._idle_wide.put(None)  # made when it is needed
            self._is_closed = False
            with contextlib.ExitStack() as undo:
                self._writer = self._session(is_writer=True)
                undo.callback(self._writer.close)
                for _ in range(limits.sessions_count):
                    session = self._session(is_writer=False)
                    undo.callback(session.close)
                    self._idle.put(session)
                undo.pop_all()
            _open_path = directory
        threading.Thread(target=self._watch, name="trimtab-engine-parts", daemon=True).start()

    @property
    def place(self) -> str:
        """See `Engine.place`."""
        return str(self._directory)

    @property
    def directory(self) -> Path:
        """See `Engine.directory`."""
        return self._directory

    @property
    def version(self) -> str:
        """See `Engine.version`."""
        import chdb

        return str(chdb.engine_version)

    @property
    def shards(self) -> tuple[str, ...]:
        """See `Engine.shards`."""
        return (_SHARD,)

    @property
    def absent(self) -> tuple[str, ...]:
        """See `Engine.absent`."""
        return ()

    @contextlib.contextmanager
    def at(self, shard: str) -> Iterator[None]:
        """See `Engine.at`."""
        if shard != _SHARD:
            raise InputError(f"there is no shard {shard} here", observed=shard)
        yield

    def proto_settings(self, resource: str, message: str) -> str:
        """See `Engine.proto_settings`: a file, because the engine leaves a copy in the working directory of a schema
        that is given as text."""
        path = quoted(str(resources.files("trimtab.store").joinpath(resource)))
        return f" SETTINGS format_schema = {path}, format_schema_message_name = {quoted(message)}"

    def _session(self, *, is_writer: bool, is_wide: bool = False) -> Session:
        from chdb.session import Session

        limits = self._limits
        try:
            session = Session(f"{self._directory}{_started_with()}")
        except RuntimeError as error:
            raise StoreError(
                f"the engine cannot open {self._directory}: {_reason(error)}. Nothing was removed. If the disk is "
                f"neither full nor read-only, {self._directory.parent} is damaged: put a copy of it in its place, or "
                "move it away (history is then lost, and fills again; cases and ledger are elsewhere). 'Back up and "
                "restore' in the documentation says how",
                directory=str(self._directory),
            ) from error
        memory_bytes = limits.wide_query_memory_bytes_max if is_wide else limits.query_memory_bytes_max
        session.query(
            f"SET max_threads={limits.threads_max}, max_insert_threads=1, max_execution_time={limits.query_s_max},"
            f" max_memory_usage={memory_bytes}, use_cache_for_count_from_files=0,"
            " insert_deduplicate=0, output_format_arrow_compression_method='none'"
        )
        if is_writer:
            # A segment becomes one block, so that each of its daily parts appears whole or not at all.
            session.query(
                "SET max_block_size=1000000000, min_insert_block_size_rows=1000000000,"
                " min_insert_block_size_bytes=1000000000000, max_partitions_per_insert_block=0,"
                " input_format_parallel_parsing=0"
            )
        else:
            rows_max = limits.wide_query_rows_max if is_wide else limits.query_rows_max
            session.query(f"SET max_result_rows={rows_max}, result_overflow_mode='throw'")
            session.query("SET readonly=1")
        return session

    def read(self, sql: str, parameters: Parameters | None = None, *, is_wide: bool = False) -> pa.Table:
        """Run one SELECT on a read-only session; raises EngineRefused, or StoreError when all are busy for long.

        `is_wide` is for answers that are columns of numbers: they may have more rows, and fewer run at a time.
        """
        mended_count = self._mender.mended_count
        try:
            return self._read(sql, parameters, is_wide=is_wide)
        except EngineRefused as error:
            if not self._is_mended(error, mended_count):
                raise
        return self._read(sql, parameters, is_wide=is_wide)

    def _read(self, sql: str, parameters: Parameters | None, *, is_wide: bool) -> pa.Table:
        self._check_usable()
        limits = self._limits
        idle = self._idle_wide if is_wide else self._idle
        try:
            session = idle.get(timeout=limits.query_s_max)
        except queue.Empty:
            count = limits.wide_sessions_count if is_wide else limits.sessions_count
            raise StoreError(
                f"all {count} sessions of the engine were busy for {limits.query_s_max} s", limit=count
            ) from None
        try:
            self._check_usable()
            if session is None:
                session = self._session(is_writer=False, is_wide=True)
            return _answer(session, sql, parameters)
        except EngineRefused:
            session = self._replacement(session, is_writer=False, is_wide=is_wide)
            raise
        finally:
            idle.put(session)

    def gather(
        self, sql: str, parameters: Parameters | None = None, merge: Merge | None = None, *, is_wide: bool = False
    ) -> Gathered:
        """See `Engine.gather`: there is one shard, whose answer is the answer."""
        del merge
        return Gathered(self.read(sql, parameters, is_wide=is_wide))

    def write(
        self, sql: str, parameters: Parameters | None = None, bodies: Mapping[str, Body] | None = None
    ) -> pa.Table:
        """Run one statement on the writing session; returns its rows, if it has any. Raises EngineRefused."""
        with contextlib.ExitStack() as open_files:
            tables = {
                name: _table_of(body, open_files.enter_context(memory_file(*body.parts)))
                for name, body in (bodies or {}).items()
            }
            if tables or names_of_bodies(sql):
                sql = with_shard(with_bodies(sql, tables), 0, 1)
            return self._write(sql, parameters)

    def _write(self, sql: str, parameters: Parameters | None) -> pa.Table:
        with self._write_lock:
            self._check_usable()
            written = _WRITTEN.match(sql)
            if written or " MODIFY " in sql:
                self._check_room()
            mended_count = self._mender.mended_count
            try:
                answer = self._ask(sql, parameters)
            except EngineRefused as error:
                if not self._is_mended(error, mended_count) or sql.lstrip().startswith("INSERT"):
                    raise
                answer = self._ask(sql, parameters)
            if written and self._may_be_torn(written[1]) and self._mender.look(written[1]):
                raise EngineRefused(
                    f"what was written to {written[1]} was torn, because the disk was full, and was taken back",
                    code=NOT_ENOUGH_SPACE,
                )
            return answer

    def _ask(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Run it on the writing session, with the lock held."""
        try:
            return _answer(self._writer, sql, parameters)
        except EngineRefused:
            self._writer = self._replacement(self._writer, is_writer=True)
            raise

    def _may_be_torn(self, table_name: str) -> bool:
        """Where it is far from full, or the system says so otherwise (a quota), there is a cheaper sign."""
        return free_bytes(self._directory) < _LOW_BYTES or self._mender.is_suspicious(table_name)

    def _is_mended(self, error: EngineRefused, mended_count: int) -> bool:
        """Whether parts that a statement could not read are mended by now; `mended_count` is from before it ran."""
        if error.facts.get("code") not in TORN_CODES:
            return False
        with self._write_lock:
            self._check_usable()
            self._mender.look()
            return self._mender.mended_count > mended_count

    @contextlib.contextmanager
    def _detached(self, table_name: str) -> Iterator[None]:
        """Nobody reads, nobody writes, and the engine has let go of the files of a table."""
        with contextlib.ExitStack() as undo:
            for idle, count in self._pools():
                for _ in range(count):
                    try:
                        session = idle.get(timeout=self._limits.query_s_max + 5)
                    except queue.Empty:
                        raise StoreError(f"{table_name} cannot be mended: its readers do not come to an end") from None
                    undo.callback(idle.put, session)
            self._ask(f"DETACH TABLE {table_name}")
            try:
                yield
            finally:
                self._ask(f"ATTACH TABLE {table_name}")

    def _pools(self) -> tuple[tuple[queue.LifoQueue[Session | None], int], ...]:
        """The sessions that read, and how many there are."""
        return ((self._idle, self._limits.sessions_count), (self._idle_wide, self._limits.wide_sessions_count))

    def _watch(self) -> None:
        """Merges run when the engine wants: look after them from time to time."""
        while not self._stop.wait(_LOOK_S):
            try:
                with self._write_lock:
                    self._check_usable()
                    self._mender.look()
            except StoreError as error:
                if not self._stop.is_set():
                    log.warning("parts_not_looked_at", reason=error.message)

    def _replacement(self, failed: Session | None, *, is_writer: bool, is_wide: bool = False) -> Session:
        fresh = self._session(is_writer=is_writer, is_wide=is_wide)
        if failed is not None:
            failed.close()
        return fresh

    def _check_room(self) -> None:
        """On a full disk a deletion waits until its time is over and leaves what keeps its table from opening; what
        else may be torn is mended (`store.mending`), but better not written at all."""
        free = free_bytes(self._directory)
        if free < _WRITE_FREE_BYTES_MIN:
            raise EngineRefused(
                f"nothing is written with {free} bytes free on the disk; {_WRITE_FREE_BYTES_MIN} are needed",
                code=NOT_ENOUGH_SPACE,
                limit=_WRITE_FREE_BYTES_MIN,
                observed=free,
            )

    def _check_usable(self) -> None:
        if self._is_closed:
            raise StoreError("the telemetry store is closed")
        if os.getpid() != self._process_id:
            raise StoreError(
                "the engine was opened before this process was forked and would hang; use spawn, or open it afterwards"
            )

    def close(self) -> None:
        """Wait for what runs (at most a query's time limit) and close; may be called twice."""
        global _open_path  # noqa: PLW0603 - see __init__
        with self._write_lock:
            if self._is_closed or os.getpid() != self._process_id:
                return
            self._is_closed = True
            self._stop.set()
            for idle, count in self._pools():
                for _ in range(count):
                    with contextlib.suppress(queue.Empty):  # a query that outlives its limit ends with the process
                        session = idle.get(timeout=self._limits.query_s_max + 5)
                        if session is not None:
                            session.close()
            self._writer.close()
        with _open_lock:
            _open_path = None


def _started_with() -> str:
    """The engine's options, which follow its directory: a file with settings, where its path can be told so."""
    path = str(resources.files("trimtab.store").joinpath("engine.xml"))
    return "" if set(path) & set("?&=%#") else f"?config-file={path}"


def _table_of(body: Body, path: str) -> str:
    return f"file({quoted(path)}, {quoted(body.format)}, {quoted(body.structure)})"


def _answer(session: Session, sql: str, parameters: Parameters | None) -> pa.Table:
    import pyarrow as pa

    try:
        found = session.query(sql, "ArrowStream", params=engine_parameters(parameters or {}))
        data: bytes | pa.Buffer = _where_it_lies(found) if found.size() > _COPIED_BYTES_MAX else found.bytes()
    except RuntimeError as error:
        code = _CODE.search(str(error))
        raise EngineRefused(f"the engine refused: {_short(error)}", code=int(code.group(1)) if code else None) from None
    if len(data) == 0:
        return pa.schema([]).empty_table()
    source = pa.BufferReader(data)
    table = pa.ipc.open_stream(source).read_all()
    if source.tell() != len(data):
        raise EngineRefused(f"the engine's answer has {len(data) - source.tell()} bytes too many", observed=len(data))
    return table


def _where_it_lies(found: QueryResult) -> pa.Buffer:
    """An answer in the engine's memory, which it gives back when nobody has a part of the answer any more."""
    import pyarrow as pa

    owner = found.get_memview()
    lies = pa.py_buffer(owner.view())
    return pa.foreign_buffer(lies.address, lies.size, (found, owner))


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= _MESSAGE_CHARS_MAX else text[:_MESSAGE_CHARS_MAX] + " ..."


def _reason(error: Exception) -> str:
    """The engine's reason without the places in its code, which follow."""
    return str(error).partition("Stack trace")[0].splitlines()[0].rstrip(" .,:")[:_MESSAGE_CHARS_MAX]
