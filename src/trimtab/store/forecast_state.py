"""Forecasts that were made, and how often they held: the tables `forecasts_made` and `forecast_hits`.

A row of `forecasts_made` is one forecast of a whole family of series: names and arrays, packed. Of the newest horizon
all are kept, of what is older one a horizon, so that the table stays small whatever the number of series.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import StoreError
from trimtab.store.state_database import StateDatabase

F32 = NDArray[np.float32]
ROWS_MAX = 100_000
RUNS_READ_MAX = 1_000
LINES = ("mean", "lo_80", "hi_80", "lo_90", "hi_90")
"""The first axis of `MadeForecast.lines`."""
REACH_EDGES = np.geomspace(0.1, 10.0, 31)
"""How far values were from the middle of the band, as a share of its half: edges of the bins that are counted."""
REACH_BINS = len(REACH_EDGES) + 1
_PACK_LEVEL = 6


@dataclass(frozen=True, slots=True)
class MadeForecast:
    """One forecast of a family: `lines` float32 [5, series, horizon] (see `LINES`), the first column at `start_ms`.

    `factors` float32 [series] is how much bands were widened, by what came of earlier forecasts; `models` by series.
    """

    family: str
    made_ms: int
    start_ms: int
    step_ms: int
    series: tuple[str, ...]
    lines: F32
    factors: F32
    models: tuple[str, ...]

    @property
    def horizon(self) -> int:
        """How many steps it has."""
        return int(self.lines.shape[2])

    @property
    def end_ms(self) -> int:
        """Behind its last step."""
        return self.start_ms + self.horizon * self.step_ms


@dataclass(frozen=True, slots=True)
class Hits:
    """How points of past forecasts of one series compare with what came, on one day or on several.

    `error` is the sum of distances from the mean. Where the naive forecast is known, too (the value a day before),
    `naive_error` is that sum for it, and `error_beside` the forecast's over the same `naive_points`. `reaches` int64
    [REACH_BINS] counts points by how far they were out (see `REACH_EDGES`), as if no band had been widened. `days` are
    the days (their beginning, UTC, Unix milliseconds) that it is made of.
    """

    points: int
    inside_80: int
    inside_90: int
    error: float
    naive_points: int
    naive_error: float
    error_beside: float
    reaches: NDArray[np.int64]
    days: frozenset[int] = frozenset()

    def __add__(self, other: Hits) -> Hits:
        return Hits(
            self.points + other.points,
            self.inside_80 + other.inside_80,
            self.inside_90 + other.inside_90,
            self.error + other.error,
            self.naive_points + other.naive_points,
            self.naive_error + other.naive_error,
            self.error_beside + other.error_beside,
            self.reaches + other.reaches,
            self.days | other.days,
        )


class ForecastState:
    """Thread-safe, as the database is."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    # --- forecasts

    def keep(self, made: Sequence[MadeForecast]) -> None:
        """Write them down."""
        rows = [
            (one.made_ms, one.family, one.start_ms, one.step_ms, one.horizon, len(one.series), _packed(one))
            for one in made
        ]
        with self._db.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO forecasts_made (made_ms, family, start_ms, step_ms, horizon, series, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def newest(self) -> list[MadeForecast]:
        """The newest of each family."""
        rows = self._db.rows(
            "SELECT f.* FROM forecasts_made f JOIN (SELECT family, max(made_ms) AS made_ms FROM forecasts_made"
            " GROUP BY family) n ON f.family = n.family AND f.made_ms = n.made_ms LIMIT ?",
            (RUNS_READ_MAX,),
        )
        return [_unpacked(row) for row in rows]

    def of(self, family: str, from_ms: int, to_ms: int) -> list[MadeForecast]:
        """Those of a family that tell of any time in `[from_ms, to_ms)`, newest first."""
        rows = self._db.rows(
            "SELECT * FROM forecasts_made WHERE family = ? AND start_ms < ? AND start_ms + step_ms * horizon > ?"
            " ORDER BY made_ms DESC LIMIT ?",
            (family, to_ms, from_ms, RUNS_READ_MAX),
        )
        return [_unpacked(row) for row in rows]

    def unjudged(self, family: str, over_ms: int) -> list[MadeForecast]:
        """Those of a family that were over at that moment, and were not compared with what came; oldest first."""
        rows = self._db.rows(
            "SELECT * FROM forecasts_made WHERE family = ? AND is_judged = 0 AND start_ms + step_ms * horizon <= ?"
            " ORDER BY made_ms LIMIT ?",
            (family, over_ms, RUNS_READ_MAX),
        )
        return [_unpacked(row) for row in rows]

    def set_judged(self, made: Iterable[MadeForecast], hits: Iterable[tuple[str, int, Hits]]) -> None:
        """They were compared, and this came of it, by series and day: one durable unit."""
        with self._db.transaction() as db:
            for series, day_ms, found in hits:
                before = db.execute(
                    "SELECT * FROM forecast_hits WHERE series = ? AND day_ms = ?", (series, day_ms)
                ).fetchone()
                whole = found if before is None else _hits(before) + found
                db.execute(
                    "INSERT OR REPLACE INTO forecast_hits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        series,
                        day_ms,
                        whole.points,
                        whole.inside_80,
                        whole.inside_90,
                        whole.error,
                        whole.naive_points,
                        whole.naive_error,
                        whole.error_beside,
                        whole.reaches.astype("<i8").tobytes(),
                    ),
                )
            db.executemany(
                "UPDATE forecasts_made SET is_judged = 1 WHERE family = ? AND made_ms = ?",
                [(one.family, one.made_ms) for one in made],
            )

    def thin(self, now_ms: int, kept_ms: int) -> None:
        """Drop what is too old; of forecasts that were judged and are over all but the first of each horizon."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM forecasts_made WHERE made_ms < ?", (now_ms - kept_ms,))
            db.execute(
                "DELETE FROM forecasts_made WHERE is_judged = 1 AND EXISTS (SELECT 1 FROM forecasts_made o"
                " WHERE o.family = forecasts_made.family AND o.is_judged = 1 AND o.made_ms < forecasts_made.made_ms"
                " AND o.made_ms / (o.step_ms * o.horizon)"
                " = forecasts_made.made_ms / (forecasts_made.step_ms * forecasts_made.horizon))"
            )
            db.execute("DELETE FROM forecast_hits WHERE day_ms < ?", (now_ms - kept_ms,))

    # --- hits

    def hits(self, since_ms: int) -> dict[str, Hits]:
        """Of each series, summed up over days that begin at that moment or later."""
        found: dict[str, Hits] = {}
        after = ("", -1)
        while True:
            rows = self._db.rows(
                "SELECT * FROM forecast_hits WHERE day_ms >= ? AND (series, day_ms) > (?, ?)"
                " ORDER BY series, day_ms LIMIT ?",
                (since_ms, *after, ROWS_MAX),
            )
            for row in rows:
                one = _hits(row)
                before = found.get(row["series"])
                found[row["series"]] = one if before is None else before + one
            if len(rows) < ROWS_MAX:
                return found
            after = (rows[-1]["series"], rows[-1]["day_ms"])


def _hits(row: sqlite3.Row) -> Hits:
    reaches = np.frombuffer(row["reaches"], "<i8").astype(np.int64)
    return Hits(
        row["points"],
        row["inside_80"],
        row["inside_90"],
        row["error"],
        row["naive_points"],
        row["naive_error"],
        row["error_beside"],
        reaches,
        frozenset((row["day_ms"],)),
    )


def _packed(one: MadeForecast) -> bytes:
    told = {
        "series": one.series,
        "models": one.models,
        "factors": one.factors.astype("<f4").tobytes(),
        "lines": one.lines.astype("<f4").tobytes(),
    }
    return zlib.compress(msgspec.msgpack.encode(told), _PACK_LEVEL)


class _Body(msgspec.Struct, frozen=True):
    series: tuple[str, ...]
    models: tuple[str, ...]
    factors: bytes
    lines: bytes


def _unpacked(row: sqlite3.Row) -> MadeForecast:
    try:
        body = msgspec.msgpack.decode(zlib.decompress(row["body"]), type=_Body)
        lines = np.frombuffer(body.lines, "<f4").reshape(len(LINES), len(body.series), row["horizon"])
        factors = np.frombuffer(body.factors, "<f4")
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:
        raise StoreError(
            f"the forecast of {row['family']} at {row['made_ms']} ms cannot be read: {error}", family=row["family"]
        ) from error
    return MadeForecast(
        row["family"], row["made_ms"], row["start_ms"], row["step_ms"], body.series, lines, factors, body.models
    )
