"""The loop over samples: each is judged by all tests of its series, then learned."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.foretell_kernels import BLOCK, follow, foretold, learn_errors
from trimtab.analyze.detect.hour_kernels import all_hours, hour_begins, hour_mean, hour_of, is_of_hour
from trimtab.analyze.detect.layout_kernels import (
    ALL_TESTS,
    F_ABOVE,
    F_BELOW,
    F_CLUSTER,
    F_FLOOR,
    F_GUARD,
    F_HOUR_MS,
    F_HOUR_NOW,
    F_LEVEL,
    F_MEMORY,
    F_REPEAT,
    F_UNLEARNED,
    I_SEEN,
    JUMP_WIDE,
    N_BLOCK,
    N_ERROR_HOUR,
    N_ERROR_NEAR,
    N_FALLS,
    N_GUARD_FROM,
    N_GUARD_ODD,
    N_HOUR_COUNT,
    N_HOUR_SUM,
    N_LAST,
    N_LAST_MS,
    N_NEAR,
    N_OFFSET,
    N_ORIGIN,
    N_PEAK,
    N_PEAK_AT,
    N_RESOLUTION,
    N_RISES,
    N_SAMPLES,
    N_SPREAD,
    N_STEP_MS,
    RANGE,
    RANGE_HIGH,
    RANGE_LOW,
    SEASON_HIGH,
    SEASON_LOW,
    SHIFT,
    SHIFT_HIGH,
    SHIFT_LOW,
    SLOW_TESTS,
    SPREAD_HIGH,
    SPREAD_LOW,
    STAYS,
    STAYS_HIGH,
    STAYS_LOW,
    TEST_TAILS,
    TESTS,
    first_tail,
    floor_of,
)
from trimtab.analyze.detect.local_kernels import is_settled, least_of, local_distances
from trimtab.analyze.detect.tail_kernels import stays_probability, tail_forget, tail_learn, tail_probability
from trimtab.store.compiled import kernel

GREATEST = 3e38
"""Values are kept as float32."""
GAP_STEPS = 3.5
"""After a longer gap nothing is said of the jump over it."""
UNLEARNED_P = 5e-6
"""What is less probable is an incident."""
UNLEARNED_MAX = 8.0
GUARD_AGAIN = 20.0
"""So many samples after an incident has become usual, another one may begin."""
STILL_ODD_P = 1e-3
FINE = 0.25
"""The least step of a series is at least so much of its mean error: rates of counters differ by what clocks jitter."""
TREND = 20.0
"""A series whose last 48 or so values were so many mean errors from the means of their hours goes its own way."""
SLOW = 1.5
"""How much the two slow tests count beside the three quick ones, which often speak of the same sample together."""
CLIP = 3.0
LARGE_STEP = 0.1
"""Of what a series was before: where no value ever stayed beyond the usual ones, a smaller step says little."""
HALF = 0.5
"""What is less than half of the series' least step from what is usual, is usual: the mean has moved, not the value."""
MORE = 1.1
"""Within the samples after an alert, only so many times the nines alert again."""
LEAST_P = 1e-60
CLUSTER_SHARE = 1.0 / 64.0
"""No cluster is longer than this share of the samples."""
NINES = 2.0 / math.log(10.0)
"""Even one test alone goes beyond by 0.43 nines in the mean: half of this."""
PRIOR_COUNT = 2
PRIOR = 2.0
"""Of the tail of all tests together: so many incidents are taken to have gone beyond its floor before the first one was
seen, by so many nines in sum; few incidents say little about what the next may be."""
CONSTANT = 1000.0
"""Greater than minus the logarithm of any number."""
SHIFT_FROM = 32
SPREAD_FROM = 96
"""The means of the last 48 or so values are told from this sample on."""


@kernel("boolean(boolean[::1],Array(int32,1,'C',readonly=True))")
def are_used(used: NDArray[np.bool_], slots: NDArray[np.int32]) -> bool:
    """Whether each slot is one, and has a series."""
    missing = 0
    for slot in slots:
        missing += 1 if slot < 0 or slot >= used.size or not used[slot] else 0
    return missing == 0


@kernel(
    "void(float64[:,::1],float32[:,::1],int32[:,::1],Array(int32,1,'C',readonly=True),Array(int64,1,'C',readonly=True),"
    "Array(float64,1,'C',readonly=True),float64[:,::1],uint8[::1],float64[:,::1],int64)"
)
def step(
    all_numbers: NDArray[np.float64],
    all_floats: NDArray[np.float32],
    all_ints: NDArray[np.int32],
    slots: NDArray[np.int32],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    out: NDArray[np.float64],
    loudest: NDArray[np.uint8],
    parts: NDArray[np.float64],
    warm_up: int,
) -> None:
    """Judge each row, then learn it.

    `out` has rows score, p, expected, low, high. `parts`: of each test its own tail probability, shape [5, n], or of
    shape [0, 0] where nobody asks.
    """
    told = np.empty(TEST_TAILS, np.float32)
    is_told = np.empty(TEST_TAILS, np.bool_)
    for row in range(slots.size):
        out[0, row] = 0.0
        out[1, row] = 1.0
        out[2, row] = out[3, row] = out[4, row] = np.nan
        loudest[row] = 0
        for test in range(parts.shape[0]):
            parts[test, row] = 1.0
        numbers = all_numbers[slots[row]]
        now_ms = at_ms[row]
        if not np.isfinite(values[row]) or now_ms <= numbers[N_LAST_MS]:
            continue
        floats = all_floats[slots[row]]
        ints = all_ints[slots[row]]
        count = int(numbers[N_SAMPLES]) + 1
        numbers[N_SAMPLES] = count
        before_ms = numbers[N_LAST_MS]
        numbers[N_LAST_MS] = now_ms
        if count == 1:
            numbers[N_ORIGIN] = values[row]
        value = min(max(values[row] - numbers[N_ORIGIN], -GREATEST), GREATEST)
        if count == 1:
            all_floats[slots[row], F_HOUR_NOW] = hour_of(now_ms, int(all_floats[slots[row], F_HOUR_MS]))
            numbers[N_HOUR_SUM] = value
            numbers[N_HOUR_COUNT] = 1.0
            numbers[N_ERROR_HOUR] = np.inf
            continue

        # what is asked of this value
        hour = hour_of(now_ms, int(all_floats[slots[row], F_HOUR_MS]))
        if hour != floats[F_HOUR_NOW]:
            hour_begins(numbers, floats, hour)
        of_hour = hour_mean(floats, hour)
        jump = value - numbers[N_LAST]
        is_gap = now_ms - before_ms > GAP_STEPS * numbers[N_STEP_MS]
        is_reset = jump < 0.0 and numbers[N_FALLS] == 0.0 and numbers[N_RISES] > 0.25 * count and count > warm_up
        if jump > 0.0:
            numbers[N_RISES] += 1.0
            numbers[N_RESOLUTION] = min(numbers[N_RESOLUTION], jump)
        elif jump < 0.0 and not is_reset:
            numbers[N_FALLS] += 1.0
            numbers[N_RESOLUTION] = min(numbers[N_RESOLUTION], -jump)
        if is_reset:  # a total that begins anew goes on
            numbers[N_ORIGIN] = values[row] - numbers[N_LAST]
            value = numbers[N_LAST]
            jump = 0.0
        numbers[N_LAST] = value
        above, below = local_distances(floats, value, hour, of_hour)
        stays_above = least_of(floats, F_ABOVE, above)
        stays_below = least_of(floats, F_BELOW, below)
        does_stay = is_settled(ints, is_gap, count) and count > STAYS + 1 and not is_reset
        weight = max(BLOCK, 1.0 / count)
        numbers[N_BLOCK] += weight * (value - numbers[N_BLOCK])
        numbers[N_SPREAD] += weight * (abs(value - numbers[N_BLOCK]) - numbers[N_SPREAD])
        away = abs(value - numbers[N_BLOCK])
        has_spread = count > SPREAD_FROM and numbers[N_SPREAD] > 0.0
        told[SEASON_HIGH] = value - of_hour
        told[JUMP_WIDE] = abs(jump)
        told[RANGE_HIGH] = value
        told[SHIFT_HIGH] = numbers[N_BLOCK]
        told[SPREAD_HIGH] = math.log(numbers[N_SPREAD]) if has_spread else 0.0
        told[SEASON_LOW], told[RANGE_LOW] = -told[SEASON_HIGH], -told[RANGE_HIGH]
        told[SHIFT_LOW], told[SPREAD_LOW] = -told[SHIFT_HIGH], -told[SPREAD_HIGH]
        is_told[SEASON_HIGH] = is_told[SEASON_LOW] = abs(numbers[N_OFFSET]) <= TREND * numbers[
            N_ERROR_HOUR
        ] and not np.isnan(of_hour)
        is_told[JUMP_WIDE] = not is_gap and not is_reset
        is_told[RANGE_HIGH] = is_told[RANGE_LOW] = True
        # a level or a spread that was left is still in the means, but is not told any more
        is_told[SHIFT_HIGH] = count > SHIFT_FROM and value >= numbers[N_BLOCK]
        is_told[SHIFT_LOW] = count > SHIFT_FROM and value <= numbers[N_BLOCK]
        is_told[SPREAD_HIGH] = has_spread and away >= numbers[N_SPREAD]
        is_told[SPREAD_LOW] = has_spread and away <= numbers[N_SPREAD]
        is_high = does_stay and stays_above > floats[F_FLOOR + STAYS_HIGH]
        is_low = does_stay and stays_below > floats[F_FLOOR + STAYS_LOW]

        # how odd it is; where little was seen, clusters are short, or there would be too few
        cluster = min(floats[F_CLUSTER], CLUSTER_SHARE * count)
        p = 1.0
        nines = slow_nines = 0.0
        if count > warm_up:
            most = 0.0
            resolution = numbers[N_RESOLUTION] if np.isfinite(numbers[N_RESOLUTION]) else 0.0
            resolution = max(resolution, FINE * numbers[N_ERROR_NEAR])
            for test in range(TESTS):
                of_test = 1.0
                for tail in range(first_tail(test), first_tail(test + 1)):
                    if is_told[tail] and told[tail] > floor_of(floats, tail):
                        least_step = 0.0 if test > SHIFT else resolution * BLOCK if test == SHIFT else resolution
                        seen = ints[I_SEEN + test]
                        of_tail = tail_probability(
                            floats, ints, tail, seen, told[tail], count, cluster, least_step, 0, 0.0
                        )
                        of_test = min(of_test, of_tail)
                if of_test < 1.0:
                    own = -math.log10(max(of_test, LEAST_P))
                    if test >= SHIFT:
                        slow_nines += own
                        own *= SLOW
                    nines += own
                    if own > most:
                        most = own
                        loudest[row] = test + 1
                    if parts.shape[0] > 0:
                        parts[test, row] = of_test
            seen = ints[I_SEEN + TESTS]
            of_sum = tail_probability(floats, ints, ALL_TESTS, seen, nines, count, cluster, NINES, PRIOR_COUNT, PRIOR)
            of_slow = tail_probability(
                floats, ints, SLOW_TESTS, seen, slow_nines, count, cluster, NINES, PRIOR_COUNT, PRIOR
            )
            of_stays = 1.0
            large_step = LARGE_STEP * abs(numbers[N_BLOCK] + numbers[N_ORIGIN])
            judged_above, judged_below = float(stays_above), float(stays_below)
            if (is_high or is_low) and np.isnan(of_hour):
                # on the first day, what comes back is as hours before it were
                usual, hours = all_hours(floats)
                if hours > 0:
                    judged_above = min(stays_above, float(np.float32(max(value - usual, 0.0))))
                    judged_below = min(stays_below, float(np.float32(max(usual - value, 0.0))))
            if is_high and judged_above > HALF * resolution:
                of_stays = stays_probability(
                    floats, ints, STAYS_HIGH, judged_above, value, count, cluster, resolution, large_step
                )
            if is_low and judged_below > HALF * resolution:
                of_low = stays_probability(
                    floats, ints, STAYS_LOW, judged_below, -value, count, cluster, resolution, large_step
                )
                of_stays = min(of_stays, of_low)
            p = 3.0 / (1.0 / of_sum + 1.0 / of_slow + 1.0 / of_stays)
            level = value if 0 < loudest[row] <= SHIFT else numbers[N_BLOCK]
            if of_stays < min(of_sum, of_slow):
                loudest[row] = SHIFT + 1
                level = numbers[N_NEAR]
            if p < STILL_ODD_P and not np.isnan(of_hour) and is_of_hour(floats, hour, level, numbers[N_NEAR]):
                p = of_sum = 1.0
                loudest[row] = 0
            if of_sum < 1.0:
                of_all = -math.log10(max(of_sum, LEAST_P))
                score = of_all / (of_all + 6.0)
                if of_all > MORE * numbers[N_PEAK] or count - numbers[N_PEAK_AT] > floats[F_REPEAT]:
                    numbers[N_PEAK] = of_all
                    numbers[N_PEAK_AT] = count
                    out[0, row] = score
                else:
                    out[0, row] = min(score, 0.2)
            out[1, row] = p
            out[2, row], out[3, row], out[4, row] = foretold(numbers, of_hour)
            if loudest[row] == SHIFT + 1 and p < STILL_ODD_P:  # the last few values are of the new level already
                before = numbers[N_ORIGIN] + value - above + below
                further = min(before - out[2, row], 0.0) if above > 0.0 else max(before - out[2, row], 0.0)
                for told_row in range(2, 5):
                    out[told_row, row] += further if above + below > 0.0 else 0.0

        # what is learned: all of it, but for the first samples of a few incidents
        floats[F_UNLEARNED] = min(UNLEARNED_MAX, float(floats[F_UNLEARNED]) + 8.0 / floats[F_MEMORY])
        if (
            p < UNLEARNED_P
            and count - numbers[N_GUARD_FROM] > floats[F_GUARD] + GUARD_AGAIN
            and floats[F_UNLEARNED] >= 1.0
        ):
            floats[F_UNLEARNED] -= 1.0
            numbers[N_GUARD_FROM] = numbers[N_GUARD_ODD] = count
        is_learned = not (count - numbers[N_GUARD_FROM] < floats[F_GUARD] and count - numbers[N_GUARD_ODD] <= 5.0)
        if is_learned:
            for test in range(TESTS):
                first, end = first_tail(test), first_tail(test + 1)
                if not is_told[first] and not is_told[end - 1]:
                    continue
                ints[I_SEEN + test] += 1
                if ints[I_SEEN + test] >= floats[F_MEMORY]:
                    ints[I_SEEN + test] //= 2
                    for tail in range(first, end):
                        tail_forget(floats, ints, tail)
                    if test == RANGE:
                        tail_forget(floats, ints, STAYS_HIGH)
                        tail_forget(floats, ints, STAYS_LOW)
                for tail in range(first, end):
                    if is_told[tail] and told[tail] > floor_of(floats, tail):
                        tail_learn(floats, ints, tail, told[tail], count, cluster, 0.0)
            if count > SPREAD_FROM and numbers[N_SPREAD] == 0.0:  # no spread is less: to calm down again is not odd
                tail_learn(floats, ints, SPREAD_LOW, CONSTANT, count, cluster, 0.0)
            if is_high:
                tail_learn(floats, ints, STAYS_HIGH, stays_above, count, cluster, CLIP)
            if is_low:
                tail_learn(floats, ints, STAYS_LOW, stays_below, count, cluster, CLIP)
            if count > warm_up:
                ints[I_SEEN + TESTS] += 1
                if ints[I_SEEN + TESTS] >= floats[F_MEMORY]:
                    ints[I_SEEN + TESTS] //= 2
                    tail_forget(floats, ints, ALL_TESTS)
                    tail_forget(floats, ints, SLOW_TESTS)
                if nines > floor_of(floats, ALL_TESTS):
                    tail_learn(floats, ints, ALL_TESTS, nines, count, cluster, CLIP)
                if slow_nines > floor_of(floats, SLOW_TESTS):
                    tail_learn(floats, ints, SLOW_TESTS, slow_nines, count, cluster, CLIP)
            floats[F_LEVEL] += np.float32(weight * (value - floats[F_LEVEL]))
            learn_errors(numbers, value, count, of_hour)
        elif p < STILL_ODD_P:
            numbers[N_GUARD_ODD] = count
        numbers[N_HOUR_SUM] += value  # of incidents, too: what comes again each night is one only once
        numbers[N_HOUR_COUNT] += 1.0
        follow(numbers, value, count, of_hour)
