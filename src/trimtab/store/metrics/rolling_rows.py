"""Rows of roll-ups: made from samples in memory, where it has them all, else from the engine's; and written.

Memory may know more than the engine (what is only spooled): such a window is rolled again when the loader is so far,
and says the same. It must not know less: so nothing may be on its way between spool and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Body, Engine, Merge, Parameters
from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.assemble import assemble
from trimtab.store.metrics.messages import SAMPLES, NativeTable
from trimtab.store.metrics.packed import COLUMN, bits_of
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.rolled import HOURS, HOURS_MS, MINUTES, MINUTES_MS, Column
from trimtab.store.metrics.rolled_form import packed, unpacked
from trimtab.store.metrics.sorting import BySeries, by_series

_SAMPLES_AT_ONCE = 2_000_000
_ANY = 1 << 62
_TABLES: Mapping[int, str] = {MINUTES_MS: MINUTES, HOURS_MS: HOURS}
_TYPES: Mapping[Column, tuple[str, np.dtype[np.generic]]] = {
    "samples_count": ("UInt32", np.dtype("<u4")),
    "value_sum": ("Float64", np.dtype("<f8")),
    "value_min": ("Float64", np.dtype("<f8")),
    "value_max": ("Float64", np.dtype("<f8")),
    "first_at_ms": ("Int64", np.dtype("<i8")),
    "first_value": ("Float64", np.dtype("<f8")),
    "last_at_ms": ("Int64", np.dtype("<i8")),
    "last_value": ("Float64", np.dtype("<f8")),
    "increase": ("Float64", np.dtype("<f8")),
    "ended_at_ms": ("Int64", np.dtype("<i8")),
}
"""In the order of the kernels."""
_WHAT: Mapping[str, tuple[str, np.dtype[np.generic]]] = {
    "id": ("UInt64", np.dtype("<u8")),
    "end_ms": ("Int64", np.dtype("<i8")),
    "form": ("UInt8", np.dtype("u1")),
}
_TABLE = NativeTable("rows of roll-ups", {**_WHAT, **{str(name): what for name, what in _TYPES.items()}})
_SHARE = "modulo(intHash64(id), {shares:UInt64}) = {share:UInt64}"
_BETWEEN = "{name} > {{from_ms:Int64}} AND {name} <= {{to_ms:Int64}}"
_OF_SAMPLES = f"FROM {SAMPLES.name} WHERE {_BETWEEN.format(name='at_ms')}"
_OF_MINUTES = f"FROM {MINUTES} FINAL WHERE {_BETWEEN.format(name='end_ms')} AND {_SHARE}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of windows, by id and end."""

    ids: U64
    end_ms: I64
    columns: Mapping[Column, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Share:
    """One piece of work: windows of `(from_ms, to_ms]`, and which of how many shares of the series."""

    from_ms: int
    to_ms: int
    share: int = 0
    shares: int = 1

    @property
    def parameters(self) -> dict[str, object]:
        """For a statement."""
        return {"from_ms": self.from_ms, "to_ms": self.to_ms, "share": self.share, "shares": self.shares}


def shares_of(ends_ms: Sequence[int], counts: Sequence[int], width_ms: int, count_max: int) -> list[Share]:
    """Windows (ascending) with so many rows each, as pieces that read at most `count_max` each.

    >>> shares_of([300, 600, 900], [5, 5, 25], 300, 10)
    [Share(from_ms=0, to_ms=600, share=0, shares=1), Share(from_ms=600, to_ms=900, share=0, shares=3), \
Share(from_ms=600, to_ms=900, share=1, shares=3), Share(from_ms=600, to_ms=900, share=2, shares=3)]
    >>> shares_of([300, 900], [5, 5], 300, 10)
    [Share(from_ms=0, to_ms=300, share=0, shares=1), Share(from_ms=600, to_ms=900, share=0, shares=1)]
    """
    found: list[Share] = []
    held = 0
    for end_ms, count in zip(ends_ms, counts, strict=True):
        last = found[-1] if found else None
        if last is not None and last.shares == 1 and last.to_ms == end_ms - width_ms and held + count <= count_max:
            found[-1] = replace(last, to_ms=end_ms)
            held += count
            continue
        pieces = max(1, -(-count // count_max))
        found += [Share(end_ms - width_ms, end_ms, share, pieces) for share in range(pieces)]
        held = count
    return found


def gathered(engine: Engine, sql: str, parameters: Parameters, merge: Merge | None = None) -> pa.Table:
    """What all shards answer; EngineRefused where one does not: a roll-up of a part would look like one of all."""
    found = engine.gather(sql, parameters, merge, is_wide=True)
    if found.missing:
        raise EngineRefused(f"not all shards answer: {'; '.join(found.missing)}", shards=len(found.missing))
    return found.table


class RollingRows:
    """Makes and writes rows."""

    def __init__(self, engine: Engine, parts: Parts, wait_until_seen: Callable[[], bool]) -> None:
        """`wait_until_seen` says that memory has all that the engine had when it was called."""
        self._engine, self._parts, self._wait_until_seen = engine, parts, wait_until_seen

    def of_samples(self, from_ms: int, to_ms: int) -> Iterator[Rows]:
        """Windows of five minutes in `(from_ms, to_ms]`."""
        if not self._wait_until_seen():
            yield from self._of_cold_samples(from_ms, to_ms)
            return
        while from_ms < to_ms:
            hot_from_ms = self._parts.hot.from_ms
            end_ms = min(to_ms, (from_ms // HOURS_MS + 1) * HOURS_MS)
            if from_ms + 1 < hot_from_ms:  # a window that is partly in memory is not
                end_ms = min(to_ms, -(-hot_from_ms // MINUTES_MS) * MINUTES_MS)
                yield from self._of_cold_samples(from_ms, end_ms)
            else:
                yield from self._of_hot_samples(from_ms, end_ms)
            from_ms = end_ms

    def _of_hot_samples(self, from_ms: int, to_ms: int) -> Iterator[Rows]:
        from trimtab.store.metrics.rolled_kernels import rows_of_samples

        registry, hot = self._parts.registry, self._parts.hot
        count = registry.count
        slots: I32 = np.argsort(registry.ids[:count], kind="stable").astype(np.int32)
        of_a_slot = hot.samples_count * (to_ms - from_ms) // (max(1, count) * max(hot.span_ms, to_ms - from_ms))
        at_once = max(1000, _SAMPLES_AT_ONCE // (of_a_slot + 1))
        for start in range(0, count, at_once):
            some = slots[start : start + at_once]
            hot_from_ms, parts = hot.gather(some, from_ms + 1, to_ms)
            if hot_from_ms > from_ms + 1:  # it has been evicted meanwhile
                yield from self._of_cold_samples(from_ms, to_ms)
                return
            offsets, at_ms, bits = assemble(parts, len(some), _ANY)
            yield _rows(registry.ids[some], rows_of_samples(offsets, at_ms, bits, np.int64(MINUTES_MS)))

    def _of_cold_samples(self, from_ms: int, to_ms: int) -> Iterator[Rows]:
        from trimtab.store.metrics.hot_kernels import drop_repeated
        from trimtab.store.metrics.rolled_kernels import rows_of_samples

        for share in self._shares(SAMPLES.name, "at_ms", from_ms, to_ms, MINUTES_MS):
            where = f"{_OF_SAMPLES} AND {_SHARE}"
            found = _by_series(gathered(self._engine, f"SELECT id, at_ms, {COLUMN} {where}", share.parameters))
            at_ms, bits, offsets = found.at_ms, found.bits, found.offsets
            if found.repeated_count:
                count = drop_repeated(offsets, at_ms, bits)
                at_ms, bits = at_ms[:count], bits[:count]
            yield _rows(found.ids, rows_of_samples(offsets, at_ms, bits, np.int64(MINUTES_MS)))

    def of_minutes(self, from_ms: int, to_ms: int) -> Iterator[Rows]:
        """Hours in `(from_ms, to_ms]`, from their windows of five minutes."""
        from trimtab.store.metrics.rolled_kernels import rows_of_rows

        for share in self._shares(MINUTES, "end_ms", from_ms, to_ms, HOURS_MS):
            answer = gathered(
                self._engine, f"SELECT id, end_ms, {', '.join(_TYPES)}, form {_OF_MINUTES}", share.parameters
            )
            ids, end_ms = answer["id"].to_numpy(), answer["end_ms"].to_numpy()
            order = np.lexsort((end_ms, ids))
            ids, end_ms = ids[order], end_ms[order]
            stored = {name: answer[name].to_numpy()[order] for name in _TYPES}
            columns = unpacked(stored, answer["form"].to_numpy()[order])
            is_next = np.ones(len(ids), np.bool_)
            is_next[1:] = ids[1:] != ids[:-1]
            of = (np.cumsum(is_next) - 1).astype(np.int32)
            wider: Callable[..., Sequence[NDArray[np.generic]]] = rows_of_rows
            yield _rows(ids[is_next], wider(of, end_ms, *(columns[name] for name in _TYPES), np.int64(HOURS_MS)))

    def _shares(self, table: str, column: str, from_ms: int, to_ms: int, width_ms: int) -> list[Share]:
        sql = (
            f"SELECT (intDiv({column} - 1, {width_ms}) + 1) * {width_ms} AS window, count() AS n FROM {table}"
            f" WHERE {_BETWEEN.format(name=column)} GROUP BY window ORDER BY window"
        )
        merge = Merge(order_by=(("window", "ascending"),), group_by=("window",))
        counts = gathered(self._engine, sql, {"from_ms": from_ms, "to_ms": to_ms}, merge)
        return shares_of(counts["window"].to_pylist(), counts["n"].to_pylist(), width_ms, _SAMPLES_AT_ONCE)

    @staticmethod
    def together(pieces: Iterator[Rows], count_max: int) -> Iterator[Rows]:
        """Pieces made one until there are so many rows."""
        held: list[Rows] = []
        for piece in pieces:
            if len(piece.ids):
                held.append(piece)
            if sum(len(one.ids) for one in held) >= count_max:
                yield _one(held)
                held = []
        if held:
            yield _one(held)

    def write(self, resolution_ms: int, rows: Rows, roll: int) -> None:
        """Each shard takes its own."""
        columns: dict[str, NDArray[np.generic]] = {"id": rows.ids, "end_ms": rows.end_ms}
        stored, columns["form"] = packed(rows.columns)
        columns.update(stored.items())
        names = ", ".join(columns)
        body = Body(_TABLE.parts(columns), "Native", _TABLE.structure)
        for shard in self._engine.shards:
            with self._engine.at(shard):
                self._engine.write(
                    f"INSERT INTO {_TABLES[resolution_ms]} ({names}, roll) SELECT {names}, {{roll:UInt64}}"
                    " FROM BODY(rows) WHERE SHARD(id)",
                    {"roll": roll},
                    {"rows": body},
                )


def _rows(ids: U64, found: Sequence[NDArray[np.generic]]) -> Rows:
    of, end_ms = found[0].view(np.int32), found[1].view(np.int64)
    return Rows(ids[of], end_ms, dict(zip(_TYPES, found[2:], strict=True)))


def _by_series(answer: pa.Table) -> BySeries:
    return by_series(
        [
            (
                batch.column("id").to_numpy(),
                batch.column("at_ms").to_numpy(),
                bits_of(batch.column(COLUMN).to_numpy().copy()),
            )
            for batch in answer.to_batches()
        ]
    )


def _one(pieces: Sequence[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    ids = np.concatenate([piece.ids for piece in pieces])
    order = np.argsort(ids, kind="stable")  # pieces come in order of time
    end_ms = np.concatenate([piece.end_ms for piece in pieces])
    columns = {name: np.concatenate([piece.columns[name] for piece in pieces])[order] for name in _TYPES}
    return Rows(ids[order], end_ms[order], columns)
