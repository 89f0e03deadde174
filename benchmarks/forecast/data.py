"""The series that forecasts are measured on, who is reported and who was chosen by, and the moments they are asked
from.

Looked for below TRIMTAB_BENCH_DATA (none of it is part of this project, and none may be shipped):

    m4/Dataset/{Train,Test}/Hourly-*.csv      the M4 competition's hourly series (Mcompetitions/M4-methods), 414
    azure-src/data/microsoft_avg_100.rda      CPU of 100 virtual machines of Azure (carlonlv/DataCenterSim), 5 minutes
    azure-src/data/periodic_avg_78.rda        78 others of them, chosen by their periods; for choosing alone
    forecast/venv                             an environment with `statsforecast` and `rdata`

Whatever is chosen in `trimtab.analyze.forecast` (members, grids, weights, floors) was chosen on `tuning`;
what is told is of `reported`, series that were drawn by a seed before either was looked at.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimtab.stats.time_series import F64

DATA_VARIABLE = "TRIMTAB_BENCH_DATA"
HORIZON = 24
HISTORY_MAX = 28 * 24
ORIGINS = 10
BETWEEN_ORIGINS = 25
"""Hours from one origin to the next: not a whole day, so that each is at another hour."""
REPORTED_COUNT = 60
SEED = 9
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Tasks:
    """What is asked: `history` [tasks, HISTORY_MAX] (NaN before a series begins), `truth` [tasks, HORIZON]; of each
    task its series and its origin (0 is the oldest), and the hour since the series' first value of its first
    column."""

    name: str
    history: F64
    truth: F64
    series: np.ndarray[tuple[int], np.dtype[np.int64]]
    origin: np.ndarray[tuple[int], np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.history)


def folder() -> Path | None:
    """Where the data is; None where nobody has put it."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named and Path(named).is_dir() else None


def venv_python(data: Path) -> Path:
    """The Python that has statsforecast."""
    return data / "forecast" / "venv" / "bin" / "python"


def azure(data: Path, name: str) -> list[F64]:
    """Hourly means of virtual machines, read once from R's file and kept beside the data."""
    kept = data / "forecast" / f"{name}.npy"
    if not kept.exists():
        script = Path(__file__).with_name("in_venv.py")
        source = data / "azure-src" / "data" / f"{name}.rda"
        subprocess.run([venv_python(data), script, "azure", source, kept], check=True, timeout=600)
    return list(np.load(kept))


def m4(data: Path) -> list[F64]:
    """The hourly series, with the 48 hours that were held back in the competition behind them."""
    parts = []
    for part in ("Train", "Test"):
        lines = (data / "m4" / "Dataset" / part / f"Hourly-{part.lower()}.csv").read_text().splitlines()[1:]
        rows = (line.replace('"', "").split(",")[1:] for line in lines)
        parts.append([np.array([float(text) for text in row if text and text != "NA"]) for row in rows])
    return [np.concatenate(both) for both in zip(*parts, strict=True)]


def asked(name: str, all_series: list[F64], chosen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Tasks:
    """The chosen series, each from ORIGINS moments."""
    history, truth, series, origins = [], [], [], []
    for place in chosen:
        values = all_series[place]
        for origin in range(ORIGINS):
            ends = len(values) - HORIZON - BETWEEN_ORIGINS * (ORIGINS - 1 - origin)
            past = values[max(ends - HISTORY_MAX, 0) : ends]
            history.append(np.concatenate([np.full(HISTORY_MAX - len(past), np.nan), past]))
            truth.append(values[ends : ends + HORIZON])
            series.append(place)
            origins.append(origin)
    return Tasks(name, np.array(history), np.array(truth), np.array(series), np.array(origins))


def reported(data: Path) -> list[Tasks]:
    """What is told: REPORTED_COUNT series of each set."""
    return [
        asked(name, series, np.sort(_drawn(len(series))[:REPORTED_COUNT]))
        for name, series in (("Azure VM CPU", azure(data, "microsoft_avg_100")), ("M4 hourly", m4(data)))
    ]


def tuning(data: Path) -> list[Tasks]:
    """What things were chosen on: the other series of both sets, and VMs of a third."""
    sets = []
    for name, series in (("Azure VM CPU", azure(data, "microsoft_avg_100")), ("M4 hourly", m4(data))):
        others = _drawn(len(series))[REPORTED_COUNT:]
        sets.append(asked(f"{name}, others", series, np.sort(others[:100])))
    periodic = azure(data, "periodic_avg_78")
    return [*sets, asked("Azure VM CPU, periodic", periodic, np.arange(len(periodic)))]


def _drawn(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.random.default_rng(SEED).permutation(count)
