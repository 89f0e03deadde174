"""Change points, beside apache-otava and ruptures, in one run: how many steps are found, how often nothing is called a
change, and what it takes.

Steps of 1–5 robust standard deviations are put into real noise (`cases`, `noise`): drawn one by one (independent), or
in runs of five (as much memory as five points have). trimtab's settings were chosen on other sources and
other seeds; how often these were looked at says `docs/adr/0020`. `--seeds 3` tells of two further draws, so that a
lucky one is seen.

    TRIMTAB_BENCH_DATA=… python -m benchmarks.change_points [--series 240] [--clean 400] [--seeds 1] [--tune]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.change_points import noise
from benchmarks.change_points.cases import APART_MIN, HEIGHTS, POINTS, TOLERANCE, Case, Tally, cases
from benchmarks.change_points.peers import Side, cpu_ms, sides
from trimtab.model.change_point_settings import ChangePointSettings

SEED = 20_261_126
SEEDS_APART = 1000
BLOCKS = {1: "independent", 5: "runs of 5"}
BARS = {1: (0.85, 0.02), 5: (0.70, 0.05)}
LENGTHS = {200: 20, 1000: 5, 4000: 2}
DRAWS = 1000


def main(arguments: Sequence[str]) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=240)
    parser.add_argument("--clean", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=1, help="so many draws, each with tables of its own")
    parser.add_argument("--tune", action="store_true", help="the sources that settings were chosen on")
    asked = parser.parse_args(arguments)
    data = noise.folder()
    if data is None or not (data / "otava").is_dir() or not (data / "change-points").is_dir():
        print(f"change points: not measured ({noise.DATA_VARIABLE} names no folder with otava/ and change-points/)")
        return 0
    noise.add_peers(data)
    tune, told = noise.sources(data)
    chosen, seed = (tune, SEED - 1) if asked.tune else (told, SEED)
    methods = sides(ChangePointSettings())
    print(
        f"{asked.series} series of {POINTS} points, 0 to 3 steps of {HEIGHTS[0]:g} to {HEIGHTS[-1]:g} robust standard"
        f" deviations at least {APART_MIN} points apart, found within {TOLERANCE} points; {asked.clean} clean series;"
        f" noise of {len(chosen)} sources{' (those that settings were chosen on)' if asked.tune else ''}"
    )
    for drawn in (seed + SEEDS_APART * number for number in range(asked.seeds)):
        for block, words in BLOCKS.items():
            with_steps = cases(chosen, asked.series, block, drawn + block)
            clean = cases(chosen, asked.clean, block, drawn + 100 + block, steps=0)
            _found(f"{words}; seed {drawn}", methods, with_steps, clean, BARS[block])
    _speed(methods, chosen, seed)
    return 0


def _found(
    words: str, methods: Sequence[Side], with_steps: Sequence[Case], clean: Sequence[Case], bar: tuple[float, float]
) -> None:
    heights = " ".join(f"{height:>3g}sd" for height in HEIGHTS)
    print(f"\nNoise: {words} (bar: F1 {bar[0]:.2f} or more, at most {bar[1]:.0%} of clean series alarm)")
    print(
        f"{'':32} {'precision':>9} {'recall':>7} {'F1':>6} {'90 % of F1':>12} {'clean alarm':>12}  recall at {heights}"
    )
    for side in methods:
        tallies, by_height = [], {height: [0, 0] for height in HEIGHTS}
        for case in with_steps:
            tally = Tally()
            hit = tally.add(case, side.find(case.values))
            tallies.append((tally.hits, tally.false, tally.missed))
            for place, height in enumerate(case.heights):
                by_height[height][0] += place in hit
                by_height[height][1] += 1
        alarms = Tally()
        for case in clean:
            alarms.add(case, side.find(case.values))
        counts = np.array(tallies)
        hits, false, missed = counts.sum(axis=0)
        low, high = _interval(counts)
        low_alarm, high_alarm = _wilson(alarms.alarming, alarms.clean)
        found = " ".join(f"{hit / max(count, 1):5.2f}" for hit, count in by_height.values())
        print(
            f"{side.name:32} {hits / max(hits + false, 1):9.3f} {hits / max(hits + missed, 1):7.3f}"
            f" {_f1(hits, false, missed):6.3f} {low:5.3f}–{high:5.3f} {alarms.alarm_share:6.1%}"
            f" [{low_alarm:.1%}–{high_alarm:.1%}]          {found}",
            flush=True,
        )


def _f1(hits: float, false: float, missed: float) -> float:
    return 2 * hits / max(2 * hits + false + missed, 1)


def _interval(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> tuple[float, float]:
    """Of F1, by drawing series anew."""
    rng = np.random.default_rng(1)
    drawn = counts[rng.integers(0, len(counts), (DRAWS, len(counts)))].sum(axis=1)
    scores = [_f1(*row) for row in drawn.tolist()]
    low, high = np.quantile(scores, (0.05, 0.95))
    return float(low), float(high)


def _wilson(hits: int, count: int, z: float = 1.645) -> tuple[float, float]:
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _speed(methods: Sequence[Side], chosen: Sequence[noise.Noise], seed: int) -> None:
    """One after the other within each length, so that all meet the same machine."""
    print("\nProcessor time of one series, ms (× trimtab)")
    print(f"{'':32} " + " ".join(f"{f'{points} points':>18} {f'{points} clean':>18}" for points in LENGTHS))
    series = {}
    for points, count in LENGTHS.items():
        for steps in (None, 0):
            made = cases(chosen, count * points // POINTS, 1, seed + points, steps)
            flat = np.concatenate([case.values for case in made])
            series[points, steps] = [np.ascontiguousarray(part) for part in flat.reshape(count, points)]
    for side in methods:
        side.find(series[200, None][0])
    took: dict[tuple[str, int, int | None], float] = {}
    for (points, steps), of_length in series.items():
        for side in methods:
            if points <= side.points_max:
                took[side.name, points, steps] = cpu_ms(side, of_length, 3)
    for side in methods:
        cells = []
        for points, steps in series:
            mine, own = took.get((side.name, points, steps)), took[methods[0].name, points, steps]
            cells.append(f"{'–':>18}" if mine is None else f"{mine:10.2f} ({mine / own:4.1f}×)")
        print(f"{side.name:32} " + " ".join(cells))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
