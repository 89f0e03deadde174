"""Members weighed by a rolling backtest, at each past origin by what was known there."""

from __future__ import annotations

import math

import numpy as np

from trimtab.analyze.forecast.median_kernels import last_cycles, last_values
from trimtab.analyze.forecast.member_kernels import smoothers
from trimtab.analyze.forecast.weighted_median_kernels import weighted_medians
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

BUCKETS = 3
FADES = 0.93
"""What an origin's error still counts at the next one."""
BUCKET_SHARE = 0.5
"""How much of a member's error is that of near, middle or far steps alone, rather than of all."""
WEAKEST = 0.04
"""A member whose weight is a smaller ratio of the best one's is left out."""
LOG_FLOOR = 0.02
"""Logarithms are of a value and this share of the mean, so that zeros have one."""
LARGEST_EXPONENT = 300.0


@kernel("int64(int64, int64)", is_inlined=True)
def bucket_of(step: int, horizon: int) -> int:
    """Near, middle or far."""
    return 0 if step * 12 < horizon else (1 if step * 4 < horizon else 2)


@kernel("void(float64[::1], int64, int64, float64[:, ::1], int64, int64[:, ::1], int64[::1], float64[:, :, ::1])")
def members(
    values: F64, first: int, second: int, table: F64, first_logged: int, medians: I64, origins: I64, out: F64
) -> None:
    """What all members forecast, [origin, step, member]: smoothers of `table` (those from `first_logged` on of
    logarithms; NaN where a value is negative), and `medians` (season or 0, values)."""
    smoothed_count = table.shape[1]
    total, known, lowest, highest = 0.0, 0, np.inf, -np.inf
    floor = 0.0
    for at in range(origins[-1]):
        if not math.isnan(values[at]):
            total += values[at]
            known += 1
            lowest = min(lowest, values[at])
            highest = max(highest, values[at])
        if floor <= 0 and at + 1 >= origins[0]:  # no origin knows a mean of what came later
            floor = LOG_FLOOR * total / max(known, 1)
    has_logs = lowest >= 0 and floor > 0
    logged = np.log(values + floor) if has_logs else values
    smoothers(values, logged, first_logged, first, second, table, origins, out)
    for origin in range(out.shape[0]):
        for step in range(out.shape[1]):
            for one in range(first_logged, smoothed_count):
                grown = np.nan
                if has_logs:
                    grown = math.exp(min(out[origin, step, one], LARGEST_EXPONENT)) - floor
                out[origin, step, one] = min(grown, 10 * highest) if not math.isnan(grown) else np.nan
    for one in range(len(medians)):
        if medians[one, 0] > 0:
            last_cycles(values, medians[one, 0], medians[one, 1], origins, out, smoothed_count + one)
        else:
            last_values(values, medians[one, 1], origins, out, smoothed_count + one)
    if lowest >= 0:
        for origin in range(out.shape[0]):
            for step in range(out.shape[1]):
                for one in range(out.shape[2]):
                    out[origin, step, one] = 0.0 if out[origin, step, one] < 0 else out[origin, step, one]


@kernel("void(float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def _weigh(lost: F64, counted: F64, weights: F64) -> None:
    """Weights [bucket, member] of mean errors: the eighth power of how often better."""
    count = lost.shape[1]
    error, of_all = np.empty(count), np.empty(count)
    for one in range(count):
        all_lost, all_counted = 0.0, 0.0
        for bucket in range(BUCKETS):
            all_lost += lost[bucket, one]
            all_counted += counted[bucket, one]
        of_all[one] = all_lost / all_counted if all_counted > 0 else np.inf
    for bucket in range(BUCKETS):
        best = np.inf
        for one in range(count):
            error[one] = of_all[one]
            if counted[bucket, one] > 0:
                own = lost[bucket, one] / counted[bucket, one]
                error[one] = BUCKET_SHARE * own + (1 - BUCKET_SHARE) * of_all[one]
            best = min(best, error[one])
        if best == np.inf:
            weights[bucket, :] = 1.0
            continue
        least = 1e-9 * best + 1e-300
        for one in range(count):
            ratio = (best + least) / (error[one] + least)
            ratio *= ratio
            ratio *= ratio
            ratio *= ratio
            weights[bucket, one] = ratio if ratio >= WEAKEST else 0.0


@kernel("boolean(float64[:, ::1], float64[:, ::1], int64, int64)")
def _is_better(lost: F64, counted: F64, one: int, other: int) -> bool:
    """Whether the mean error of one member is smaller than that of another, where both are known."""
    lost_1 = lost_2 = counted_1 = counted_2 = 0.0
    for bucket in range(BUCKETS):
        lost_1 += lost[bucket, one]
        lost_2 += lost[bucket, other]
        counted_1 += counted[bucket, one]
        counted_2 += counted[bucket, other]
    return counted_1 > 0 and counted_2 > 0 and lost_1 / counted_1 < lost_2 / counted_2


@kernel("void(float64[:, :, ::1], int64[::1], int64, int64, int64[::1], float64[:, ::1])")
def _usable(forecasts: F64, origins: I64, skipped: int, begin: int, needs: I64, out: F64) -> None:
    """Which members have seen enough at which origin, and say something of every step: 1, else 0 (and 0 instead of NaN
    in their forecasts)."""
    for origin in range(skipped, len(origins)):
        for one in range(len(needs)):
            out[origin, one] = 1.0 if origins[origin] - begin >= needs[one] else 0.0
        says = out[origin]
        for step in range(forecasts.shape[1]):
            row = forecasts[origin, step]
            for one in range(len(needs)):
                is_missing = math.isnan(row[one])
                row[one] = 0.0 if is_missing else row[one]
                says[one] = 0.0 if is_missing else says[one]


@kernel(
    "void(float64[:, ::1], int64[::1], int64, int64, float64[:, ::1], int64, int64[:, ::1], int64[::1], "
    "int64, int64, int64[::1], float64[:, :, ::1], float64[:, :, ::1])"
)
def combine(
    all_values: F64,
    begins: I64,
    first: int,
    second: int,
    table: F64,
    first_logged: int,
    medians: I64,
    needs: I64,
    least: int,
    naives: int,
    origins: I64,
    out: F64,
    naive: F64,
) -> None:
    """For each row of `all_values` (whose first value is at `begins`) the combination `out` and the seasonal naive
    baseline `naive` [series, origin, step], at each origin with weights of errors that were known there. Member
    `naives` repeats the first season, the next one the second (or the first, where there is none). `needs`:
    how many values behind its beginning a member must have seen. Origins with less than `least` values are NaN, but for
    the last one."""
    horizon = out.shape[2]
    count = table.shape[1] + len(medians)
    forecasts = np.empty((len(origins), horizon, count))
    usable, buckets = np.empty((len(origins), count)), np.empty(horizon, np.int64)
    for step in range(horizon):
        buckets[step] = bucket_of(step, horizon)
    for row in range(len(all_values)):
        values = all_values[row]
        begin = begins[row]
        skipped = 0
        while skipped < len(origins) - 1 and origins[skipped] - begin < least:
            out[row, skipped, :] = np.nan
            naive[row, skipped, :] = np.nan
            skipped += 1
        members(
            values[begin:], first, second, table, first_logged, medians, origins[skipped:] - begin, forecasts[skipped:]
        )
        _usable(forecasts, origins, skipped, begin, needs, usable)
        lost, counted = np.zeros((BUCKETS, count)), np.zeros((BUCKETS, count))
        weights = np.ones((BUCKETS, count))
        for origin in range(skipped, len(origins)):
            now = origins[origin]
            before = origins[origin - 1] if origin > skipped else now
            lost *= FADES
            counted *= FADES
            for earlier in range(skipped, origin):
                counts = usable[earlier]
                for step in range(max(before - origins[earlier], 0), min(now - origins[earlier], horizon)):
                    value = values[origins[earlier] + step]
                    if math.isnan(value):
                        continue
                    bucket = buckets[step]
                    said, sums, numbers = forecasts[earlier, step], lost[bucket], counted[bucket]
                    for one in range(count):
                        sums[one] += counts[one] * abs(said[one] - value)
                    for one in range(count):
                        numbers[one] += counts[one]
            _weigh(lost, counted, weights)
            repeats = naives + 1 if _is_better(lost, counted, naives + 1, naives) else naives
            for bucket in range(BUCKETS):
                weights[bucket] *= usable[origin]
                if weights[bucket].max() == 0:  # a handful of values: what they are
                    weights[bucket, table.shape[1]] = 1.0
            weighted_medians(forecasts[origin], weights, buckets, out[row, origin])
            for step in range(horizon):
                naive[row, origin, step] = forecasts[origin, step, repeats]
