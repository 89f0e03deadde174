"""What the load is made of: templates that rise and fall together, their shares by the hour, and whether the mix
moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.drift import drift_of
from trimtab.analyze.patterns.found import Kind, Mix, MixCluster, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.regular import HOUR_MS

F64 = NDArray[np.float64]
TEMPLATES_MAX = 500
"""The heaviest ones; the rest is one cluster."""
CLUSTERS_MAX = 12
ALIKE_MIN = 0.9
"""Cosine of two templates' loads over time, from which on they are one cluster (QB5000, Ma et al. 2018, has 0.8)."""
HOURS_MIN = 48
DAYS_MIN = 4
SHUFFLES = 199
BY_HOUR_P_MAX, MOVED_P_MAX = 0.01, 0.01
MOVED_MIN = 0.05
REST = "all others"


@dataclass(frozen=True, slots=True)
class Loads:
    """Load of each template, shape [templates, points], at `start_ms + i * step_ms`; NaN where nobody looked."""

    templates: Sequence[str]
    start_ms: int
    step_ms: int
    values: F64


def mix(name: str, loads: Loads) -> Mix | NoPattern:
    """The mix of one system.

    >>> hours = np.arange(24 * 7)
    >>> day = 10 + 8 * np.sin(hours / 24 * 2 * np.pi)
    >>> rng = np.random.default_rng(1)
    >>> values = np.stack([day, 2 * day, 20 - day]) * rng.lognormal(0, 0.05, (3, hours.size))
    >>> found = mix("shop", Loads(["a", "b", "c"], 0, 3_600_000, values))
    >>> [one.templates for one in found.clusters], found.by_hour_p_value
    ([('b', 'a'), ('c',)], 0.005)
    """
    hourly, start_ms = _hourly(loads)
    if hourly.shape[1] < HOURS_MIN:
        return NoPattern(Kind.MIX, name, Why.TOO_SHORT, f"{hourly.shape[1]} hours, {HOURS_MIN} are needed")
    if len(loads.templates) < 2 or float(hourly.sum()) <= 0:
        return NoPattern(Kind.MIX, name, Why.CONSTANT, "fewer than two templates carry load")
    order = np.argsort(-hourly.sum(axis=1), kind="stable")[:TEMPLATES_MAX]
    groups = _clusters(hourly[order])
    members = [tuple(loads.templates[order[at]] for at in group) for group in groups]
    table = np.stack([hourly[order[group]].sum(axis=0) for group in groups])
    rest = hourly.sum(axis=0) - table.sum(axis=0)
    if float(rest.sum()) > 1e-9 * float(hourly.sum()):
        table, members = np.concatenate([table, rest[None, :]]), [*members, (REST,)]
    seen = table.sum(axis=0) > 0
    shares = np.divide(table, table.sum(axis=0), out=np.zeros_like(table), where=seen)
    first_hour = int(start_ms // HOUR_MS) % 24
    by_hour, p_value = _by_hour(shares, seen, first_hour)
    clusters = _described(members, table, shares[:, seen], (first_hour + np.flatnonzero(seen)) % 24)
    end_ms = start_ms + (hourly.shape[1] - 1) * HOUR_MS
    evidence = PatternEvidence(start_ms, end_ms, HOUR_MS, int(seen.sum()), p_value, by_hour)
    moves = any(_moved(one, len(clusters)) for one in clusters)
    return Mix(name, clusters, by_hour, p_value, moves, evidence)


def _moved(one: MixCluster, clusters: int) -> bool:
    """A share that moved by more than a little, and not as a random walk would."""
    p_value = one.moved_p_value
    return p_value is not None and p_value * clusters <= MOVED_P_MAX and abs(one.moved) >= MOVED_MIN


def _hourly(loads: Loads) -> tuple[F64, int]:
    """Means of whole hours; an hour in which nobody looked is 0 for all."""
    wide = max(1, HOUR_MS // loads.step_ms)
    skipped = int(-(loads.start_ms // loads.step_ms) % wide)
    count = max(0, (loads.values.shape[1] - skipped) // wide)
    part = loads.values[:, skipped : skipped + count * wide].reshape(len(loads.templates), count, wide)
    is_there = np.isfinite(part)
    sums = np.where(is_there, part, 0.0).sum(axis=2)
    hourly: F64 = sums / np.maximum(is_there.sum(axis=2), 1)
    return hourly, loads.start_ms + skipped * loads.step_ms


def _clusters(values: F64) -> list[list[int]]:
    """The heaviest template begins a cluster of all that are like it; then the heaviest that is left."""
    lengths = np.sqrt((values**2).sum(axis=1))
    unit = values / np.maximum(lengths, 1e-300)[:, None]
    alike = unit @ unit.T
    left = np.flatnonzero(lengths > 0)
    groups: list[list[int]] = []
    while left.size and len(groups) < CLUSTERS_MAX:
        head = int(left[0])
        inside = alike[head, left] >= ALIKE_MIN
        groups.append([int(one) for one in left[inside]])
        left = left[~inside]
    return groups


def _by_hour(every: F64, seen: NDArray[np.bool_], first_hour: int) -> tuple[float | None, float | None]:
    """How much of the mix's variance within days the hour of the day explains, and how often days that begin at any
    hour would have it so (each day is turned by itself, so that what neighbours share stays)."""
    skipped = -first_hour % 24
    days = (every.shape[1] - skipped) // 24
    if days < DAYS_MIN or not bool(seen[skipped : skipped + days * 24].all()):
        return None, None
    table = every[:, skipped : skipped + days * 24].reshape(every.shape[0], days, 24)
    table = table - table.mean(axis=2, keepdims=True)
    total = float((table**2).sum())
    if total <= 0:
        return None, None
    explained = float((table.mean(axis=1) ** 2).sum()) * days / total
    turns = np.random.default_rng(1).integers(0, 24, (SHUFFLES, days))
    places = (np.arange(24) + turns[:, :, None]) % 24
    chance = [float((table[:, np.arange(days)[:, None], at].mean(axis=1) ** 2).sum()) * days / total for at in places]
    p_value = (1 + sum(one >= explained for one in chance)) / (1 + SHUFFLES)
    return explained, p_value


def _described(
    members: Sequence[tuple[str, ...]], table: F64, shares: F64, hours: NDArray[np.int64]
) -> tuple[MixCluster, ...]:
    total = float(table.sum())
    third = shares.shape[1] // 3
    per_hour = np.bincount(hours, minlength=24)
    made = []
    for names, loads, share in zip(members, table, shares, strict=True):
        by_hour = np.bincount(hours, share, 24) / np.maximum(per_hour, 1)
        drift = drift_of(share - by_hour[hours])
        made.append(
            MixCluster(
                templates=names,
                share=float(loads.sum()) / total,
                share_by_hour=tuple(by_hour.tolist()) if bool((per_hour > 0).all()) else (),
                moved=float(share[-third:].mean() - share[:third].mean()),
                moved_p_value=None if drift is None else drift.p_value,
            )
        )
    return tuple(made)
