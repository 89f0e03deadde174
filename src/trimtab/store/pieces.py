"""Which rows tell a window: minutes for its whole minutes, rows for its edges and for what minutes do not tell yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trimtab.store.rollup import MINUTE_MS, ROLLUPS, Rollup

ROWS_ONLY_MS_MAX = 2 * 3_600_000
"""A window up to this long is read from rows alone."""

_ROLLUP_OF: Mapping[str, Rollup] = {rollup.mark: rollup for rollup in ROLLUPS}


class Marked(Protocol):
    """What says how far the minutes tell everything."""

    def marks(self) -> Mapping[str, int]:
        """See `TelemetryStore.marks`."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one table that belong to a window."""

    table: str
    where: str
    is_minutes: bool


@dataclass(frozen=True, slots=True)
class Pieces:
    """Disjoint pieces that make up a window, the parameters of their conditions, and what to call their source."""

    pieces: tuple[Piece, ...]
    parameters: dict[str, object]
    source: str


def pieces_of(
    store: Marked, table: str, column: str, start_ms: int, end_ms: int, *, by_minutes: bool, per_ms: int = 1
) -> Pieces:
    """Pieces of `[start_ms, end_ms)` of a table whose time is `column`, in units of 1 / `per_ms` ms.

    With `by_minutes` the sums by the minute are read as far as they tell everything; the mark is read first, so that
    a roll-up that ends meanwhile changes nothing.
    """
    mark = store.marks().get(table, 0)
    first_ms, last_ms = -(-start_ms // MINUTE_MS) * MINUTE_MS, end_ms // MINUTE_MS * MINUTE_MS
    scale = "" if per_ms == 1 else f" * {per_ms}"

    def between(low: str, high: str) -> str:
        return f"{column} >= {{{low}:Int64}}{scale} AND {column} < {{{high}:Int64}}{scale}"

    window: dict[str, object] = {"window_start": start_ms, "window_end": end_ms}
    if not by_minutes or mark == 0 or first_ms >= last_ms:
        return Pieces((Piece(table, between("window_start", "window_end"), is_minutes=False),), window, table)
    target = _ROLLUP_OF[table].target
    inside = "minute_ms >= {first_minute:Int64} AND minute_ms < {last_minute:Int64} AND roll <= {mark:UInt64}"
    newer = f"{between('first_minute', 'last_minute')} AND spool_segment > {{mark:UInt64}}"
    found = [Piece(target, inside, is_minutes=True), Piece(table, newer, is_minutes=False)]
    edges = []
    if start_ms < first_ms:
        edges.append(f"({between('window_start', 'first_minute')})")
    if last_ms < end_ms:
        edges.append(f"({between('last_minute', 'window_end')})")
    if edges:
        found.append(Piece(table, f"({' OR '.join(edges)})", is_minutes=False))
    minutes: dict[str, object] = {"first_minute": first_ms, "last_minute": last_ms, "mark": mark}
    return Pieces(tuple(found), window | minutes, f"{target}, and {table} for what is newer and for the edges")
