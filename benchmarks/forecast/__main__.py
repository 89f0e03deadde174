"""Forecasts of the next 24 hours beside statsforecast's models, all in one run.

    TRIMTAB_BENCH_DATA=… python -m benchmarks.forecast [--anew] [--tuning]

60 series of each set, drawn by a seed, from ten origins each (25 h apart), with up to 28 days of history; what was
chosen was chosen on other series (`--tuning` shows those). Rivals' answers are kept beside the data, `--anew` asks them
again. Ours get all series of one origin at once, as a server would; rivals get one after the other.

MASE is of the seasonal naive forecast of a day; sCRPS is twice the mean pinball loss over seven quantiles, in the same
unit; ranks are means over series and origins (1 is best). `< .80` is the share of series whose 90 % interval held less
than 80 % of its 240 values. Intervals of mean ranks are bootstrapped over series.
"""

from __future__ import annotations

import argparse
import gc
import time
from pathlib import Path

import numpy as np

from benchmarks.forecast.data import HOUR_MS, ORIGINS, SEED, Tasks, folder, reported, tuning
from benchmarks.forecast.rivals import RIVALS, Answer, answer
from trimtab.analyze.forecast.answer import LEVELS
from trimtab.analyze.forecast.forecast import forecast
from trimtab.stats.scores import covered, mean_ranks, naive_scale, scaled_error, scaled_pinball
from trimtab.stats.time_series import F64

DAY = 24
OURS = "trimtab"
SPEED_SERIES = 2_000
SPEED_ROUNDS = 5
RESAMPLES = 400
AT = np.array(LEVELS)


def ours(tasks: Tasks) -> Answer:
    """All series of an origin at once."""
    mean = np.empty_like(tasks.truth)
    quantiles = np.empty((*tasks.truth.shape, len(LEVELS)))
    forecast(tasks.history[:2], HOUR_MS, 0, tasks.truth.shape[1])  # kernels are loaded before the clock runs
    began = time.process_time()
    for origin in range(ORIGINS):
        rows = tasks.origin == origin
        ahead = forecast(tasks.history[rows], HOUR_MS, 0, tasks.truth.shape[1])
        mean[rows], quantiles[rows] = ahead.mean, ahead.quantiles
    return Answer(OURS, mean, quantiles, time.process_time() - began)


def show(tasks: Tasks, answers: list[Answer]) -> None:
    """One table."""
    scale = naive_scale(tasks.history, DAY)
    errors = np.stack([scaled_error(one.mean, tasks.truth, scale) for one in answers], axis=1)
    scores = np.stack([scaled_pinball(one.quantiles, AT, tasks.truth, scale) for one in answers], axis=1)
    error_ranks, score_ranks = mean_ranks(errors), mean_ranks(scores)
    error_between, score_between = _between(tasks, errors), _between(tasks, scores)
    print(f"\n{tasks.name}: {len(np.unique(tasks.series))} series (seed {SEED}), {ORIGINS} origins, {DAY} h ahead")
    print(
        f"{'':18}{'rank MASE':>20}{'rank sCRPS':>20}{'MASE':>8}{'median':>8}{'sCRPS':>8}{'median':>8}"
        f"{'in 90 %':>9}{'in 80 %':>9}{'< .80':>8}{'ms':>9}"
    )
    for place, one in enumerate(answers):
        inside = covered(one.quantiles[:, :, 0], one.quantiles[:, :, -1], tasks.truth)
        inside_80 = covered(one.quantiles[:, :, 1], one.quantiles[:, :, -2], tasks.truth)
        by_series = np.array([inside[tasks.series == series].mean() for series in np.unique(tasks.series)])
        print(
            f"{one.name:18}{_ranged(error_ranks[place], error_between[:, place]):>20}"
            f"{_ranged(score_ranks[place], score_between[:, place]):>20}"
            f"{errors[:, place].mean():8.3f}{np.median(errors[:, place]):8.3f}"
            f"{scores[:, place].mean():8.3f}{np.median(scores[:, place]):8.3f}"
            f"{inside.mean():9.3f}{inside_80.mean():9.3f}{(by_series < 0.8).mean():8.1%}"
            f"{one.cpu_s / len(tasks) * 1000:9.2f}"
        )


def _ranged(value: float, between: F64) -> str:
    return f"{value:.2f} ({between[0]:.2f}–{between[1]:.2f})"


def _between(tasks: Tasks, scores: F64) -> F64:
    """The 90 % interval of each mean rank, [2, method], by resampling series."""
    rng = np.random.default_rng(SEED)
    series = np.unique(tasks.series)
    ranks = np.array([mean_ranks(scores[tasks.series == one]) for one in series])
    means = [ranks[rng.integers(0, len(series), len(series))].mean(axis=0) for _ in range(RESAMPLES)]
    return np.asarray(np.quantile(np.array(means), (0.05, 0.95), axis=0))


def speed(sets: list[Tasks]) -> None:
    """How many series a second one core forecasts, many at once: processor time of the process."""
    for tasks in sets:
        rows = np.arange(SPEED_SERIES) % len(tasks)
        history = tasks.history[rows]
        took = []
        for _ in range(SPEED_ROUNDS):
            gc.collect()
            began = time.process_time()
            forecast(history, HOUR_MS, 0, DAY)
            took.append(time.process_time() - began)
        rates = SPEED_SERIES / np.array(took)
        print(
            f"{tasks.name}: {np.median(rates):,.0f} series a second a core "
            f"({rates.min():,.0f}–{rates.max():,.0f}, {SPEED_ROUNDS} rounds of {SPEED_SERIES}; 28 days by the hour)"
        )


def main() -> None:
    """Everything, or why it was not measured."""
    wanted = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    wanted.add_argument("--anew", action="store_true", help="ask the rivals again")
    wanted.add_argument("--tuning", action="store_true", help="the series that things were chosen on, without rivals")
    asked = wanted.parse_args()
    data = folder()
    if data is None or not (data / "m4").is_dir() or not (data / "azure-src").is_dir():
        print(
            "not measured: TRIMTAB_BENCH_DATA has no m4 and azure-src (benchmarks/forecast/data.py says what they are)"
        )
        return
    sets = tuning(data) if asked.tuning else reported(data)
    for tasks in sets:
        rivals = RIVALS if not asked.tuning else ("SeasonalNaive(24)", "SeasonalNaive(168)")
        show(tasks, [ours(tasks), *(_rival(data, name, tasks, is_anew=asked.anew) for name in rivals)])
    print()
    speed(sets)


def _rival(data: Path, name: str, tasks: Tasks, *, is_anew: bool) -> Answer:
    return answer(data, name, tasks, is_anew=is_anew)


if __name__ == "__main__":
    main()
