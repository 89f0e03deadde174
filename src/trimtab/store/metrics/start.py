"""What a start reads back: all series, then the newest samples until the hot window is nearly full.

First come the segments that the spool still has (what was acknowledged and is perhaps not in the engine), then the
engine: a segment that the loader removes meanwhile is in the engine by then. The first piece is read before anybody is
served, the rest beside the service, backwards in time.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimtab.model.errors import EngineRefused
from trimtab.store import compiled
from trimtab.store.engine import Engine, Merge
from trimtab.store.frames import parse
from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.hot import Bounds
from trimtab.store.metrics.messages import SAMPLES, STARTS, NativeTable
from trimtab.store.metrics.natives import natives_of_column
from trimtab.store.metrics.packed import COLUMN, bits_of
from trimtab.store.metrics.partial import gathered, taken
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.rolled_histograms import HISTOGRAM_TABLES
from trimtab.store.metrics.row_messages import HISTOGRAMS, METADATA, SERIES, RowTable, definitions_of, metadata_of
from trimtab.store.metrics.slab import slab_of
from trimtab.store.retention import DAY_MS
from trimtab.store.spool import Spool

KERNELS = tuple(
    f"trimtab.store.metrics.{name}"
    for name in ("hot_kernels", "registry_kernels", "cold_kernels", "starts_kernels", "packed_kernels")
)
_MINUTE_MS = 60_000
_FIRST_SAMPLES = 1_000_000
_PIECE_SAMPLES = 4_000_000
_SAMPLE_BYTES = 16
_SHARE = 0.75
_MARKS_MAX = 1_500_000
_HISTOGRAMS_MS = 3_600_000
_ANY = Bounds(oldest_ms=-(1 << 60), latest_ms=1 << 60, window_ms=1 << 61)


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples with `from_ms <= at_ms < end_ms`, read at one time."""

    from_ms: int
    end_ms: int


def pieces_of(minutes: Sequence[int], counts: Sequence[int], samples_max: int) -> list[Piece]:
    """The newest minutes, newest first, as pieces of some samples each; `minutes` descend.

    >>> pieces_of([9, 8, 5], [600_000, 500_000, 10], 1_000_000)
    [Piece(from_ms=540000, end_ms=600000)]
    >>> pieces_of([9, 8, 5], [600_000, 500_000, 10], 2_000_000)
    [Piece(from_ms=480000, end_ms=600000), Piece(from_ms=300000, end_ms=480000)]
    """
    found: list[Piece] = []
    total = held = 0
    end_ms = from_ms = (minutes[0] + 1) * _MINUTE_MS if minutes else 0
    for minute, count in zip(minutes, counts, strict=True):
        if total + count > samples_max:
            break
        total, held, from_ms = total + count, held + count, minute * _MINUTE_MS
        if held >= (_PIECE_SAMPLES if found else _FIRST_SAMPLES):
            found.append(Piece(from_ms, end_ms))
            held, end_ms = 0, from_ms
    if held:
        found.append(Piece(from_ms, end_ms))
    return found


class Start:
    """Reads everything back, once."""

    def __init__(self, parts: Parts, engine: Engine, spool: Spool) -> None:
        self._parts, self._engine, self._spool = parts, engine, spool
        self._ids: U64 = np.zeros(0, np.uint64)
        self._slots: I32 = np.zeros(0, np.int32)

    def run(self, on_ready: Callable[[], None], stop: threading.Event) -> None:
        """Call `on_ready` when everybody may be served, and return when all is read."""
        compiled.load(KERNELS)
        with _without_collector():
            self._read_series()
        left = list(self._left_numbers(SAMPLES, "value"))
        pieces = self._pieces(left)
        if taken():  # of what a shard has that does not answer memory would say that it was not there
            begun_ms = time.time_ns() // 1_000_000
            pieces = [Piece(begun_ms, begun_ms)]
        hot = self._parts.hot
        if pieces:
            hot.begin_reload(pieces[0].end_ms)
            self._read_piece(pieces[0], up_to_ms=1 << 60)
        for slots, at_ms, values in left:
            self._insert(slots, at_ms, values.view(np.int64))
        self._read_starts()
        self._read_histograms()
        self._read_metadata()
        on_ready()
        for piece in pieces[1:]:
            if stop.is_set() or not self._read_piece(piece, up_to_ms=piece.end_ms - 1):
                break
        hot.end_reload()

    def _payloads(self, table_name: str) -> Iterator[bytes | memoryview]:
        """Messages that the spool has; a file that goes meanwhile is in the engine."""
        for path in self._spool.segments_of(table_name):
            data = _content_of(path)
            for message in parse(data).messages if data else ():
                yield message.payload

    def _rows_left(self, table: RowTable) -> Iterator[bytes | memoryview]:
        for payload in self._payloads(table.name):
            try:
                table.unpack(payload)
            except EngineRefused:
                continue  # the loader puts it into quarantine
            yield payload

    def _left_numbers(self, table: NativeTable, column: str) -> Iterator[tuple[I32, I64, np.ndarray]]:
        for payload in self._payloads(table.name):
            try:
                columns = table.unpack(payload)
            except EngineRefused:
                continue
            slots = self._slots_of(columns["id"].astype(np.uint64))
            known = slots >= 0
            yield slots[known], columns["at_ms"][known].astype(np.int64), columns[column][known].copy()

    def _read_series(self) -> None:
        registry = self._parts.registry
        for payload in self._rows_left(SERIES):
            for ids, labels, seen_ms in definitions_of(SERIES.unpack(payload)):
                registry.restore(ids, labels, seen_ms)
        stored = self._engine.read(f"SELECT id, labels, seen_at_ms FROM {SERIES.name}", is_wide=True)
        for ids, labels, seen_ms in definitions_of(stored):
            registry.restore(ids, labels, seen_ms)
        count = registry.count
        order = np.argsort(registry.ids[:count], kind="stable")
        self._ids, self._slots = registry.ids[:count][order], order.astype(np.int32)

    def _slots_of(self, ids: U64) -> I32:
        """Slots of rows; -1 where a series has no definition."""
        from trimtab.store.metrics.cold_kernels import find

        series = np.empty(len(ids), np.int32)
        find(ids, self._ids, series, np.zeros(len(self._ids), np.int64))
        if len(self._slots) == 0:
            return series
        return np.where(series >= 0, self._slots[series], np.int32(-1))

    def _pieces(self, left: Sequence[tuple[I32, I64, object]]) -> list[Piece]:
        """What to read; none where the engine has nothing: then memory is complete."""
        times = self._parts.cold.times()
        if times is None:
            return []
        oldest_ms, newest_ms = times
        newest_ms = max(newest_ms, *(int(at_ms.max(initial=newest_ms)) for _, at_ms, _ in left), newest_ms)
        wanted = int(self._parts.hot.room_bytes * _SHARE) // _SAMPLE_BYTES
        days = 2
        while True:
            from_ms = newest_ms - days * DAY_MS
            answer = gathered(
                self._engine,
                f"SELECT intDiv(at_ms, {_MINUTE_MS}) AS minute, count() AS n FROM {SAMPLES.name}"
                " WHERE at_ms >= {from_ms:Int64} GROUP BY minute ORDER BY minute DESC",
                {"from_ms": from_ms},
                Merge((("minute", "descending"),), group_by=("minute",)),
            )
            counts = answer["n"].to_pylist()
            if from_ms <= oldest_ms or sum(counts) > wanted:
                break
            days *= 2
        found = pieces_of(answer["minute"].to_pylist(), counts, wanted)
        end_ms = (newest_ms // _MINUTE_MS + 1) * _MINUTE_MS
        if not found or found[0].end_ms < end_ms:
            found.insert(0, Piece(found[0].end_ms if found else end_ms, end_ms))
        if from_ms <= oldest_ms and sum(counts) <= wanted:  # all there is
            found[-1] = Piece(-(1 << 62), found[-1].end_ms)
        return found

    def _read_piece(self, piece: Piece, up_to_ms: int) -> bool:
        """Whether there is room for more."""
        answer = gathered(
            self._engine,
            f"SELECT id, at_ms, {COLUMN} FROM {SAMPLES.name} WHERE at_ms BETWEEN {{from_ms:Int64}} AND {{to_ms:Int64}}",
            {"from_ms": piece.from_ms, "to_ms": up_to_ms},
        )
        if taken():
            return False
        slab = None
        if answer.num_rows:
            slots = self._slots_of(answer["id"].to_numpy())
            at_ms = answer["at_ms"].to_numpy()
            bits = bits_of(answer[COLUMN].to_numpy().copy())
            known = slots >= 0
            if not known.all():
                slots, at_ms, bits = slots[known], at_ms[known], bits[known]
            if len(slots):
                slab = slab_of(slots, at_ms.copy(), bits, self._parts.registry.count)
        return self._parts.hot.prepend(slab, piece.from_ms)

    def _insert(self, slots: I32, at_ms: I64, bits: I64) -> None:
        """What the spool still has, unless the engine had it too."""
        from trimtab.store.metrics.hot_kernels import ACCEPTED, DUPLICATE

        hot = self._parts.hot
        judged = hot.judge(slots, at_ms, bits, self._parts.registry.count, _ANY)
        if judged.order is not None:
            slots, at_ms, bits = slots[judged.order], at_ms[judged.order], bits[judged.order]
        if judged.verdicts is not None:
            kept = (judged.verdicts == ACCEPTED) | (judged.verdicts == DUPLICATE)
            slots, at_ms, bits = slots[kept], at_ms[kept], bits[kept]
        hot.insert(slots, at_ms, bits, judged.version, _ANY)

    def _read_starts(self) -> None:
        starts = self._parts.starts
        answer = self._engine.read(
            f"SELECT id, at_ms, start_ms FROM {STARTS.name} ORDER BY at_ms DESC LIMIT {_MARKS_MAX}", is_wide=True
        )
        starts.is_complete = answer.num_rows < _MARKS_MAX
        rows = [(self._slots_of(answer["id"].to_numpy()), answer["at_ms"].to_numpy(), answer["start_ms"].to_numpy())]
        for slots, at_ms, start_ms in [*rows, *self._left_numbers(STARTS, "start_ms")]:
            known = slots >= 0
            starts.restore(slots[known], at_ms[known].copy(), start_ms[known].copy(), self._parts.registry.count)

    def _read_histograms(self) -> None:
        histograms = self._parts.histograms
        stored = (HISTOGRAMS.name, *HISTOGRAM_TABLES.values())
        listed = " UNION DISTINCT ".join(f"SELECT DISTINCT id FROM {name}" for name in stored)
        known = self._engine.read(listed, is_wide=True)["id"].to_numpy()
        slots = self._slots_of(known.astype(np.uint64)) if len(known) else np.zeros(0, np.int32)
        histograms.know(slots[slots >= 0])
        left = [HISTOGRAMS.unpack(payload) for payload in self._rows_left(HISTOGRAMS)]
        newest = self._engine.read(f"SELECT maxOrNull(at_ms) AS at_ms FROM {HISTOGRAMS.name}")["at_ms"][0].as_py()
        if newest is not None:
            histograms.from_ms = newest - _HISTOGRAMS_MS
            left.append(
                self._engine.read(
                    f"SELECT id, at_ms, histogram FROM {HISTOGRAMS.name} WHERE at_ms >= {{from_ms:Int64}}",
                    {"from_ms": histograms.from_ms},
                    is_wide=True,
                )
            )
        for table in left:
            slots = self._slots_of(table["id"].to_numpy().astype(np.uint64))
            kept, found = np.flatnonzero(slots >= 0), natives_of_column(table["histogram"])
            histograms.insert(slots[kept], table["at_ms"].to_numpy()[kept].astype(np.int64), found.picked(kept))

    def _read_metadata(self) -> None:
        stored = self._engine.read(f"SELECT metric, kind, unit, help FROM {METADATA.name} ORDER BY seen_at_ms")
        self._parts.metadata.add(metadata_of(stored))
        for payload in self._rows_left(METADATA):
            self._parts.metadata.add(metadata_of(METADATA.unpack(payload)))


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Millions of small objects that all stay: looking through them for garbage again and again costs."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
