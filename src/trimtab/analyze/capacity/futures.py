"""Drawn futures: ways to go on, weighed by how well each would have told the history's own end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.history import History
from trimtab.analyze.capacity.members import WAYS, Member

F64 = NDArray[np.float64]

ORIGINS = (0.5, 0.6, 0.7, 0.8)
"""From where in the history its own end is told, to see which way does it well."""
TRAINED_MIN = 8
SHARPNESS = 1.5
"""How quickly a way that told it badly loses its weight."""
BEND_RATIO = 0.3
"""Standard deviation of how far a slope changes, as part of itself, over a time as long as the history."""
BENDS = 24
"""At so many moments ahead the slope may change."""
BLOCK = 7
BLOCK_MAX = 28
JUMPS_RATE = 0.5
"""How much of the rate of past shifts of level goes on."""
SURPRISE = (0.6, 3.0)
"""How far the spread is moved by how far off the history's own end was told."""


@dataclass(frozen=True, slots=True)
class Futures:
    """`paths` float64[paths, steps]: drawn peaks with noise and rhythm. `weights` by the name of the way."""

    paths: F64
    weights: dict[str, float]
    bends: bool


def futures_of(history: History, steps: int, paths: int, seed: int) -> Futures:
    """Draws what comes after a history of at least eight peaks."""
    rng = np.random.default_rng(seed)
    values = history.values
    count = len(values)
    members = {name: member for name, way, _ in WAYS if (member := way(values, steps)) is not None}
    weights, surprise = _judged(values, members)
    names = list(members)
    chances = np.array([weights[name] for name in names])
    chances /= chances.sum()
    shares = np.bincount(rng.choice(len(names), paths, p=chances), minlength=len(names))
    drawn = [
        _paths_of(members[name], count, int(share), surprise, rng)
        for name, share in zip(names, shares, strict=True)
        if share
    ]
    found = np.concatenate(drawn)
    rng.shuffle(found)
    found += history.rhythm[np.arange(steps) % len(history.rhythm)]
    if len(history.jumps):
        found += _jumps(history, steps, paths, rng)
    by_name = dict(zip(names, chances.tolist(), strict=True))
    return Futures(found, by_name, by_name.get("straight", 0) + by_name.get("walk", 0) < 0.3)


def _judged(values: F64, there: Mapping[str, Member]) -> tuple[dict[str, float], float]:
    """Weights of the ways, and how far the ends were off, in units of what the ways expected."""
    count = len(values)
    origins = sorted({max(TRAINED_MIN, int(count * part)) for part in ORIGINS})
    origins = [origin for origin in origins if count - origin >= 2]
    errors: dict[str, list[float]] = {name: [] for name, _, _ in WAYS}
    surprises: list[float] = []
    scale = float(np.abs(np.diff(values)).mean()) or 1.0
    for origin in origins:
        past, ahead = values[:origin], values[origin:]
        wide = np.arange(1, len(ahead) + 1)
        best: tuple[float, float] | None = None
        for name, way, _ in WAYS:
            member = way(past, len(ahead)) if name in there else None
            if member is None:
                continue
            off = ahead - member.ahead
            error = float(np.mean(np.abs(off))) / scale
            errors[name].append(error)
            expected = _spread(member, wide, origin)
            off_by = float(np.sqrt(np.mean((off / np.maximum(expected, 1e-3 * scale)) ** 2)))
            if best is None or error < best[0]:
                best = (error, off_by)
        if best is not None:
            surprises.append(best[1])
    weights = {}
    for name, _, prior in WAYS:
        if name not in there:
            continue
        seen = errors[name]
        typical = float(np.mean(seen)) if seen else float("nan")
        weights[name] = prior * (1.0 if np.isnan(typical) else (typical + 0.3) ** -SHARPNESS)
    low, high = SURPRISE
    middle = float(np.sqrt((1.0 + np.sum(np.square(surprises))) / (1 + len(surprises)))) if surprises else 1.0
    return weights, float(np.clip(middle, low, high))


def _spread(member: Member, wide: NDArray[np.int64], count: int) -> F64:
    """Standard deviation that a way expects at each step ahead."""
    noise = float(member.noise.std())
    slope = abs(member.slope) + member.slope_error
    noise_at = noise * np.sqrt(wide) if member.kind == "walk" else np.full(len(wide), noise)
    bend = BEND_RATIO * slope * wide * np.sqrt(wide / count / 3)
    spread: F64 = np.sqrt(noise_at**2 + (member.slope_error * wide) ** 2 + bend**2)
    return spread


def _paths_of(member: Member, count: int, paths: int, surprise: float, rng: np.random.Generator) -> F64:
    steps = len(member.ahead)
    ahead = np.arange(1, steps + 1)
    slope = abs(member.slope) + member.slope_error
    found = _blocks(member.noise, paths, steps, rng)
    if member.kind == "walk":
        np.cumsum(found, axis=1, out=found)
    # The slope is off from the first step on, and changes at some moments ahead: each adds a ramp from there on.
    # The moments are near to each other at first: a date that is near must not wait for its bend.
    begins = steps * (np.arange(BENDS + 1) / BENDS) ** 2
    ramps = np.maximum(ahead - begins[:-1, None], 0.0)
    changes = rng.standard_normal((paths, BENDS))
    changes *= BEND_RATIO * surprise * slope * np.sqrt(np.diff(begins) / count)
    changes[:, 0] += rng.standard_t(5, paths) * member.slope_error * surprise
    found += changes @ ramps
    found += member.ahead
    return found


def _blocks(noise: F64, paths: int, steps: int, rng: np.random.Generator) -> F64:
    """Blocks of noise, drawn with replacement (Künsch 1989), float64[paths, steps]."""
    block = max(min(BLOCK, max(1, len(noise) // 3)), min(BLOCK_MAX, len(noise) // 8))
    blocks = -(-steps // block)
    starts = rng.integers(0, len(noise) - block + 1, (paths, blocks))
    places = (starts[:, :, None] + np.arange(block)).reshape(paths, -1)[:, :steps]
    found: F64 = noise[places]
    return found


def _jumps(history: History, steps: int, paths: int, rng: np.random.Generator) -> F64:
    """Shifts of level that come again: as seldom as before, as high as one of before."""
    rate = JUMPS_RATE * len(history.jumps) / history.jumps_over
    hits = rng.random((paths, steps)) < rate
    heights = rng.choice(history.jumps, (paths, steps))
    found: F64 = np.cumsum(hits * heights, axis=1)
    return found
