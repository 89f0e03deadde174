"""The tail of a series of numbers: its greatest values, and how probable it is that noise goes beyond them.

A tail keeps the `TOP` greatest values of clusters (values within `cluster` samples of a cluster's beginning are one,
its greatest counts), and how many values it has seen. Beyond the least of them, the excess of noise is taken as
exponential with an unknown mean. The chance that the next value has excess z, given m excesses whose sum is s, is then
exactly (1 + z / s) ** -m: a generalised Pareto tail with shape 1 / m, which is never below 0, and with no fit that
could fail. When a tail has seen `memory` values, it forgets every other one of its greatest, the very greatest first,
and half of the count.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.layout_kernels import (
    F_FLOOR,
    F_TAIL,
    I_CLUSTER,
    I_SEEN,
    RANGE,
    RANGE_HIGH,
    RANGE_LOW,
    STAYS_HIGH,
    TAIL_WIDTH,
    TOP,
    floor_of,
    keep_count,
    kept_of,
)
from trimtab.store.compiled import kernel

NEVER_STAYED = 1.0 / 500.0
"""Where no value ever stayed beyond the usual one, nothing tells how rare that is: it is taken for so much rarer than
once in all that was seen."""
F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@kernel("float64(float32[::1],int32[::1],int64,int64,float32,int64,float64,float64,int64,float64)")
def tail_probability(
    floats: F32,
    ints: I32,
    tail: int,
    seen: int,
    value: float,
    sample: int,
    cluster: float,
    resolution: float,
    prior_count: int,
    prior: float,
) -> float:
    """How probable a value at least so great is; 1 where it is not above the floor.

    The cluster that the sample itself belongs to does not count: what has just begun is not taken for usual.
    `resolution`: the least step of the values; excesses are taken as at least half of it, so that counts (0, 1, 2 …) do
    not look surer than they are. `prior`, the sum of `prior_count` excesses, is added to those that were seen. Where
    all kept values are equal and no step is known, it is how often so great a value was seen.
    """
    floor = floor_of(floats, tail)
    if value <= floor:
        return 1.0
    kept = kept_of(ints, tail)
    peak = F_TAIL + tail * TAIL_WIDTH
    own = np.float32(np.inf)
    if sample - ints[I_CLUSTER + tail] <= cluster:
        own = floats[peak]
    total = 0.0
    as_great = 0
    others = 0
    is_greatest = True
    for at in range(peak + 1, peak + 1 + kept):
        is_greatest = is_greatest and floats[at] < value
        if floats[at] == own:
            own = np.float32(np.inf)
            continue
        others += 1
        total += floats[at] - floor
        if floats[at] >= value:
            as_great += 1
    total = max(total, 0.5 * others * resolution) + prior
    if floor == -np.inf:  # not one value was left out so far: only what is greater than all is odd
        return 1.0 / (seen + 1.0) if is_greatest else 1.0
    if (others == 0 and prior_count == 0) or not total > 0.0:
        return (as_great + 1.0) / (seen + 1.0)
    share = max(others, 1) / (seen + 1.0)
    ratio = 1.0 / (1.0 + (value - floor) / total)
    for _ in range(others + prior_count):
        share *= ratio
    return share


@kernel("float64(float32[::1],int32[::1],int64,float64,float64,int64,float64,float64,float64)")
def stays_probability(
    floats: F32,
    ints: I32,
    tail: int,
    value: float,
    single: float,
    sample: int,
    cluster: float,
    resolution: float,
    large_step: float,
) -> float:
    """How probable it is that values in a row are at least so far from what is usual: `NEVER_STAYED` less where none
    ever were, `single` ones are not common either (counts), and the step is no small one (tables grow by pages, which
    is nothing)."""
    p = tail_probability(floats, ints, tail, ints[I_SEEN + RANGE], value, sample, cluster, resolution, 0, 0.0)
    kept = kept_of(ints, tail)
    is_first = kept == 0 or (kept == 1 and sample - ints[I_CLUSTER + tail] <= cluster)
    is_large = value - floor_of(floats, tail) > large_step
    is_common = single <= floor_of(floats, RANGE_HIGH if tail == STAYS_HIGH else RANGE_LOW)
    return p * NEVER_STAYED if is_first and is_large and not is_common else p


@kernel("void(float32[::1],int32[::1],int64)")
def tail_forget(floats: F32, ints: I32, tail: int) -> None:
    """Keep every other value, without the greatest."""
    first = F_TAIL + tail * TAIL_WIDTH + 1
    kept = kept_of(ints, tail)
    for index in range(kept // 2):
        floats[first + index] = floats[first + 2 * index + 1]
    keep_count(ints, tail, kept // 2)


@kernel("void(float32[::1],int32[::1],int64,float32,int64,float64,float64)")
def tail_learn(floats: F32, ints: I32, tail: int, value: float, sample: int, cluster: float, clip: float) -> None:
    """Keep a value if it is among the greatest.

    `sample`: number of the sample, ascending. `clip`: if above 0, a value counts at most as the greatest other one plus
    so many mean excesses, so that one incident does not decide what is expected of the next.
    """
    floor = floor_of(floats, tail)
    if value <= floor:
        return
    kept = kept_of(ints, tail)
    peak = F_TAIL + tail * TAIL_WIDTH
    first = peak + 1
    at = kept
    if kept > 0 and sample - ints[I_CLUSTER + tail] <= cluster:
        if value <= floats[peak]:
            return
        at = 0
        while at < kept and floats[first + at] != floats[peak]:
            at += 1
    if clip > 0.0 and kept >= TOP - 1:
        total = 0.0
        greatest = floor
        for index in range(kept):
            total += floats[first + index] - floor
            if index != at and floats[first + index] > greatest:
                greatest = floats[first + index]
        value = min(value, float(np.float32(greatest + clip * total / kept)))
        if at < kept and value <= floats[peak]:
            return
    if at < kept:
        for index in range(at, kept - 1):
            floats[first + index] = floats[first + index + 1]
        kept -= 1
    else:
        ints[I_CLUSTER + tail] = sample
    floats[peak] = value
    if kept == TOP:
        kept -= 1
        floor = floats[first + kept]
        floats[F_FLOOR + tail] = floor
        while kept > 0 and floats[first + kept - 1] <= floor:
            kept -= 1
        if value <= floor:
            keep_count(ints, tail, kept)
            return
    index = kept
    while index > 0 and floats[first + index - 1] < value:
        floats[first + index] = floats[first + index - 1]
        index -= 1
    floats[first + index] = value
    keep_count(ints, tail, kept + 1)
