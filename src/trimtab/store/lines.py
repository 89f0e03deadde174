"""Sums on a grid, made by the engine: what shapes and systems did, step by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.store.grid import Grid
from trimtab.store.pieces import pieces_of

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

    Floats = npt.NDArray[np.float64]

AMOUNTS = ("calls", "total_exec_time_ms", "rows", "shared_blks_read")
"""What can be added up of executions."""


@dataclass(frozen=True, slots=True)
class ActivityLines:
    """Client sessions of a system, averaged over the looks of a step. NaN where nobody looked.

    `active` has shape [T]; `waiting` [W, T] belongs to `wait_event_types`, sorted, '' for sessions that do not wait.
    """

    active: Floats
    wait_event_types: tuple[str, ...]
    waiting: Floats


def execution_lines(
    store: TelemetryStore,
    system: str,
    grid: Grid,
    fingerprints: Sequence[str] | None = None,
    amounts: Iterable[str] = AMOUNTS,
) -> dict[str, Floats]:
    """What these shapes did, line k for `fingerprints[k]` (at least one, no two the same); without them one line for
    all shapes of the system.

    By amount, [K, T]; 0 where nothing ran. Columns of amounts that are not asked for are not read.
    """
    columns = [name for name in AMOUNTS if name in set(amounts)]
    window = pieces_of(
        store, "query_executions", "started_at_ms", grid.start_ms, grid.end_ms, by_minutes=grid.by_minutes
    )
    parameters = window.parameters | _grid(grid) | {"system": system}
    size = (1 if fingerprints is None else len(fingerprints), grid.count)
    more, line = "", ""
    if fingerprints is not None:
        more = " AND fingerprint IN {fingerprints:Array(String)}"
        # One small number for line and step together: the engine groups by it faster than by both.
        line = f"transform(fingerprint, {{fingerprints:Array(String)}}, range({size[0]}), 0) * {grid.count} + "
        parameters["fingerprints"] = list(fingerprints)
    sums = ", ".join(f"sum({name}) AS {name}_" for name in columns)
    parts = " UNION ALL ".join(
        f"SELECT toUInt32({line}{_place('minute_ms' if piece.is_minutes else 'started_at_ms')}) AS place,"
        f" {', '.join(columns)} FROM {piece.table} WHERE {piece.where} AND system = {{system:String}}{more}"
        for piece in window.pieces
    )
    found = store.query(f"SELECT place, {sums} FROM ({parts}) GROUP BY place", parameters)
    return {name: _added(found, f"{name}_", size) for name in columns}


def observed_line(store: TelemetryStore, system: str, grid: Grid) -> tuple[Floats, Floats]:
    """How many ms of slices, and how many slices, began in each step; both [T]."""
    window = pieces_of(store, "query_slices", "started_at_ms", grid.start_ms, grid.end_ms, by_minutes=grid.by_minutes)
    parts = []
    for piece in window.pieces:
        time = "minute_ms" if piece.is_minutes else "started_at_ms"
        sums = (
            "sum(observed_ms) AS observed_, sum(slices_count) AS slices_"
            if piece.is_minutes
            else "sum(ended_at_ms - started_at_ms) AS observed_, toInt64(count()) AS slices_"
        )
        parts.append(
            f"SELECT {_place(time)} AS place, {sums} FROM {piece.table}"
            f" WHERE {piece.where} AND system = {{system:String}} GROUP BY place"
        )
    found = store.query(" UNION ALL ".join(parts), window.parameters | _grid(grid) | {"system": system})
    return _added(found, "observed_", (grid.count,)), _added(found, "slices_", (grid.count,))


def activity_lines(store: TelemetryStore, system: str, grid: Grid) -> ActivityLines:
    """Sessions by what they do; a step's average is over the looks at the sessions in it."""
    parameters = _grid(grid) | {"system": system, "start": grid.start_ms, "end": grid.end_ms}
    inside = "system = {system:String} AND sampled_at_ms >= {start:Int64} AND sampled_at_ms < {end:Int64}"
    looks = store.query(
        f"SELECT {_place('sampled_at_ms')} AS place, uniqExact(sampled_at_ms) AS looks_ FROM activity_samples"
        f" WHERE {inside} GROUP BY place",
        parameters,
    )
    _, slices = observed_line(store, system, grid)
    # A look that finds no session leaves no row; looks at the statistics have the same rhythm, and always leave one.
    looks_count = np.maximum(_added(looks, "looks_", (grid.count,)), slices)
    looks_count[looks_count == 0] = np.nan
    found = store.query(
        f"SELECT {_place('sampled_at_ms')} AS place, toString(wait_event_type) AS kind, sum(sessions_count) AS n"
        f" FROM activity_samples WHERE {inside} AND state = 'active' GROUP BY place, kind",
        parameters,
    )
    encoded = found["kind"].combine_chunks().dictionary_encode()
    kinds: list[str] = encoded.dictionary.to_pylist()
    order = sorted(range(len(kinds)), key=kinds.__getitem__)
    lines = _added(found, "n", (len(kinds), grid.count), np.asarray(encoded.indices.to_numpy(), np.int64))
    waiting = lines[order] / looks_count
    return ActivityLines(lines.sum(axis=0) / looks_count, tuple(kinds[k] for k in order), waiting)


def server_line(store: TelemetryStore, system: str, name: str, grid: Grid, *, is_counter: bool) -> tuple[Floats, str]:
    """A number of the server, [T], and its unit: averaged over a step, a counter as its rate per second.

    A sample of a counter tells what was added since the sample before; a gap of more than five minutes tells nothing.
    """
    parameters = _grid(grid) | {"system": system, "name": name, "start": grid.start_ms, "end": grid.end_ms}
    found = store.query(
        f"SELECT {_place('sampled_at_ms')} AS place, sum(value) AS value_, count() AS samples_,"
        " sum(gap_ms) AS gap_, max(unit) AS unit_ FROM"
        " (SELECT sampled_at_ms, value, unit, sampled_at_ms - lagInFrame(sampled_at_ms, 1, sampled_at_ms)"
        " OVER (ORDER BY sampled_at_ms ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS gap_ms FROM server_statistics"
        " WHERE system = {system:String} AND name = {name:String} AND sampled_at_ms >= {start:Int64}"
        " AND sampled_at_ms < {end:Int64})"
        + (" WHERE gap_ms > 0 AND gap_ms <= 300000" if is_counter else "")
        + " GROUP BY place",
        parameters,
    )
    size = (grid.count,)
    units = [unit for unit in found["unit_"].to_pylist() if unit]
    value, samples, gap_s = (_added(found, column, size) for column in ("value_", "samples_", "gap_"))
    divisor = gap_s / 1000 if is_counter else samples
    with np.errstate(invalid="ignore", divide="ignore"):
        line = np.where(samples > 0, value / divisor, np.nan)
    return line, units[0] if units else ""


def _grid(grid: Grid) -> dict[str, object]:
    return {"origin": grid.start_ms, "step": grid.step_ms}


def _place(column: str) -> str:
    """SQL for the step that a moment lies in."""
    return f"intDiv({column} - {{origin:Int64}}, {{step:Int64}})"


def _added(table: pa.Table, column: str, size: tuple[int, ...], line: npt.NDArray[np.int64] | None = None) -> Floats:
    """A column added up at its places, in an array of this size; [.., T]."""
    place = np.asarray(table["place"].to_numpy(), np.int64)
    cell = place if line is None else line * size[-1] + place
    sums = np.bincount(cell, weights=np.asarray(table[column].to_numpy(), np.float64), minlength=int(np.prod(size)))
    return np.asarray(sums, np.float64).reshape(size)
