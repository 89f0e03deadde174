"""statsforecast's models on the same tasks, kept beside the data: they take minutes, and do not change."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.forecast.data import HORIZON, Tasks, venv_python
from trimtab.stats.time_series import F64

RIVALS = ("AutoTheta", "AutoETS", "MSTL", "SeasonalNaive(24)", "SeasonalNaive(168)")
TIMEOUT_S = 4 * 3600
SCRIPT = Path(__file__).with_name("in_venv.py")
VERSION = b"1"
"""Another one where the script asks its models for something else: answers that are kept are then asked anew."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's forecasts: `mean` [tasks, horizon], `quantiles` [tasks, horizon, 7], CPU seconds of all tasks."""

    name: str
    mean: F64
    quantiles: F64
    cpu_s: float


def answer(data: Path, name: str, tasks: Tasks, *, is_anew: bool = False) -> Answer:
    """What a rival says; from the file of an earlier run where the tasks are the same, unless `is_anew`."""
    content = hashlib.sha256(tasks.history.tobytes() + VERSION).hexdigest()[:16]
    kept = data / "forecast" / "rivals" / f"{name}-{content}.npz"
    if is_anew or not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        source, unfinished = kept.with_suffix(".tasks.npz"), kept.with_suffix(".new.npz")
        np.savez(source, values=tasks.history, horizon=HORIZON)
        subprocess.run([venv_python(data), SCRIPT, "rival", name, source, unfinished], check=True, timeout=TIMEOUT_S)
        unfinished.replace(kept)
        source.unlink()
    with np.load(kept) as there:
        return Answer(name, there["mean"], there["quantiles"], float(there["cpu_s"]))
