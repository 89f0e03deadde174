"""How often the judgement is wrong, and what it sees: simulated slices with machine-wide drift.

One treated shape and four controls; drift that all feel (AR 0.95, sd 0.35), own noise (Student t with 4 degrees,
sd 0.20, autocorrelation phi). "Wrong" means that a change that changes nothing was judged an effect at any look.

    python -m benchmarks.effect_simulation --repetitions 400
"""

from __future__ import annotations

import argparse
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.effect import estimate_effect

Decision = Literal["keep", "roll_back", "undecided"]


def simulate(rng: np.random.Generator, slices: int, phi: float, controls: int = 4) -> NDArray[np.float64]:
    """Log mean execution time, shape (1 + controls, slices); row 0 is the treated shape."""
    warm = 100
    total = slices + warm
    steps = rng.normal(0.0, 0.35 * math.sqrt(1 - 0.95**2), total)
    noise = rng.standard_t(4, (1 + controls, total)) / math.sqrt(2.0) * 0.20 * math.sqrt(1 - phi**2)
    drift = np.zeros(total)
    own = np.zeros((1 + controls, total))
    for t in range(1, total):
        drift[t] = 0.95 * drift[t - 1] + steps[t]
        own[:, t] = phi * own[:, t - 1] + noise[:, t]
    return (drift + own)[:, warm:]


def decide(
    series: NDArray[np.float64], before: int, *, alpha: float, tolerance_ratio: float, batch: int = 6, first: int = 4
) -> tuple[Decision, int]:
    """Look after each batch from `first` on; the decision and the number of slices it took."""
    for end in range(before + batch * first, series.shape[1] + 1, batch):
        effect = estimate_effect(series[0, :before], series[0, before:end], series[1:, :end], alpha=alpha)
        if effect is None:
            continue
        if effect.high < -math.log(tolerance_ratio):
            return "keep", end - before
        if effect.low > math.log(tolerance_ratio):
            return "roll_back", end - before
    return "undecided", series.shape[1] - before


def rates(
    *, phi: float, ratio: float, before: int, after: int, repetitions: int, alpha: float, seed: int = 1
) -> tuple[float, float, float]:
    """Shares of keep and roll back, and the median number of slices to a decision (NaN when none)."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for _ in range(repetitions):
        series = simulate(rng, before + after, phi)
        series[0, before:] += math.log(ratio)
        outcomes.append(decide(series, before, alpha=alpha, tolerance_ratio=1.02))
    kept = sum(o == "keep" for o, _ in outcomes) / repetitions
    back = sum(o == "roll_back" for o, _ in outcomes) / repetitions
    decided = [n for o, n in outcomes if o != "undecided"]
    return kept, back, float(np.median(decided)) if decided else math.nan


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--before", type=int, nargs="*", default=[60, 120, 240])
    arguments = parser.parse_args()
    print(f"{'before':>6} {'ratio':>6} {'phi':>4} {'kept':>6} {'back':>6} {'slices':>6}")
    for before in arguments.before:
        for ratio in (1.0, 0.1, 0.4, 0.7, 0.9, 1.2, 1.5, 2.0, 5.0):
            for phi in (0.0, 0.5, 0.8, 0.95):
                kept, back, slices = rates(
                    phi=phi,
                    ratio=ratio,
                    before=before,
                    after=120,
                    repetitions=arguments.repetitions,
                    alpha=arguments.alpha,
                )
                print(f"{before:6d} {ratio:6.2f} {phi:4.1f} {kept:6.1%} {back:6.1%} {slices:6.0f}", flush=True)


if __name__ == "__main__":
    main()
