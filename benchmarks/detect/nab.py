"""NAB: what the product gets as it is, and what a detector gets whose choices are made on other files."""

from __future__ import annotations

import csv
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.detect.corpus import File, Part, folder, folds, load, own_score
from benchmarks.detect.last_stage import nines_of, probabilities, records
from trimtab.analyze.detect import Detector, DetectSettings

F64 = NDArray[np.float64]

WEIGHTS = [(season, jump, 1.0, slow, slow) for season in (0.5, 1.0) for jump in (0.5, 1.0) for slow in (1.0, 1.5, 2.0)]
REPEATS = (50, 100, 150, 300)
MORES = (1.0, 1.1, 1.3)
PUBLISHED = ("ARTime", "numenta", "contextOSE", "htmjava", "randomCutForest", "twitterADVec", "windowedGaussian")


def _product(file: File) -> tuple[F64, F64]:
    detector = Detector(DetectSettings())
    slots = np.repeat(detector.add(1, int(np.median(np.diff(file.at_ms)))), file.values.size)
    scores, parts = detector.parts(slots, file.at_ms, file.values)
    return scores.score, parts


def _range_rule(file: File) -> F64:
    """Two floats: how far outside of all values before, in units of their range."""
    highest = np.maximum.accumulate(file.values)[:-1]
    lowest = np.minimum.accumulate(file.values)[:-1]
    span = highest - lowest
    beyond = np.maximum(file.values[1:] - highest, lowest - file.values[1:])
    excess = np.divide(np.maximum(beyond, 0.0), span, out=np.zeros_like(span), where=span > 0)
    return np.concatenate([[0.0], excess / (1 + excess)])


def _published(nab: Path, name: str, files: Sequence[File]) -> list[F64] | None:
    scores = []
    for file in files:
        folder_name, file_name = file.name.split("/")
        path = nab / "results" / name / folder_name / f"{name}_{file_name}"
        if not path.is_file():
            return None
        with path.open() as lines:
            scores.append(np.array([float(row["anomaly_score"]) for row in csv.DictReader(lines)]))
    return scores


def _held_out(files: Sequence[File], choices: dict[object, list[F64]]) -> tuple[float, float, float, list[object]]:
    """Mean over folds, standard deviation of folds, standard error over the five repetitions, what was chosen."""
    scores, chosen = [], []
    for learn, test in folds(files):
        part = Part(files, learn)
        bests = {key: part.best(rows) for key, rows in choices.items()}
        name = max(bests, key=lambda key: bests[key][0])
        scores.append(Part(files, test).at(choices[name], bests[name][1])[0])
        chosen.append(name)
    of_repetition = np.array(scores).reshape(-1, 2).mean(axis=1)
    return float(np.mean(scores)), float(np.std(scores, ddof=1)), float(of_repetition.std(ddof=1) / 5**0.5), chosen


def _line(name: str, files: Sequence[File], rows: list[F64]) -> None:
    every = range(len(files))
    score, threshold = Part(files, every).best(rows)
    low, _ = Part(files, every, "reward_low_FP").best(rows)
    _, hits, false = Part(files, every).at(rows, threshold)
    mean, deviation, error, _ = _held_out(files, {0: rows})
    samples = sum(file.values.size for file in files)
    sys.stdout.write(
        f"{name:34} {score:8.2f} {low:7.2f} {mean:8.2f} ± {error:.2f} (folds ± {deviation:.1f})"
        f" {hits:5d} {1000 * false / samples:6.2f}\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Print the table."""
    nab = folder()
    if nab is None:
        sys.stdout.write("NAB: not measured, there is no TRIMTAB_BENCH_DATA/nab\n")
        return
    files = load(nab)
    _product(files[0])
    began = time.process_time()
    product = [_product(file) for file in files]
    took_s = time.process_time() - began
    scores = [one[0] for one in product]
    sys.stdout.write(f"{'':34} standard  low-FP  held out: threshold chosen    hits  FP/1000\n")
    _line("trimtab, as it is", files, scores)
    _line("range rule (two floats)", files, [_range_rule(file) for file in files])
    for name in PUBLISHED:
        if (rows := _published(nab, name, files)) is not None:
            _line(f"{name} (published scores)", files, rows)
    ours, theirs = Part(files, range(len(files))).best(scores)[0], own_score(files, scores, "standard")
    sys.stdout.write(f"trimtab by NAB's own addition: {theirs:.4f}, by the kernel: {ours:.4f}\n")
    final = json.loads((nab / "results" / "final_results.json").read_text())
    published = ", ".join(f"{name} {final[name]['standard']:.2f}" for name in PUBLISHED if name in final)
    sys.stdout.write(f"published: {published}\n")
    sys.stdout.write(f"CPU: {1e6 * took_s / sum(file.values.size for file in files):.2f} µs a point\n")

    choices: dict[object, list[F64]] = {}
    for weights in WEIGHTS:
        p = [probabilities(nines_of(parts, weights)) for _, parts in product]
        for repeat, more in itertools.product(REPEATS, MORES):
            choices[weights, repeat, more] = [records(one, repeat, more) for one in p]
    all_files = Part(files, range(len(files)))
    best = sorted((all_files.best(rows)[0] for rows in choices.values()), reverse=True)
    mean, deviation, error, chosen = _held_out(files, choices)
    sys.stdout.write(
        f"{len(choices)} choices of weights and repeats: {best[0]:.2f} best, {np.median(best):.2f} median,"
        f" {best[-1]:.2f} worst\n"
        f"weights, repeats and threshold chosen on the other fold: {mean:.2f} ± {error:.2f} (folds ± {deviation:.1f})\n"
        f"chosen: {chosen}\n"
    )


if __name__ == "__main__":
    main()
