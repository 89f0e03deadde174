"""What runs in the benches' own environment: statsforecast's models, and reading of R's files.

It knows nothing of trimtab.

    python in_venv.py azure FILE.rda OUT.npy            hourly means, float64 [series, hours]
    python in_venv.py rival NAME SERIES.npz OUT.npz     one model on all tasks of a file

`SERIES.npz` has `values` float64 [tasks, points] (NaN before a series begins) and `horizon`; OUT.npz gets `mean`
[tasks, horizon], `quantiles` [tasks, horizon, 7] and `cpu_s` (of the process, by all tasks).
"""

import sys
import time
import warnings
from typing import Any

import numpy as np

SAMPLES_AN_HOUR = 12
LEVELS = (90, 80, 50)
DAY, WEEK = 24, 168
TOLD_EVERY = 50


def hourly(source: str, target: str) -> None:
    """Means of twelve five-minute samples each; hours that are not whole are left out."""
    import rdata  # type: ignore[import-not-found]

    (table,) = rdata.read_rda(source).values()
    samples = np.asarray(table, dtype=float).T
    hours = samples.shape[1] // SAMPLES_AN_HOUR
    np.save(target, samples[:, : hours * SAMPLES_AN_HOUR].reshape(len(samples), hours, SAMPLES_AN_HOUR).mean(axis=2))


def model_named(name: str) -> Any:
    """One of statsforecast's models as its documentation sets it up for hourly data."""
    from statsforecast import models  # type: ignore[import-not-found]

    return {
        "SeasonalNaive(24)": lambda: models.SeasonalNaive(DAY),
        "SeasonalNaive(168)": lambda: models.SeasonalNaive(WEEK),
        "AutoTheta": lambda: models.AutoTheta(season_length=DAY),
        "AutoETS": lambda: models.AutoETS(season_length=DAY),
        "MSTL": lambda: models.MSTL(season_length=[DAY, WEEK]),
    }[name]()


def rival(name: str, source: str, target: str) -> None:
    """All tasks of a file, one after the other, as statsforecast does it in one process."""
    tasks = np.load(source)
    values, horizon = tasks["values"], int(tasks["horizon"])
    mean = np.full((len(values), horizon), np.nan)
    quantiles = np.full((len(values), horizon, 2 * len(LEVELS) + 1), np.nan)
    run(name, values[:1], mean[:1], quantiles[:1])  # compiled before the clock runs
    began = time.process_time()
    for first in range(0, len(values), TOLD_EVERY):
        some = slice(first, first + TOLD_EVERY)
        run(name, values[some], mean[some], quantiles[some])
        told = f"{name}: {min(first + TOLD_EVERY, len(values))} of {len(values)}, {time.process_time() - began:.0f} s"
        print(told, file=sys.stderr, end="\r", flush=True)
    print(file=sys.stderr)
    np.savez(target, mean=mean, quantiles=quantiles, cpu_s=time.process_time() - began)


def run(name: str, values: Any, mean: Any, quantiles: Any) -> None:
    """Forecast each row into its places."""
    for place, row in enumerate(values):
        there = row[~np.isnan(row)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = model_named(name).forecast(y=there, h=mean.shape[1], level=list(LEVELS))
        mean[place] = got["mean"]
        low = [got[f"lo-{level}"] for level in LEVELS]
        high = [got[f"hi-{level}"] for level in reversed(LEVELS)]
        quantiles[place] = np.stack([*low, got["mean"], *high], axis=1)


if __name__ == "__main__":
    if sys.argv[1] == "azure":
        hourly(*sys.argv[2:])
    else:
        rival(*sys.argv[2:])
