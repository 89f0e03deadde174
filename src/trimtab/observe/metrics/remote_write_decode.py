"""A remote-write body as arrays. What stands in it is only pointed at until somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.metrics.remote_write_2_kernels import decode_2, symbols_2
from trimtab.observe.metrics.remote_write_kernels import (
    AT,
    IS_PLAIN,
    RARE,
    SAMPLES,
    SERIES,
    UNKNOWN,
    UNKNOWN_COUNT,
    decode_1,
)
from trimtab.observe.metrics.sent_before import Entries
from trimtab.observe.metrics.wire_kernels import BROKEN, DONE
from trimtab.observe.otlp import BodyTooLong

_BYTES_A_SERIES = 40
"""Of a body, for the first guess of how much room its series need."""
_ROOM_MIN = 64


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body of either version. Series `s` has the samples up to `places[s, 2]`, from where the one before ended."""

    body: NDArray[np.uint8]
    version: int
    slots: NDArray[np.int32]
    """By series: its slot, where it was sent before (`sent_before`), else UNKNOWN."""
    unknown_count: int
    """Series whose slots are not known."""
    is_plain: bool
    """Whether it is known that each series has one sample."""
    keys: NDArray[np.uint64]
    """By series whose slot is not known: two words of a hash of its labels (in 2.0, and of its metadata)."""
    places: NDArray[np.int64]
    """By series: start and end of its message, the number of samples up to its end, and, in 1.0, the end of its labels
    if all of them stand at its beginning (else -1)."""
    faults: NDArray[np.uint8] | None
    """By series, in 2.0: what is wrong with its references; 0: nothing."""
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    start_ms: NDArray[np.int64] | None
    rare: NDArray[np.int64]
    """Rows of kind, series, start, end."""
    symbols: NDArray[np.int64] | None
    """In 2.0: start and end of each symbol."""

    @property
    def samples_by_series(self) -> NDArray[np.int64]:
        """How many samples each series has."""
        return cast("NDArray[np.int64]", np.diff(self.places[:, 2], prepend=0))


def decode(body: NDArray[np.uint8], version: int, seed: NDArray[np.uint64], rows_max: int, entries: Entries) -> Decoded:
    """Read a body. InputError where it is not one, BodyTooLong where more than `rows_max` of something is in it."""
    return _decode_1(body, seed, rows_max, entries) if version == 1 else _decode_2(body, seed, rows_max)


def _decode_1(body: NDArray[np.uint8], seed: NDArray[np.uint64], rows_max: int, entries: Entries) -> Decoded:
    counts = np.zeros(6, np.int64)
    arrays = _Arrays(0)

    def attempt(rows: int) -> int:
        nonlocal arrays
        arrays = _Arrays(rows)
        return decode_1(
            body,
            seed,
            counts,
            entries.text,
            entries.starts,
            entries.slots,
            entries.following,
            entries.table,
            entries.count,
            arrays.slots,
            arrays.keys,
            arrays.places,
            arrays.at_ms,
            arrays.bits,
            arrays.rare,
        )

    _with_room(attempt, "WriteRequest", len(body), counts, rows_max)
    return arrays.decoded(body, 1, counts, None, None, None)


def _decode_2(body: NDArray[np.uint8], seed: NDArray[np.uint64], rows_max: int) -> Decoded:
    counts = np.zeros(6, np.int64)
    symbols, hashes = np.empty((0, 2), np.int64), np.empty((0, 2), np.uint64)

    def find_symbols(rows: int) -> int:
        nonlocal symbols, hashes
        symbols, hashes = np.empty((rows, 2), np.int64), np.empty((rows, 2), np.uint64)
        return symbols_2(body, seed, counts, symbols, hashes)

    _with_room(find_symbols, "Request", len(body), counts, rows_max)
    symbols, hashes = symbols[: counts[0]], hashes[: counts[0]]
    arrays, faults, start_ms = _Arrays(0), np.empty(0, np.uint8), np.empty(0, np.int64)

    def attempt(rows: int) -> int:
        nonlocal arrays, faults, start_ms
        arrays, faults, start_ms = _Arrays(rows), np.empty(rows, np.uint8), np.empty(rows, np.int64)
        return decode_2(
            body,
            seed,
            hashes,
            counts,
            arrays.keys,
            arrays.places,
            faults,
            arrays.at_ms,
            arrays.bits,
            start_ms,
            arrays.rare,
        )

    _with_room(attempt, "Request", len(body), counts, rows_max)
    started = start_ms[: counts[SAMPLES]]
    counts[UNKNOWN_COUNT] = counts[SERIES]
    arrays.slots[:] = UNKNOWN
    return arrays.decoded(body, 2, counts, faults[: counts[SERIES]], started if started.any() else None, symbols)


class _Arrays:
    """What a kernel fills."""

    def __init__(self, rows: int) -> None:
        self.slots = np.empty(rows, np.int32)
        self.keys = np.empty((rows, 2), np.uint64)
        self.places = np.empty((rows, 4), np.int64)
        self.at_ms, self.bits = np.empty(rows, np.int64), np.empty(rows, np.int64)
        self.rare = np.empty((rows, 4), np.int64)

    def decoded(
        self,
        body: NDArray[np.uint8],
        version: int,
        counts: NDArray[np.int64],
        faults: NDArray[np.uint8] | None,
        start_ms: NDArray[np.int64] | None,
        symbols: NDArray[np.int64] | None,
    ) -> Decoded:
        series, samples, rare = counts[SERIES], counts[SAMPLES], counts[RARE]
        return Decoded(
            body,
            version,
            self.slots[:series],
            int(counts[UNKNOWN_COUNT]),
            bool(counts[IS_PLAIN]),
            self.keys[:series],
            self.places[:series],
            faults,
            self.at_ms[:samples],
            self.bits[:samples].view(np.float64),
            start_ms,
            self.rare[:rare],
            symbols,
        )


def _with_room(
    attempt: Callable[[int], int], message: str, size_bytes: int, counts: NDArray[np.int64], rows_max: int
) -> None:
    """Try with more and more room, up to the limit: what a body claims to have is never allocated for."""
    rows = min(size_bytes // _BYTES_A_SERIES + _ROOM_MIN, rows_max)
    while True:
        code = attempt(rows)
        if code == DONE:
            return
        if code == BROKEN:
            raise InputError(f"the body is not a {message}: a field at byte {counts[AT]} is broken", at=int(counts[AT]))
        if rows >= rows_max:
            raise BodyTooLong(f"a body may have {rows_max} series or samples; this one has more", limit=rows_max)
        rows = min(rows * 4, rows_max)
