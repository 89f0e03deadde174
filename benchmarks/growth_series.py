"""Series that grow towards a limit, or do not: simulated ones, and real ones from TRIMTAB_BENCH_DATA.

Real: M4 weekly (what it is, where it grows), and disks that fill: real increments (requests, tweets, bytes, of NAB and
M4 hourly) added up, as logs and tables grow by the traffic they are of. Every series is cut at an origin; before it is
the history that is shown, behind it the truth. A limit is chosen from the history alone: some part of its growth above
where it is, so that nothing of the truth chooses it.

Two halves: `tuning` was looked at while parameters were chosen, `reported` is other series, and other seeds.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
Half = Literal["tuning", "reported"]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DATA_VARIABLE = "TRIMTAB_BENCH_DATA"
KINDS = ("linear", "weekly", "compound", "slowing", "bent", "will bend", "step", "teeth", "batches", "walk", "free")


@dataclass(frozen=True, slots=True)
class Case:
    """A history with a limit, and what came: `true_ms` is when the limit was reached, None: not before `end_ms`."""

    kind: str
    name: str
    history: TimeSeries
    limit: float
    falling: bool
    true_ms: int | None
    end_ms: int


def simulated(half: Half, count: int) -> list[Case]:
    """Growth of eleven kinds, `count` cases in turn; hours of 20 to 120 days, noise that hangs together."""
    cases: list[Case] = []
    seed = 50_000 if half == "tuning" else 90_000
    while len(cases) < count:
        kind = KINDS[len(cases) % len(KINDS)]
        rng = np.random.default_rng(seed)
        case = _simulated(kind, f"{kind} {seed}", rng)
        if case is not None:
            cases.append(case)
        seed += 1
    return cases


def _simulated(kind: str, name: str, rng: np.random.Generator) -> Case | None:
    days = int(rng.integers(20, 121))
    shown, hours = days * 24, days * 24 * 5
    t = np.arange(hours) / 24.0  # days
    slope = rng.uniform(0.5, 5.0)  # per day
    noise = slope * rng.choice([0.3, 1.0, 4.0]) * _hanging(rng, hours, float(rng.choice([0.0, 0.8, 0.97])))
    start = slope * days * rng.uniform(0.2, 3.0)
    grown = slope * t
    if kind == "weekly":
        grown = grown + slope * rng.uniform(2, 8) * np.sin(2 * np.pi * t / 7) + slope * 2 * np.sin(2 * np.pi * t)
    elif kind == "compound":
        grown = start * (np.exp(math.log(rng.uniform(1.3, 2.5)) * t / days) - 1)
    elif kind == "slowing":
        grown = slope * days * np.log1p(2 * t / days)
    elif kind == "bent":
        at = days * rng.uniform(0.3, 0.7)
        grown = slope * np.minimum(t, at) + slope * rng.uniform(0.4, 2.5) * np.maximum(t - at, 0)
    elif kind == "will bend":
        at = days * rng.uniform(1.0, 1.5)
        grown = slope * np.minimum(t, at) + slope * rng.uniform(0.6, 1.7) * np.maximum(t - at, 0)
    elif kind == "step":
        grown = grown + slope * days * rng.uniform(0.4, 1.5) * (t >= days * rng.uniform(0.2, 0.8))
    elif kind == "teeth":
        period = rng.uniform(3, days / 5)
        grown = grown + slope * days * rng.uniform(0.3, 0.8) * ((t % period) / period)
    elif kind == "batches":
        grown = np.cumsum(rng.lognormal(0, 1.2, hours) * (rng.random(hours) < 0.1))
        grown *= slope * days / grown[shown]
        noise = np.zeros(hours)
    elif kind == "walk":
        steps = slope / 24 + slope * rng.uniform(0.2, 0.8) * _hanging(rng, hours, 0.5)
        grown, noise = np.cumsum(steps), np.zeros(hours)
    values = start + grown + noise
    falling = kind == "free"
    return _case("simulated " + kind, name, np.arange(hours, dtype=np.int64) * HOUR_MS, values, shown, rng, falling)


def _hanging(rng: np.random.Generator, count: int, together: float) -> F64:
    """Noise of Student's t with 5 degrees, autocorrelated; its standard deviation is about 1."""
    raw = rng.standard_t(5, count) / math.sqrt(5 / 3) * math.sqrt(1 - together**2)
    if together:
        for place, shock in enumerate(raw.tolist()[1:], 1):
            raw[place] = shock + together * raw[place - 1]
    found: F64 = raw
    return found


def _case(
    kind: str, name: str, at_ms: NDArray[np.int64], values: F64, shown: int, rng: np.random.Generator, falling: bool
) -> Case | None:
    """Cuts it after `shown` points; None where the history does not grow, or starts at its limit."""
    history = values[:shown]
    tenth = max(1, shown // 10)
    newest = float(history[-tenth:].max())
    growth = newest - float(history[:tenth].max())
    jitter = float(np.median(np.abs(np.diff(history))))
    if growth <= 3 * jitter or growth <= 0:
        return None
    limit = float(history.max()) + growth * float(rng.uniform(0.1, 1.2))
    over = np.flatnonzero(values[shown:] >= limit)
    true_ms = int(at_ms[shown + over[0]]) if len(over) else None
    sign, base = (-1.0, 2 * limit) if falling else (1.0, 0.0)  # free = base - used: it falls to base - limit
    return Case(
        kind,
        name,
        TimeSeries(name, at_ms[:shown], base + sign * history),
        base + sign * limit,
        falling,
        true_ms,
        int(at_ms[-1]),
    )


def data_folder() -> Path | None:
    """The folder of public data, None where there is none."""
    folder = os.environ.get(DATA_VARIABLE, "")
    return Path(folder) if folder and Path(folder).is_dir() else None


def real(half: Half, folder: Path) -> list[Case]:
    """Cases from real series, each series once."""
    cases: list[Case] = []
    for number, (kind, name, at_ms, values) in enumerate(_real_series(folder)):
        if number % 2 != (half == "reported"):
            continue
        rng = np.random.default_rng(1000 + number)
        case = _case(kind, name, at_ms, values, int(len(values) * rng.uniform(0.35, 0.6)), rng, False)
        if case is not None:
            cases.append(case)
    return cases


def _real_series(folder: Path) -> Iterator[tuple[str, str, NDArray[np.int64], F64]]:
    for name, values in _m4(folder, "Weekly"):
        if len(values) >= 60:
            at_ms = np.arange(len(values), dtype=np.int64) * 7 * DAY_MS
            yield "real weekly (M4)", name, at_ms, values
    for name, values in _m4(folder, "Hourly"):
        at_ms = np.arange(len(values), dtype=np.int64) * HOUR_MS
        yield "real increments added up (M4 hourly)", name, at_ms, np.cumsum(values)
    for path in nab_files(folder):
        if any(word in path.name for word in ("Twitter", "request", "network", "Network", "write", "taxi", "Travel")):
            at_ms, values = nab(path)
            yield "real increments added up (NAB)", path.stem, at_ms, np.cumsum(np.maximum(values, 0.0))


def real_increments(half: Half, folder: Path) -> Iterator[tuple[str, NDArray[np.int64], F64]]:
    """Real series that go up and down and fill nothing: M4 hourly and NAB."""
    for number, (name, values) in enumerate(_m4(folder, "Hourly")):
        if number % 2 == (half == "reported"):
            yield name, np.arange(len(values), dtype=np.int64) * HOUR_MS, values
    for number, path in enumerate(nab_files(folder)):
        if number % 2 == (half == "reported"):
            yield path.stem, *nab(path)


def _m4(folder: Path, name: str) -> Iterator[tuple[str, F64]]:
    path = folder / "m4" / "Dataset" / "Train" / f"{name}-train.csv"
    if not path.exists():
        return
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for row in rows:
            yield row[0], np.array([float(cell) for cell in row[1:] if cell])


def nab_files(folder: Path) -> list[Path]:
    """NAB's real files."""
    return sorted((folder / "nab" / "data").glob("real*/*.csv"))


def nab(path: Path) -> tuple[NDArray[np.int64], F64]:
    """Times and values of a file of NAB, in order, each time once."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    times = np.array([datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp() * 1000 for row in rows])
    at_ms, first = np.unique(times.astype(np.int64), return_index=True)
    return at_ms, np.array([float(row[1]) for row in rows])[first]
