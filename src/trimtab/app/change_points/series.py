"""Which live series are looked at, and the load that belongs to a latency: what pages show charts of, and what a person
names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.app.forecasting.families import FAMILIES, Family, named_family
from trimtab.app.forecasting.history import DAY_MS, MINUTE_MS, Block, Source
from trimtab.app.forecasting.subjects import Subject
from trimtab.model.change_point_settings import ChangePointsPolicy
from trimtab.stats.time_series import TimeSeries

STEP_MS, STEP_YOUNG_MS = 5 * MINUTE_MS, MINUTE_MS
POINTS_ENOUGH = 60
"""Where no series has so many points by five minutes, they are looked at by the minute."""
POINTS_YOUNG = 360
POINTS_MIN = 20
_MEASURES = {"system": ("mean_ms", "calls_per_s", "sessions_active"), "shape": ("mean_ms", "calls_per_s")}
_WANTED = (
    "system",
    "shape",
    "service_p95",
    "service_rate",
    "host_cpu",
    "host_memory",
    "host_disk",
    "postgres_connections",
)
LOADS: Mapping[str, str] = {"service_p95": "service_rate"}
"""Families of latencies whose load is another family, by the same labels."""


def families(policy: ChangePointsPolicy) -> list[Family]:
    """In the order in which they get their share of `series_max`: what a person named comes first."""
    known = {family.name: family for family in FAMILIES}
    named = [named_family(number, query) for number, query in enumerate(policy.queries, 1)]
    ours = [known[name] for name in _WANTED]
    return [*named, *(replace(one, measures=_MEASURES.get(one.name, one.measures)) for one in ours)]


def block_of(source: Source, now_ms: int, policy: ChangePointsPolicy) -> Block:
    """The history of a family: by five minutes, of a young one by the minute."""
    count = int(policy.history_days * DAY_MS / STEP_MS)
    newest_ms = source.newest_ms(now_ms, STEP_MS)
    block = source.read(newest_ms - (count - 1) * STEP_MS, count, STEP_MS)
    if not block.subjects or int(np.isfinite(block.values).sum(axis=1).max()) >= POINTS_ENOUGH:
        return block
    newest_ms = source.newest_ms(now_ms, STEP_YOUNG_MS)
    return source.read(newest_ms - (POINTS_YOUNG - 1) * STEP_YOUNG_MS, POINTS_YOUNG, STEP_YOUNG_MS)


@dataclass(frozen=True, slots=True)
class Looked:
    """One series of a round, and the load that its latency may depend on."""

    subject: Subject
    series: TimeSeries
    load: TimeSeries | None = None


def series_of(blocks: Sequence[Block], room: int) -> list[Looked]:
    """Series with enough points, at most `room`, each latency with its load."""
    whole: dict[str, TimeSeries] = {}
    subjects: list[Subject] = []
    for block in blocks:
        at_ms = block.start_ms + np.arange(block.values.shape[1], dtype=np.int64) * block.step_ms
        for subject, values in zip(block.subjects, block.values, strict=True):
            whole[subject.id] = TimeSeries(subject.id, at_ms, values, subject.unit)
            if np.isfinite(values).sum() >= POINTS_MIN:
                subjects.append(subject)
    by_labels = {(one.family.name, tuple(sorted(one.labels.items()))): one.id for one in subjects}
    return [Looked(one, whole[one.id], whole.get(_load_of(one, by_labels))) for one in subjects[:room]]


def _load_of(one: Subject, by_labels: Mapping[tuple[str, tuple[tuple[str, str], ...]], str]) -> str:
    """The id of the series that is the load of this one; '' where none is."""
    if one.id.endswith("/mean_ms"):
        return one.id.removesuffix("mean_ms") + "calls_per_s"
    return by_labels.get((LOADS.get(one.family.name, ""), tuple(sorted(one.labels.items()))), "")
