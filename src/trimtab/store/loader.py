"""The loader: a thread that hands whole spool segments to the engine, each exactly once.

Why not the engine's deduplication tokens: it writes the token to its log *before* the rows appear, so a crash between
the two makes it drop the repeated insert as a duplicate of rows that were never stored. Instead every row carries
its segment's id. A segment that may have been loaded before, wholly or in part, has its rows removed first.

Where a table is spread over shards, each shard takes its own rows of a segment, and the segment stays in the spool
until all of them have. A shard that does not answer keeps nobody waiting but itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from trimtab.model.errors import EngineRefused, StoreError
from trimtab.store.disk import free_bytes
from trimtab.store.engine import NOT_ENOUGH_SPACE, Engine
from trimtab.store.frames import Message, parse
from trimtab.store.limits import TelemetryLimits
from trimtab.store.quarantine import Quarantine
from trimtab.store.rollup import ROLLUPS, Roller
from trimtab.store.scratch import Scratch
from trimtab.store.spool import SealedSegment, Spool
from trimtab.store.spread import SPREAD

_TRIES_MAX = 5
_MACHINE_CODES = frozenset({74, 75, 76, 173, 236, 243, 252, 394, 439, 473})
"""The engine's codes that blame the machine, not the message: cannot read, write, open or allocate, aborted,
no space, too many parts, cancelled, no thread, deadlock avoided."""
_SEGMENTS_A_QUERY = 1000
_LEADERS = {
    "query_slices": "query_executions",
    "metric_samples": "metric_series",
    "metric_histograms": "metric_series",
    "metric_exemplars": "metric_series",
}
"""A slice says that something was observed: who sees it must find its executions. A sample has only the number of its
series: who sees it must find the labels. So the leaders are loaded first, and while they cannot be, the others wait."""

_DECODED_AT_ONCE = frozenset({"spans", "log_records", "metric_samples"})
"""Of whose messages nothing is needed any more when their sink is done."""

OnLoaded = Callable[[str, Sequence[Message]], None]
"""Hears, on the loader's thread, which messages of a table can be asked for from now on."""


class Sink(Protocol):
    """How the messages of one table become rows."""

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert all of them; EngineRefused with nothing promised about what was stored."""
        ...

    def check(self, messages: Sequence[Message]) -> None:
        """Decode all of them and store nothing; EngineRefused where one cannot be read."""
        ...


class _Retry:
    """What the loader of one table is waiting for, on one shard."""

    def __init__(self) -> None:
        self.failures_count = 0
        self.tries_count = 0  # failures that the machine is not to blame for
        self.not_before_s = 0.0
        self.error: str | None = None


class Loader:
    """Loads `spool` into `engine` through one `Sink` for each table, on a thread of its own.

    A message that the engine refuses goes to the quarantine; while the engine can take nothing (disk full), the table
    waits and tries again, and the spool grows to its limit. Between segments `roller` brings the minutes up to date.
    """

    def __init__(
        self,
        spool: Spool,
        engine: Engine,
        sinks: Mapping[str, Sink],
        quarantine: Quarantine,
        roller: Roller,
        limits: TelemetryLimits,
        ages_s: Mapping[str, float] | None = None,
        holds_s: Mapping[str, float] | None = None,
    ) -> None:
        """`ages_s` is for tables whose segments wait for more at another pace than the rest; those of `holds_s` are not
        loaded before they are so old, unless somebody flushes."""
        self._spool, self._engine, self._sinks, self._quarantine, self._limits = (
            spool,
            engine,
            sinks,
            quarantine,
            limits,
        )
        self._ages_s = dict.fromkeys(sinks, limits.load_interval_s) | {"spans": limits.spans_load_interval_s}
        self._ages_s |= ages_s or {}
        self._holds_s = holds_s or {}
        self._released: set[int] = set()
        self._shards = {name: engine.shards if name in SPREAD else engine.shards[:1] for name in sinks}
        self._retries = {(name, shard): _Retry() for name in sinks for shard in self._shards[name]}
        self._roller = roller
        self._suspect: set[tuple[int, str]] = set()
        self._scratch = Scratch()
        self._stored: dict[SealedSegment, set[str]] = {}
        """Shards that have a segment, while others do not."""
        self._told: set[int] = set()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._crash: BaseException | None = None
        self._deaf: str | None = None
        self.on_loaded: OnLoaded = lambda _table_name, _messages: None
        self._thread = threading.Thread(target=self._run, name="trimtab-loader", daemon=True)
        self.loaded_count: dict[str, int] = dict.fromkeys(sinks, 0)
        self.torn_bytes = 0
        spool.on_data = self._wake.set

    def start(self) -> None:
        """Settle what an earlier run may have half loaded, then load in the background."""
        self._roller.open()
        by_table: dict[str, list[SealedSegment]] = {}
        for segment in self._spool.leftover:
            by_table.setdefault(segment.table_name, []).append(segment)
        for name, segments in by_table.items():
            ids = [segment.id for segment in segments]
            known = set().union(*(self._known(name, ids, shard) for shard in self._shards[name]))
            for segment in segments:
                if segment.id in known:
                    self._try(segment)
        self._thread.start()

    def _known(self, table_name: str, segment_ids: Sequence[int], shard: str) -> set[int]:
        """Which segments the table may already have rows of on a shard: all, where that does not answer."""
        found: set[int] = set()
        sql = f"SELECT DISTINCT spool_segment AS id FROM {table_name} WHERE spool_segment IN {{ids:Array(UInt64)}}"
        try:
            with self._engine.at(shard):
                for start in range(0, len(segment_ids), _SEGMENTS_A_QUERY):
                    answer = self._engine.write(sql, {"ids": list(segment_ids[start : start + _SEGMENTS_A_QUERY])})
                    found.update(answer["id"].to_pylist())
        except EngineRefused as error:
            if not error.facts.get("is_machine"):
                raise
            found.update(segment_ids)
        self._suspect |= {(segment_id, shard) for segment_id in found}
        return found

    def wake(self) -> None:
        """Look again now."""
        self._wake.set()

    @property
    def error(self) -> str | None:
        """Why something is not being loaded, or None."""
        if self._crash is not None:
            return f"the loader stopped: {self._crash!r}"
        return next((retry.error for retry in self._retries.values() if retry.error), self._deaf)

    @property
    def is_running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    def flush(self, timeout_s: float) -> None:
        """Wait until all that is spooled now is in the engine or in quarantine; StoreError after the time."""
        segments = self._spool.pending()
        self._released = {segment.id for segment in segments if segment.table_name in self._holds_s}
        self._wake.set()
        if segments and not self.is_running:
            raise StoreError(f"telemetry is not being loaded: {self.error or 'the loader has ended'}")
        if not self._spool.wait_until_removed(segments, timeout_s):
            reason = self.error or "the engine is still busy"
            raise StoreError(
                f"telemetry was not loaded within {timeout_s} s: {reason}", limit=timeout_s, segments=len(segments)
            )

    def drain(self, timeout_s: float) -> None:
        """The same before the end, but without waiting for shards that do not answer: they get it next time."""
        give_up_s = time.monotonic() + timeout_s
        while (segments := self._spool.pending()) and self.is_running and time.monotonic() < give_up_s:
            self._wake.set()
            self._spool.wait_until_removed(segments, 0.1)
            if self._engine.absent and not any(self._may_go_on(segment) for segment in segments):
                return

    def stop(self, timeout_s: float) -> None:
        """Finish the segment in hand and end the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._wake.wait(self._pause_s())
                self._wake.clear()
                for segment in self._spool.due(self._ready(), _LEADERS):
                    if self._stop.is_set():
                        return
                    if self._may_try(segment.table_name) and not self._held_s(segment):
                        self._try(segment)
                self._roller.roll({rollup.source: self._spool.first_id(rollup.source) for rollup in ROLLUPS})
        except BaseException as error:
            self._crash = error
            raise

    def _may_try(self, table_name: str) -> bool:
        """Whether any shard of a table may be tried now."""
        leader = _LEADERS.get(table_name)
        if leader is not None and not self._may_try(leader):
            return False
        return any(self._may_try_on(table_name, shard) for shard in self._shards[table_name])

    def _may_try_on(self, table_name: str, shard: str) -> bool:
        return time.monotonic() >= self._retries[table_name, shard].not_before_s

    def _ready(self) -> dict[str, float]:
        """Tables that may be loaded now, with the age at which their open segment is due."""
        return {name: age_s for name, age_s in self._ages_s.items() if self._may_try(name)}

    def _pause_s(self) -> float | None:
        """Until the next segment is due or the next try is allowed; None while there is nothing to do."""
        now_s = time.monotonic()
        pauses = [retry.not_before_s - now_s for retry in self._retries.values() if retry.not_before_s > now_s]
        held = {
            segment.id: pause_s for segment in self._spool.sealed(self._holds_s) if (pause_s := self._held_s(segment))
        }
        pauses += held.values()
        due_s = self._spool.next_due_s(self._ready(), self._waiting().union(held))
        roll_s = self._roller.due_in_s
        if roll_s is not None:
            pauses.append(roll_s)
        return min([*pauses, due_s] if due_s is not None else pauses, default=None)

    def _held_s(self, segment: SealedSegment) -> float:
        """How long a segment still has to wait for those that come after it."""
        if segment.table_name not in self._holds_s or segment.id in self._released:
            return 0.0
        age_s = time.time() - segment.begun_at_ms / 1000
        return max(0.0, self._holds_s[segment.table_name] - max(0.0, age_s))

    def _waiting(self) -> set[int]:
        """Segments that only shards wait for which may not be tried now."""
        return {segment.id for segment in self._stored if not self._may_go_on(segment)}

    def _may_go_on(self, segment: SealedSegment) -> bool:
        """Whether a shard that does not have it may be tried now."""
        stored = self._stored.get(segment, ())
        shards = [shard for shard in self._shards[segment.table_name] if shard not in stored]
        return any(self._may_try_on(segment.table_name, shard) for shard in shards)

    def _try(self, segment: SealedSegment) -> None:
        """On each shard that does not have it and may be tried now."""
        name = segment.table_name
        for shard in self._shards[name]:
            if shard not in self._stored.get(segment, ()) and self._may_try_on(name, shard):
                self._try_on(shard, segment)
        if self._stored.get(segment, set()).issuperset(self._shards[name]):
            self._told.discard(segment.id)
            del self._stored[segment]
            self._spool.remove(segment)
            self._roller.loaded(segment.table_name)

    def _try_on(self, shard: str, segment: SealedSegment) -> None:
        retry = self._retries[segment.table_name, shard]
        try:
            self._check_room()
            with self._engine.at(shard):
                loaded = self._load(segment, shard, one_by_one=retry.tries_count >= _TRIES_MAX)
        except (EngineRefused, OSError) as error:
            self._suspect.add((segment.id, shard))
            retry.error = f"{segment.table_name}: {error}"
            retry.failures_count += 1
            retry.tries_count += not _blames_machine(error)
            pause_s = min(self._limits.retry_s_max, 0.1 * 2.0 ** min(retry.failures_count, 20))
            retry.not_before_s = time.monotonic() + pause_s
        else:
            self._suspect.discard((segment.id, shard))
            self._retries[segment.table_name, shard] = _Retry()
            self._stored.setdefault(segment, set()).add(shard)
            if segment.id not in self._told:
                self._told.add(segment.id)
                self.loaded_count[segment.table_name] += len(loaded)
                self._tell(segment.table_name, loaded)

    def _check_room(self) -> None:
        """Where the disk is nearly full, what is left is for what the engine needs to answer and to merge."""
        if self._engine.directory is None:
            return
        free, limit = free_bytes(self._engine.directory), self._limits.disk_free_bytes_min // 4
        if free < limit:
            raise EngineRefused(
                f"nothing is loaded: the disk has {free} bytes free, {limit} are needed",
                code=NOT_ENOUGH_SPACE,
                limit=limit,
                observed=free,
            )

    def _tell(self, table_name: str, messages: Sequence[Message]) -> None:
        try:
            self.on_loaded(table_name, messages)
        except Exception as error:  # noqa: BLE001 - rows are more important than who hears of them
            self._deaf = f"who listens to rows of {table_name} broke: {type(error).__name__}"

    def _load(self, segment: SealedSegment, shard: str, *, one_by_one: bool) -> list[Message]:
        try:
            content = parse(self._read(segment))
        except FileNotFoundError:
            self._quarantine.put(segment.table_name, segment.id, 0, b"", "the segment's file is gone")
            return []
        if (segment.id, shard) in self._suspect:
            self._remove_rows(segment)
        for damage in content.damages:
            self._quarantine.put(segment.table_name, segment.id, damage.index, damage.data, damage.reason)
        self._suspect.add((segment.id, shard))
        sink = self._sinks[segment.table_name]
        if one_by_one:
            refused = self._load_one_by_one(sink, segment.id, content.messages)
        elif content.messages:
            refused = self._load_together(sink, segment, content.messages)
        else:
            refused = {}
        for message in content.messages:
            if message.index in refused:
                self._quarantine.put(
                    segment.table_name, segment.id, message.index, message.payload, refused[message.index]
                )
        if segment.id not in self._told:
            self.torn_bytes += content.torn_bytes
        return [message for message in content.messages if message.index not in refused]

    def _read(self, segment: SealedSegment) -> memoryview:
        """The whole file; where nobody keeps a part of it, in memory that the next one is read into."""
        if segment.table_name not in _DECODED_AT_ONCE:
            return memoryview(segment.path.read_bytes())
        with segment.path.open("rb", buffering=0) as file:
            whole = self._scratch.empty("segment", os.fstat(file.fileno()).st_size, np.uint8).data
            read_bytes = 0
            while read_bytes < len(whole) and (more := file.readinto(whole[read_bytes:])):
                read_bytes += more
        return whole[:read_bytes]

    def _remove_rows(self, segment: SealedSegment) -> None:
        self._engine.write(f"DELETE FROM {segment.table_name} WHERE spool_segment = {{id:UInt64}}", {"id": segment.id})

    def _load_together(self, sink: Sink, segment: SealedSegment, messages: Sequence[Message]) -> dict[int, str]:
        """Insert at once, without those that cannot be decoded; returns these with the reason."""
        try:
            sink.load(segment.id, messages)
        except EngineRefused as error:
            if _blames_machine(error):
                raise
            refused = _refused_by(sink, messages)
            if not refused:
                raise
            self._remove_rows(segment)
            good = [message for message in messages if message.index not in refused]
            if good:
                sink.load(segment.id, good)
            return refused
        return {}

    def _load_one_by_one(self, sink: Sink, segment_id: int, messages: Iterable[Message]) -> dict[int, str]:
        """The last resort, after several tries: nothing behind a segment may wait for it for ever."""
        refused: dict[int, str] = {}
        for message in messages:
            try:
                sink.load(segment_id, [message])
            except EngineRefused as error:
                if _blames_machine(error):
                    raise
                refused[message.index] = error.message
        return refused


def _refused_by(sink: Sink, messages: Sequence[Message]) -> dict[int, str]:
    """Messages that cannot be decoded, found by halving, with the engine's reason."""
    try:
        sink.check(messages)
    except EngineRefused as error:
        if _blames_machine(error):
            raise
        if len(messages) == 1:
            return {messages[0].index: error.message}
        middle = len(messages) // 2
        return _refused_by(sink, messages[:middle]) | _refused_by(sink, messages[middle:])
    return {}


def _blames_machine(error: EngineRefused | OSError) -> bool:
    if isinstance(error, OSError) or "No space left on device" in error.message:
        return True
    return error.facts.get("code") in _MACHINE_CODES or bool(error.facts.get("is_machine"))
