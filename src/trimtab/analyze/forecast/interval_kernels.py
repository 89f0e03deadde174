"""Intervals from a forecast's own past errors, by adaptive conformal inference.

Gibbs and Candès (2021): the level at which a quantile of past errors is taken moves with what lay outside, so that the
interval holds in the long run also where errors are no sample of anything. Each level moves by itself, per series.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

FADES = 0.97
"""What a score still counts at the next origin."""
STEP_POWER = 0.9
PHASE_POWER = 0.5
"""How far errors are scaled by how large they were so far ahead, and at that phase of the season."""
LARGEST = 4.0
"""Errors larger than so many times their mean do not make it larger still how wrong forecasts are at that step."""
GAIN = 0.025
"""How far a level moves with one value, as a share of its distance to the nearer end."""
MOVES_MAX = 0.2
"""Levels nearer to the middle stay: they are for the shape, and moving them costs more than it mends."""
NARROWEST, WIDEST = 0.3, 1.3
"""A level's distance to the nearer end (0 or 1) stays within these multiples of what it was asked to be."""
BEGIN = 0.6
"""Where those that move begin, as a multiple of the distance to the nearer end: what comes is never quite like what
was."""
FIRST_SHARE = 0.25
"""Levels begin to move after this share of the origins."""


@kernel("void(float64[:, ::1], int64, int64[::1], float64[::1], float64[::1])")
def _sizes(errors: F64, season: int, origins: I64, by_step: F64, by_phase: F64) -> None:
    """How large errors [origin, step] are by step (never falling) and by phase of the season, around 1.
    Behind the farthest step that was tried they grow as those of a random walk; steps before the first one are as it.
    An error counts as at most `LARGEST` of their mean: where an odd hour lay says nothing of how far ahead it was."""
    horizon = errors.shape[1]
    sums, counts = np.zeros(horizon), np.zeros(horizon)
    phase_sums, phase_counts = np.zeros(season), np.zeros(season)
    for origin in range(len(origins)):
        phase = origins[origin] % season
        for step in range(horizon):
            size = abs(errors[origin, step])
            if not math.isnan(size):
                sums[step] += size
                counts[step] += 1
                phase_sums[phase] += size
                phase_counts[phase] += 1
            phase = phase + 1 if phase + 1 < season else 0
    total = counts.sum()
    mean = sums.sum() / total if total > 0 else 0.0
    by_step[:] = 1.0
    by_phase[:] = 1.0
    if mean <= 0:
        return
    for origin in range(len(origins)):
        phase = origins[origin] % season
        for step in range(horizon):
            beyond = abs(errors[origin, step]) - LARGEST * mean
            if beyond > 0:
                sums[step] -= beyond
                phase_sums[phase] -= beyond
            phase = phase + 1 if phase + 1 < season else 0
    mean = sums.sum() / total
    highest = 0.1
    tried = 0
    first_tried = 0
    while counts[first_tried] == 0:
        first_tried += 1
    for step in range(horizon):
        half = (step + 2) // 4
        first, last = max(step - half, 0), min(step + half + 1, horizon)
        weight = counts[first:last].sum() + 2
        if step < first_tried:
            continue
        if counts[step] > 0:
            highest = max(highest, (sums[first:last].sum() / mean + 2) / weight)
            tried = step
        by_step[step] = highest * np.sqrt((step + 1.0) / (tried + 1.0))
    by_step[:first_tried] = by_step[first_tried]
    by_step /= by_step.mean()
    if season > 1:
        half = season // 12
        for phase in range(season):
            size, weight = 2.0, 2.0
            for beside in range(-half, half + 1):
                near = (1.0 + half - abs(beside)) / (1.0 + half)
                size += near * phase_sums[(phase + beside) % season] / mean
                weight += near * phase_counts[(phase + beside) % season]
            by_phase[phase] = max(size / weight, 0.2)
        by_phase /= by_phase.mean()
    by_step[:] = by_step**STEP_POWER
    by_phase[:] = by_phase**PHASE_POWER


@kernel(
    "void(float64[:, :, ::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1], "
    "float64[::1])"
)
def scale(errors: F64, seasons: I64, origins: I64, by_step: F64, by_phase: F64, scores: F64, sizes: F64) -> None:
    """Scores: errors [series, origin, step] (NaN where not known) by how large they are there; `sizes` is the mean size
    of each series' scores (NaN where there is none)."""
    for row in range(len(errors)):
        season = max(seasons[row], 1)
        phases = by_phase[row, :season]
        _sizes(errors[row], season, origins, by_step[row], phases)
        total, count = 0.0, 0
        for origin in range(len(origins)):
            for step in range(errors.shape[2]):
                score = errors[row, origin, step] / (by_step[row, step] * phases[(origins[origin] + step) % season])
                scores[row, origin, step] = score
                if not math.isnan(score):
                    total += abs(score)
                    count += 1
        sizes[row] = total / count if count > 0 else np.nan


@kernel("void(float64[::1], float64[::1], int64, float64, float64, float64[::1], float64[::1])")
def _quantiles(
    ordered: F64, weighed: F64, held: int, total: float, pooled_weight: float, levels: F64, out: F64
) -> None:
    """Weighted quantiles at ascending levels, between the two values around each; a weight below 0 stands for
    `pooled_weight`, `total` is what all of them sum to."""
    below = before = 0.0
    one = 0
    for spot in range(held):
        weight = weighed[spot] if weighed[spot] >= 0 else pooled_weight
        middle = below + 0.5 * weight
        while one < len(levels) and middle >= levels[one] * total:
            out[one] = ordered[spot]
            if spot > 0 and middle > before:
                share = (levels[one] * total - before) / (middle - before)
                out[one] = ordered[spot - 1] + share * (ordered[spot] - ordered[spot - 1])
            one += 1
        before = middle
        below += weight
    while one < len(levels):
        out[one] = ordered[held - 1]
        one += 1


@kernel(
    "void(float64[:, :, ::1], float64[::1], int64[::1], float64[::1], float64, float64[::1], float64[:, ::1], "
    "float64[:, ::1])"
)
def adapt(
    scores: F64, sizes: F64, origins: I64, pooled: F64, own_share: float, levels: F64, out: F64, covered: F64
) -> None:
    """Quantiles `out` [series, level] of scores [series, origin, step] at the last origin. `pooled`: scores of all
    series in units of their sizes, ascending. `covered` [series, level]: the share of values that were at or below the
    quantile that stood before them (NaN where none was)."""
    count, horizon = len(origins), scores.shape[2]
    most = count * horizon + len(pooled)
    ordered, weighed = np.empty(most), np.empty(most)
    fresh = np.empty(horizon * count)
    stood = np.empty((count, len(levels)))
    adapted, taken = np.empty(len(levels)), np.empty(len(levels))
    first = min(max(int(FIRST_SHARE * count), 1), count - 1)
    for row in range(len(scores)):
        out[row, :] = np.nan
        covered[row, :] = 0.0
        if math.isnan(sizes[row]):
            covered[row, :] = np.nan
            continue
        held = len(pooled)
        ordered[:held] = pooled * sizes[row]
        weighed[:held] = -1.0
        weight = 1.0
        own = 0.0
        for one in range(len(levels)):
            end = min(levels[one], 1 - levels[one])
            begin = BEGIN * end if end <= MOVES_MAX else end
            adapted[one] = begin if levels[one] < 0.5 else 1 - begin
        seen = 0
        stood[:, :] = np.nan
        for origin in range(count):
            now = origins[origin]
            before = origins[origin - 1] if origin > 0 else now
            weight /= FADES
            came = 0
            for earlier in range(origin):
                for step in range(max(before - origins[earlier], 0), min(now - origins[earlier], horizon)):
                    score = scores[row, earlier, step]
                    if math.isnan(score):
                        continue
                    fresh[came] = score
                    came += 1
                    if earlier >= first:
                        seen += 1
                        for one in range(len(levels)):
                            is_below = 1.0 if score <= stood[earlier, one] else 0.0
                            covered[row, one] += is_below
                            end = min(levels[one], 1 - levels[one])
                            if end <= MOVES_MAX:
                                adapted[one] += GAIN * end * (levels[one] - is_below)
            if came > 0:
                fresh[:came].sort()
                at = held - 1
                left = came - 1
                spot = held + came - 1
                while left >= 0:
                    if at >= 0 and ordered[at] > fresh[left]:
                        ordered[spot] = ordered[at]
                        weighed[spot] = weighed[at]
                        at -= 1
                    else:
                        ordered[spot] = fresh[left]
                        weighed[spot] = weight
                        left -= 1
                    spot -= 1
                held += came
                own += came * weight
            if origin < first:
                continue
            highest = 0.0
            for one in range(len(levels)):
                end = min(levels[one], 1 - levels[one])
                if levels[one] < 0.5:
                    adapted[one] = min(max(adapted[one], NARROWEST * end), WIDEST * end)
                elif levels[one] > 0.5:
                    adapted[one] = min(max(adapted[one], 1 - WIDEST * end), 1 - NARROWEST * end)
                else:
                    adapted[one] = 0.5
                highest = max(highest, adapted[one])
                taken[one] = highest
            pooled_weight = own * (1 - own_share) / max(own_share, 1e-3) / len(pooled) if own > 0 else 1.0
            total = own + pooled_weight * len(pooled)
            _quantiles(ordered, weighed, held, total, pooled_weight, taken, out[row])
            stood[origin, :] = out[row, :]
        for one in range(len(levels)):
            covered[row, one] = covered[row, one] / seen if seen > 0 else np.nan
