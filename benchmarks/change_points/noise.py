"""Real noise: what is left of measured series when their own levels and daily cycles are taken out.

Looked for below TRIMTAB_BENCH_DATA (none of it is part of this project):

    otava/                       a checkout of apache/otava: the series of TigerBeetle in its tests (Apache-2.0)
    mongodb/                     a checkout of mongodb/signal-processing-algorithms: tests/data (Apache-2.0)
    nab/                         a checkout of numenta/NAB: data/realAWSCloudwatch (MIT)
    azure-src/                   a checkout of carlonlv/DataCenterSim: data/*.rda (no licence named: for measuring)
    change-points/venv           a virtual environment with ruptures and rdata (which reads .rda)

Sources are split in two before anything is looked at: settings are chosen on TUNE, what is told is measured on TOLD.
"""

from __future__ import annotations

import ast
import csv
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
DATA_VARIABLE = "TRIMTAB_BENCH_DATA"
AROUND_POINTS, AROUND_COMMITS = 144, 24
"""The level that is taken out of each point: the median of so many points on both sides of it, and itself (five-minute
telemetry: half a day; one number a commit)."""
DAY_POINTS = 288
AZURE_VMS = 25
POINTS_MIN = 75


@dataclass(frozen=True)
class Noise:
    """Residuals of one source in the order of time, divided by their robust standard deviation."""

    kind: str
    name: str
    residuals: F64


def folder() -> Path | None:
    """Where the data is; None where nobody said it."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else None


def add_peers(data: Path) -> None:
    """Let otava, ruptures and rdata be imported, behind everything that trimtab itself has installed."""
    for path in (data / "otava", *sorted((data / "change-points" / "venv" / "lib").glob("python3*/site-packages"))):
        if str(path) not in sys.path:
            sys.path.append(str(path))


def sources(data: Path) -> tuple[list[Noise], list[Noise]]:
    """Noise to tune on, and noise to tell figures of: no source is in both."""
    tune = [_noise("commits", "MongoDB", _mongodb(data), AROUND_COMMITS)]
    told = [_noise("commits", "TigerBeetle", _tigerbeetle(data), AROUND_COMMITS)]
    for number, path in enumerate(sorted((data / "nab" / "data" / "realAWSCloudwatch").glob("*.csv"))):
        with path.open() as file:
            values = np.array([float(row["value"]) for row in csv.DictReader(file)])
        (told if number % 2 else tune).append(_noise("AWS", path.stem, _without_day(values)))
    machines = _azure(data)
    tune += [_noise("Azure", f"Azure {column}", _without_day(machines[:, column])) for column in range(AZURE_VMS)]
    told += [
        _noise("Azure", f"Azure {column}", _without_day(machines[:, column])) for column in range(50, 50 + AZURE_VMS)
    ]
    return [one for one in tune if one.residuals.size], [one for one in told if one.residuals.size]


def _tigerbeetle(data: Path) -> F64:
    tree = ast.parse((data / "otava" / "tests" / "tigerbeetle_test.py").read_text())
    lists = [node for node in ast.walk(tree) if isinstance(node, ast.List) and len(node.elts) > 100]
    return np.array(ast.literal_eval(lists[0]), dtype=np.float64)


def _mongodb(data: Path) -> F64:
    read = json.loads((data / "mongodb" / "tests" / "data" / "real_series.json").read_text())
    return np.array(read, dtype=np.float64)


def _azure(data: Path) -> F64:
    import rdata  # type: ignore[import-not-found]

    read = rdata.read_rda(str(data / "azure-src" / "data" / "microsoft_avg_100.rda"))
    return np.asarray(next(iter(read.values())), dtype=np.float64)


def _without_day(values: F64) -> F64:
    """Without what each time of day usually has more or less than the day's median."""
    days = values.size // DAY_POINTS
    if days < 3:
        return values
    table = values[: days * DAY_POINTS].reshape(days, DAY_POINTS)
    usual = np.median(table - np.median(table, axis=1, keepdims=True), axis=0)
    return (table - usual).ravel()


def _noise(kind: str, name: str, values: F64, around: int = AROUND_POINTS) -> Noise:
    windows = np.lib.stride_tricks.sliding_window_view(values, 2 * around + 1)
    residuals = values[around:-around] - np.median(windows, axis=1)
    scale = 1.4826 * float(np.median(np.abs(residuals - np.median(residuals))))
    is_usable = residuals.size >= POINTS_MIN and scale > 1e-9 * max(float(np.abs(values).max()), 1e-9)
    return Noise(kind, name, residuals / scale if is_usable else np.empty(0))
