"""How often patterns are found that are there, and how often some that are not, beside the rule that people use.

    python -m benchmarks.patterns --repetitions 200

Every series is made here, so that the truth is known: fourteen days of 15 minutes (cycles), a day of minutes (bursts,
saw-teeth, leaks), a week of five minutes (knees, leads), with noise of five colours. SNR is the pattern's standard
deviation over the noise's. "Right" is found with its period, place, lag, or slope (within a few percent, said beside
each). The plain rule beside it: autocorrelation at lag one day above 2/sqrt(n); values above mean + 3 sigma whose gaps
are the same; Mann-Kendall at 1 %; a fall of 3 sigma; farthest from the chord (Kneedle); correlation above 2/sqrt(n) at
any lag. The last table asks whether `found_share` means something: of patterns that are told with such a share, how
many are right.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.bursts import bursts
from trimtab.analyze.patterns.cycles import daily
from trimtab.analyze.patterns.found import Answer, Bursts, Cycle, Knee, Lead, Leak, NoPattern, SawTeeth
from trimtab.analyze.patterns.knees import knee
from trimtab.analyze.patterns.lead_lag import leads
from trimtab.analyze.patterns.leaks import leak
from trimtab.analyze.patterns.other_periods import other_period
from trimtab.analyze.patterns.saw_teeth import saw_teeth
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
Rng = np.random.Generator
START_MS = 1_700_000_000_000
MINUTE_MS, DAY_MS = 60_000, 86_400_000
NOISES = ("white", "AR 0.6", "AR 0.9", "AR 0.99", "walk", "heavy")
SNRS = (0.25, 0.5, 1.0, 2.0, 4.0)
DEVIATIONS = (0.6, 0.3, 0.1, 0.05)
"""Of a knee's noise: the latency's logarithm."""
LIMIT = 1000.0
RELIABLE = ((0.0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01))


def noise(kind: str, count: int, rng: Rng) -> F64:
    """Variance 1 (a random walk's over the whole length)."""
    if kind == "heavy":
        made = rng.standard_t(2.5, count)
    elif kind == "walk":
        made = np.cumsum(rng.normal(0, 1, count))
    elif kind == "white":
        made = rng.normal(0, 1, count)
    else:
        weights = float(kind.removeprefix("AR ")) ** np.arange(min(count, 1500))
        made = np.convolve(rng.normal(0, 1, 2 * count), weights)[count : 2 * count]
    level: F64 = (made - made.mean()) / made.std()
    return level


def series(values: F64, step_ms: int, name: str = "x") -> TimeSeries:
    return TimeSeries(name, START_MS + np.arange(values.size, dtype=np.int64) * step_ms, values)


@dataclass(slots=True)
class Tally:
    """What came of one kind at one strength."""

    tried: int = 0
    found: int = 0
    right: int = 0
    covered: int = 0
    plain: int = 0
    shares: list[tuple[float, bool]] = field(default_factory=list)

    def take(self, answer: Answer | None, is_right: bool, *, plain: bool, is_covered: bool | None = None) -> None:
        self.tried += 1
        self.plain += plain
        if answer is None or isinstance(answer, NoPattern):
            return
        self.found += 1
        self.right += is_right
        self.covered += bool(is_covered)
        if answer.evidence.found_share is not None:
            self.shares.append((answer.evidence.found_share, is_right))


Try = Callable[[str, float, Rng, Tally], None]
"""One series of a kind: colour of the noise, SNR (0: none of it is there)."""


def try_day(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """Peak within two hours."""
    count, step_ms = 14 * 96, 15 * MINUTE_MS
    at = START_MS + np.arange(count) * step_ms
    peak = int(rng.integers(0, 24))
    wave = math.sqrt(2) * np.cos((at % DAY_MS / DAY_MS - peak / 24) * 2 * np.pi)
    values = noise(colour, count, rng) + snr * wave
    answer = daily(series(values, step_ms))
    level = values - values.mean()
    plain = float(level[96:] @ level[:-96]) / float(level @ level) > 2 / math.sqrt(count)
    is_right, is_covered = False, False
    if isinstance(answer, Cycle):
        away = (answer.peak_ms / 3_600_000 - peak + 12) % 24 - 12
        is_right = abs(away) <= 2
        low, high = (one / answer.period_ms * 24 for one in answer.peak_ms_90)
        is_covered = low - 0.25 <= answer.peak_ms / 3_600_000 - away <= high + 0.25
    tally.take(answer, is_right, plain=plain, is_covered=is_covered)


def try_other(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """Period within 2 %, pulses of a fifth of it."""
    period = int(rng.integers(17, 90))
    pulses = (np.arange(2000) % period < period / 5).astype(np.float64)
    values = noise(colour, 2000, rng) + snr * (pulses - pulses.mean()) / pulses.std()
    answer = other_period(series(values, MINUTE_MS))
    level = values - values.mean()
    same = np.fft.irfft(np.abs(np.fft.rfft(level, 4000)) ** 2)[17:90] / float(level @ level)
    is_right = isinstance(answer, Cycle) and abs(answer.period_ms / MINUTE_MS / period - 1) < 0.02
    tally.take(answer, is_right, plain=float(same.max()) > 2 / math.sqrt(2000))


def try_bursts(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """One point each half hour, 3 SNR high; right with its period and its minute."""
    minute = int(rng.integers(0, 30))
    values = noise(colour, 1440, rng)
    at = START_MS // MINUTE_MS + np.arange(1440)
    values[at % 30 == minute] += 3 * snr
    answer = bursts(series(values, MINUTE_MS))
    recurs = answer if isinstance(answer, Bursts) and answer.period_ms is not None else None
    high = np.flatnonzero(values > values.mean() + 3 * values.std())
    gaps = np.diff(high)
    plain = high.size >= 5 and float(np.mean(gaps == np.median(gaps))) > 0.5
    is_right = recurs is not None and recurs.period_ms == 30 * MINUTE_MS and recurs.at_ms == minute * MINUTE_MS
    tally.take(recurs, is_right, plain=plain)


def try_teeth(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """Period within 5 %."""
    period, phase = int(rng.integers(30, 120)), int(rng.integers(0, 120))
    ramps = math.sqrt(12) * ((np.arange(1440) + phase) % period) / period
    values = noise(colour, 1440, rng) + snr * ramps
    answer = saw_teeth(series(values, MINUTE_MS))
    steps = np.diff(values)
    plain = int((steps < -3 * steps.std()).sum()) >= 4
    is_right = isinstance(answer, SawTeeth) and abs(answer.period_ms / MINUTE_MS / period - 1) < 0.05
    tally.take(answer, is_right, plain=plain)


def try_leak(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """A straight line; right is upwards, covered is the slope's interval."""
    slope = snr * math.sqrt(12) / 1440
    values = noise(colour, 1440, rng) + slope * np.arange(1440)
    answer = leak(series(values, MINUTE_MS))
    some = values[::12]
    score = float(np.sign(np.subtract.outer(some, some))[np.tril_indices(some.size, -1)].sum())
    plain = score / math.sqrt(some.size * (some.size - 1) * (2 * some.size + 5) / 18) > 2.33
    is_covered = isinstance(answer, Leak) and answer.slope_per_h_90[0] <= slope * 60 <= answer.slope_per_h_90[1]
    tally.take(answer, snr > 0, plain=plain, is_covered=is_covered)


def _loads(rng: Rng) -> F64:
    at = START_MS + np.arange(2016) * 5 * MINUTE_MS
    return np.clip(500 + 350 * np.sin(at / DAY_MS * 2 * np.pi) + 100 * rng.normal(0, 1, 2016), 20, 950)


def try_knee(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """M/M/1 with a limit of 1,000; `snr` is the deviation of the logarithm, 0 a straight line. Right within 15 %."""
    x = _loads(rng)
    fresh = noise(colour, x.size, rng)
    y = 5 / (1 - x / LIMIT) * np.exp(snr * fresh) if snr else (5 + x / 100) * np.exp(0.2 * fresh)
    answer = knee(series(x, 5 * MINUTE_MS, "load"), series(y, 5 * MINUTE_MS, "latency"))
    is_right = isinstance(answer, Knee) and abs(answer.knee / (LIMIT / 2) - 1) < 0.15
    is_covered = isinstance(answer, Knee) and answer.knee_90[0] <= LIMIT / 2 <= answer.knee_90[1]
    order = np.argsort(x)
    smooth = np.convolve(y[order], np.ones(51) / 51, "valid")
    along = (x[order][25:-25] - x.min()) / float(np.ptp(x))
    chord = (smooth - smooth.min()) / float(np.ptp(smooth))
    tally.take(answer, is_right, plain=float((along - chord).max()) > 0.1, is_covered=is_covered)


def try_lead(colour: str, snr: float, rng: Rng, tally: Tally) -> None:
    """Two series; right with the lag, and who leads."""
    lag = int(rng.integers(1, 30))
    cause, fresh = noise(colour, 2016, rng), noise(colour, 2016, rng)
    effect = fresh + snr * np.concatenate([np.zeros(lag), cause[:-lag]])
    answers = leads([series(effect, MINUTE_MS, "effect"), series(cause, MINUTE_MS, "cause")])
    answer = answers[0] if answers else None
    is_right = isinstance(answer, Lead) and (answer.leader, answer.lag_ms) == ("cause", lag * MINUTE_MS)
    is_covered = isinstance(answer, Lead) and answer.lag_ms_90[0] <= lag * MINUTE_MS <= answer.lag_ms_90[1]
    crossed = np.correlate(effect - effect.mean(), (cause - cause.mean())[60:-60], "valid")
    plain = float(np.abs(crossed).max()) / (1896 * float(effect.std() * cause.std())) > 2 / math.sqrt(2016)
    tally.take(answer, is_right, plain=plain, is_covered=is_covered)


KINDS: dict[str, tuple[Try, tuple[float, ...], bool]] = {
    "day": (try_day, SNRS, True),
    "other period": (try_other, SNRS, False),
    "scheduled bursts": (try_bursts, SNRS, False),
    "saw-teeth": (try_teeth, SNRS, False),
    "leak": (try_leak, SNRS, True),
    "knee": (try_knee, DEVIATIONS, True),
    "lead": (try_lead, SNRS, True),
}


def tallies(
    kind: str, snr: float, colours: tuple[str, ...], repetitions: int, seed: int
) -> Iterator[tuple[str, Tally]]:
    """One tally for each colour of noise."""
    for number, colour in enumerate(colours):
        rng = np.random.default_rng((seed, number, round(snr * 1000), len(kind)))
        tally = Tally()
        for _ in range(repetitions):
            KINDS[kind][0](colour, snr, rng, tally)
        yield colour, tally


def upper(count: int, of: int) -> float:
    """The upper end of Wilson's 95 % interval of a share."""
    z, share = 1.96, count / of
    middle = share + z * z / (2 * of)
    return (middle + z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))) / (1 + z * z / of)


def told(count: int, of: int) -> str:
    """A share of what was tried."""
    return f"{count / of:7.1%}" if of else "      –"


def clean(repetitions: int, seed: int) -> int:
    """Noise alone; how many kinds are above 5 % in any colour."""
    print(f"found in noise alone ({repetitions} series each; in brackets the plain rule)\n")
    print(f"{'':18}" + "".join(f"{colour:>18}" for colour in NOISES))
    above = 0
    for kind in KINDS:
        cells = []
        for _, tally in tallies(kind, 0.0, NOISES, repetitions, seed):
            above += tally.found > 0.05 * tally.tried
            cells.append(f"{tally.found / tally.tried:8.1%} ({tally.plain / tally.tried:6.1%})")
        print(f"{kind:18}" + "".join(f"{cell:>18}" for cell in cells))
    print(f"\nwhere none of {repetitions} was found, the rate is below {upper(0, repetitions):.1%} (95 %)\n")
    return above


def strengths(repetitions: int, seed: int) -> list[tuple[float, bool]]:
    """Patterns of several strengths in three colours of noise."""
    colours = ("white", "AR 0.9", "walk")
    print("found, right among those found, truth within the 90 % interval; by SNR (a knee: by the noise's deviation)\n")
    shares: list[tuple[float, bool]] = []
    for kind, (_, every, has_interval) in KINDS.items():
        for snr in every:
            cells = []
            for _, tally in tallies(kind, snr, colours, repetitions, seed + 1):
                shares += tally.shares
                covered = told(tally.covered, tally.found) if has_interval else ""
                cells.append(f"{told(tally.found, tally.tried)}{told(tally.right, tally.found)}{covered:>8}")
            print(f"{kind:18}{snr:6g}  " + "  |".join(f"{cell:>24}" for cell in cells))
        print()
    print(f"{'':26}" + "".join(f"{colour:>26}" for colour in colours) + "\n")
    return shares


def reliability(shares: list[tuple[float, bool]]) -> None:
    """Whether a pattern that is found again more often is more often right."""
    print("found_share, of all that were told one: how many, and how many of them were right")
    for low, high in RELIABLE:
        here = [is_right for share, is_right in shares if low <= share < high]
        print(f"  {low:4.0%} to {min(high, 1.0):4.0%}  {len(here):6}  {told(sum(here), len(here))}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How often patterns are found that are there, and that are not.")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.process_time()
    above = clean(given.repetitions, given.seed)
    reliability(strengths(max(20, given.repetitions // 4), given.seed))
    print(
        f"\n{above} of {len(KINDS) * len(NOISES)} cells of noise above 5 %; {time.process_time() - begun:.0f} s of CPU"
    )


if __name__ == "__main__":
    main()
