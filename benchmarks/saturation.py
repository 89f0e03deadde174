"""Whether dates of saturation hold, beside what predict_linear says; how near the workload of 10,000 templates is.

    TRIMTAB_BENCH_DATA=… python -m benchmarks.saturation [--simulated 330]

Three tables: 50 series (25 simulated, 25 real, the first of each kind); the same over all series there are, which is
the steadier number (of 50, chance alone moves the share by 8 points either way); and series that fill nothing. The
series are those of `benchmarks.growth_series`: parameters were chosen on its other half. Without TRIMTAB_BENCH_DATA
what is real is not measured. `off` is the median of |ln(date told / true date)|, `lin` that of predict_linear over the
newest twentieth and the newest half of the history.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.growth_series import DAY_MS, HOUR_MS, Case, data_folder, real, real_increments, simulated
from trimtab.analyze.capacity.answers import SaturationSettings
from trimtab.analyze.capacity.saturation import saturation
from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.workload.forecast import Ahead, predict_workload
from trimtab.stats.time_series import F64, TimeSeries

WEEK_MS = 7 * DAY_MS
REAL_OF_FIFTY = {"real weekly (M4)": 9, "real increments added up (M4 hourly)": 12, "real increments added up (NAB)": 4}


@dataclass(frozen=True, slots=True)
class Scored:
    """What one case came to. `off` is |ln(date told / true date)|, both counted from the end of the history."""

    kind: str
    outcome: str
    known: bool
    held: bool
    open_end: bool
    width: float
    off: float
    off_linear: float
    off_linear_half: float


def score(case: Case) -> Scored:
    """Asks for the date of one case, and looks whether the range holds the truth.

    Where the truth is not reached in the data that there is, a range holds unless it ends before the data does.
    """
    found = saturation(case.history, case.limit, SaturationSettings(falling=case.falling))
    now_ms, true_ms = int(case.history.at_ms[-1]), case.true_ms
    early, late = found.earliest_ms, found.latest_ms
    if early is None:
        held = true_ms is None or true_ms > found.horizon_end_ms
    elif true_ms is None:
        held = late is None or late > case.end_ms
    else:
        held = early <= true_ms and (late is None or true_ms <= late)
    width = (late - now_ms) / max(early - now_ms, 1) if early is not None and late is not None else math.nan
    return Scored(
        case.kind,
        found.outcome,
        true_ms is not None,
        held,
        early is not None and late is None,
        width,
        _off(found.date_ms, true_ms, now_ms),
        _off(predict_linear(case.history, case.limit, 20), true_ms, now_ms),
        _off(predict_linear(case.history, case.limit, 2), true_ms, now_ms),
    )


def predict_linear(history: TimeSeries, limit: float, share: int) -> int | None:
    """When the least-squares line over the newest 1/`share` of the history (10 samples at least) is at the limit, as
    Prometheus' predict_linear has it; None: it goes the other way."""
    count = max(10, len(history) // share)
    return _line(history.at_ms[-count:], history.values[-count:], limit)


def _line(at_ms: np.ndarray[tuple[int], np.dtype[np.int64]], values: object, limit: float) -> int | None:
    slope, level = np.polyfit((at_ms - at_ms[-1]).astype(np.float64), np.asarray(values, dtype=np.float64), 1)
    ahead = (limit - level) / slope if slope else math.inf
    return int(at_ms[-1] + ahead) if 0 <= ahead < 1e13 else None


def _off(told_ms: int | None, true_ms: int | None, now_ms: int) -> float:
    if told_ms is None or true_ms is None or true_ms <= now_ms:
        return math.nan
    return abs(math.log(max(told_ms - now_ms, 1) / (true_ms - now_ms)))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 90 % interval of a share by Wilson (1927)."""
    if not count:
        return (math.nan, math.nan)
    z, p = 1.645, hits / count
    middle, half = p + z * z / (2 * count), z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def table(title: str, scores: Sequence[Scored]) -> None:
    """Prints a row for each kind, and one for all."""
    print(f"\n{title}")
    print(f"{'':38}{'series':>7}{'true known':>11}{'range holds':>12}{'90 % interval':>15}", end="")
    print(f"{'open':>7}{'width':>7}{'off':>6}{'lin 1/20':>9}{'lin 1/2':>8}  outcomes")
    for kind in [*dict.fromkeys(s.kind for s in scores), "all"]:
        rows = [s for s in scores if kind in {"all", s.kind}]
        held = sum(s.held for s in rows)
        low, high = wilson(held, len(rows))
        print(f"{kind:38}{len(rows):7}{sum(s.known for s in rows):11}{held / len(rows):12.1%}", end="")
        print(f"{low:8.0%}–{high:4.0%}  {sum(s.open_end for s in rows) / len(rows):6.0%}", end="")
        print(f"{_median([s.width for s in rows]):7.1f}{_median([s.off for s in rows]):6.2f}", end="")
        counts = Counter(s.outcome for s in rows)
        linear, half = _median([s.off_linear for s in rows]), _median([s.off_linear_half for s in rows])
        print(f"{linear:9.2f}{half:8.2f}  {', '.join(f'{n} {o}' for o, n in counts.most_common())}")
    known = [s for s in scores if s.known]
    held = sum(s.held for s in known)
    print(f"of those whose true date is known: {held} of {len(known)} ranges hold ({held / max(len(known), 1):.1%})")
    missing = sum(math.isnan(s.off_linear) for s in known)
    print(f"predict_linear over the newest twentieth has no date at all for {missing} of these, and no range ever")


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan


def level_series(count: int) -> Iterator[tuple[str, TimeSeries, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """Simulated hours that fill nothing, with a week that comes after: noise, a daily and weekly cycle, teeth, a slow
    wander about a level."""
    for number in range(count):
        rng = np.random.default_rng(70_000 + number)
        hours = int(rng.integers(14, 61)) * 24 + 168
        t = np.arange(hours) / 24.0
        kind = ("noise", "cycles", "teeth", "wander")[number % 4]
        noise = rng.standard_t(5, hours)
        values = 100 + noise
        if kind == "cycles":
            values = values + 15 * np.sin(2 * np.pi * t) + 8 * np.sin(2 * np.pi * t / 7)
        elif kind == "teeth":
            period = rng.uniform(1.5, 6)
            values = values + 40 * ((t % period) / period)
        elif kind == "wander":
            shocks = rng.standard_normal(hours)
            for i in range(1, hours):
                shocks[i] += 0.98 * shocks[i - 1]
            values = values + shocks
        at_ms = np.arange(hours, dtype=np.int64) * HOUR_MS
        yield f"simulated {kind}", TimeSeries(kind, at_ms[:-168], values[:-168]), values[-168:]


def not_filling(count: int) -> Iterator[tuple[str, TimeSeries, float]]:
    """Series that do not reach their limit in the next seven days, with that limit: a part of the range of the last
    weeks above the highest value that was seen."""
    for number, (kind, history, ahead) in enumerate(level_series(count)):
        limit = _limit(history.values, number)
        if ahead.max() < limit:
            yield kind, history, limit
    folder = data_folder()
    if folder is None:
        return
    for number, (name, at_ms, values) in enumerate(real_increments("reported", folder)):
        end = int(np.searchsorted(at_ms, at_ms[-1] - WEEK_MS))
        if at_ms[end - 1] - at_ms[0] < 6 * DAY_MS:
            continue
        limit = _limit(values[:end], number)
        if values[end:].max() < limit:
            kind = "real (M4 hourly)" if name.startswith("H") else "real (NAB)"
            yield kind, TimeSeries(name, at_ms[:end], values[:end]), limit


def _limit(values: np.ndarray[tuple[int], np.dtype[np.float64]], number: int) -> float:
    share = np.random.default_rng(number).uniform(0.1, 1.0)
    low, high = np.quantile(values, (0.05, 0.95))
    return float(values.max() + share * (high - low))


def false_alarms(count: int) -> None:
    """Prints how often a series that does not fill is said to be full within seven days."""
    rows: dict[str, list[tuple[bool, bool, bool, bool, bool]]] = {}
    for kind, history, limit in not_filling(count):
        found = saturation(history, limit)
        week_ms = int(history.at_ms[-1]) + WEEK_MS
        linear = []
        for window_ms in (6 * HOUR_MS, DAY_MS, WEEK_MS):
            newest = history.at_ms > history.at_ms[-1] - window_ms
            date = _line(history.at_ms[newest], history.values[newest], limit) if newest.sum() > 1 else None
            linear.append(date is not None and date <= week_ms)
        told = found.date_ms is not None and found.date_ms <= week_ms
        maybe = found.earliest_ms is not None and found.earliest_ms <= week_ms
        for name in (kind, "all"):
            rows.setdefault(name, []).append((told, maybe, linear[0], linear[1], linear[2]))
    print('\nSeries that do not fill: said to be "full within 7 days"')
    print(f"{'':22}{'series':>8}{'date':>8}{'range begins':>14}  predict_linear over {'6 h':>7}{'1 d':>8}{'7 d':>8}")
    for name in [*(key for key in rows if key != "all"), "all"]:
        told = np.array(rows[name]).mean(axis=0)
        print(f"{name:22}{len(rows[name]):8}{told[0]:8.1%}{told[1]:14.1%}{told[2]:27.1%}{told[3]:8.1%}{told[4]:8.1%}")


def workload(templates: int) -> None:
    """Prints how long templates take, and how near calls of the next day are, beside last week's of each by itself.

    Shapes are real hours (M4 hourly); templates are made from them by thinning (Poisson), most of them rare.
    """
    folder = data_folder()
    if folder is None:
        print("\nWorkload by template: not measured, there is no TRIMTAB_BENCH_DATA")
        return
    draw = np.random.default_rng(3)
    shapes = [values[-600:] for name, _, values in real_increments("reported", folder) if name.startswith("H")]
    table = np.stack([shape / shape.mean() for shape in shapes if len(shape) == 600 and shape.mean() > 0])
    calls = 2.0 * (1 + draw.pareto(1.2, templates))  # an hour; the median is below four
    rates = draw.poisson(table[draw.integers(0, len(table), templates)] * calls[:, None]).astype(np.float64)
    shown, came = rates[:, :-24], rates[:, -24:]
    began = time.process_time()
    ahead = predict_workload([str(n) for n in range(templates)], shown, HOUR_MS, 0, 24, _house)
    spent = time.process_time() - began
    found = ahead.ahead_mean[ahead.cluster] * ahead.shares[:, None]
    print(f"\nWorkload: {templates:,} templates of {len(table)} real shapes, {shown.shape[1]} hours, a day ahead")
    print(f"{spent:.1f} s of processor time, {len(ahead.totals)} clusters")
    print(
        f"{'':24}{'ours':>8}{'last week':>11}{'yesterday':>11}   sum of |error| ÷ calls that came, by hour and template"
    )
    busiest = np.argsort(-shown.sum(axis=1))
    for name, rows in (("the 100 busiest", busiest[:100]), ("the 1,000 busiest", busiest[:1000]), ("all", busiest)):
        whole = came[rows].sum()
        errors = [
            np.abs(told[rows] - came[rows]).sum() / whole for told in (found, shown[:, -168:-144], shown[:, -24:])
        ]
        print(f"{name:24}{errors[0]:8.3f}{errors[1]:11.3f}{errors[2]:11.3f}")
    top = set(np.argsort(-came.sum(axis=1))[:100].tolist())
    same = len(top & set(np.argsort(-ahead.then)[:100].tolist()))
    before = len(top & set(np.argsort(-shown[:, -24:].sum(axis=1))[:100].tolist()))
    print(f"of the 100 that were called most, {same} were foreseen; {before} by yesterday's calls")


def _house(values: F64, step_ms: int, start_ms: int, steps: int) -> Ahead:
    return forecast(values, step_ms, start_ms, steps)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulated", type=int, default=330)
    parser.add_argument("--templates", type=int, default=10_000)
    arguments = parser.parse_args()
    began = time.process_time()
    made = [score(case) for case in simulated("reported", arguments.simulated)]
    folder = data_folder()
    observed = [score(case) for case in real("reported", folder)] if folder is not None else []
    spent = time.process_time() - began
    fifty = made[:25] if observed else made[:50]
    for kind, number in REAL_OF_FIFTY.items():
        fifty += [s for s in observed if s.kind == kind][:number]
    table(
        f"{len(fifty)} series{'' if observed else ' (real ones: not measured, there is no TRIMTAB_BENCH_DATA)'}", fifty
    )
    table("All series", [*made, *observed])
    print(f"{1000 * spent / (len(made) + len(observed)):.1f} ms of processor time a series")
    false_alarms(400)
    workload(arguments.templates)


if __name__ == "__main__":
    main()
