"""What is asked of a server for a round: series of resources, their limits, the load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trimtab.app.capacity.resources import LOAD_QUERIES, OWN_DISK, Resource
from trimtab.app.forecasting.families import Family
from trimtab.app.forecasting.history import DAY_MS, Block, History
from trimtab.app.forecasting.sources import PromqlSource, limits_of
from trimtab.app.forecasting.subjects import Subject
from trimtab.stats.time_series import F64, TimeSeries

if TYPE_CHECKING:
    from trimtab.app.capacity.own_disk import OwnDisk
    from trimtab.app.querying import Querying
    from trimtab.model.capacity_settings import CapacityPolicy

Labels = tuple[tuple[str, str], ...]
LOAD_SERIES_MAX = 1_000


@dataclass(slots=True)
class Asking:
    """For one thread at a time. Histories are kept from round to round, so that only what is new is asked for."""

    querying: Querying
    own_disk: OwnDisk
    cancelled: Callable[[], bool]
    histories: dict[str, History] = field(default_factory=dict)

    def series(self, resource: Resource, policy: CapacityPolicy, now_ms: int) -> Block:
        """The series of one resource. TrimtabError where they cannot be read."""
        if resource.name == OWN_DISK:
            return self.own_disk.block(resource, now_ms)
        return self._block(resource.name, resource.title, resource.query, policy, now_ms)

    def load(self, which: str, policy: CapacityPolicy, now_ms: int) -> Block:
        """The calls a second of each system, or of all."""
        return self._block(f"load {which}", "Calls", LOAD_QUERIES[which], policy, now_ms)

    def _block(self, name: str, title: str, query: str, policy: CapacityPolicy, now_ms: int) -> Block:
        history = self.histories.setdefault(name, History())
        source = PromqlSource(Family(name, title, "", "host", query), self.querying, self.cancelled)
        room = max(policy.series_max, LOAD_SERIES_MAX)
        return history.bring(source, now_ms, round(policy.history_days * DAY_MS), room)

    def limits(self, resource: Resource, policy: CapacityPolicy, block: Block, now_ms: int) -> F64:
        """The limit of each series of a block, float64[series]; NaN where none is known."""
        share = float(getattr(policy, resource.percent)) / 100.0 if resource.percent else 1.0
        count = len(block.subjects)
        if resource.name == OWN_DISK:
            return np.full(count, self.own_disk.limit_bytes or np.nan)
        if resource.is_on_disk:
            return self._on_disk(policy, block, now_ms) * share
        if not resource.limit_query:
            return np.full(count, resource.limit * share)
        found = limits_of(self.querying, resource.limit_query, now_ms, self.cancelled)
        whole = [found.get(tuple(sorted(one.labels.items())), np.nan) for one in block.subjects]
        return np.array(whole, np.float64) * share

    def _on_disk(self, policy: CapacityPolicy, block: Block, now_ms: int) -> F64:
        """What a series has now, and what is left on the file system of its system."""
        wanted = dict(disk_of(entry) for entry in policy.disks)
        found = np.full(len(block.subjects), np.nan)
        if not wanted:
            return found
        left = {
            (dict(labels).get("instance", ""), dict(labels).get("mountpoint", "")): free
            for labels, free in limits_of(
                self.querying, "max by (instance, mountpoint) (node_filesystem_avail_bytes)", now_ms, self.cancelled
            ).items()
        }
        for row, one in enumerate(block.subjects):
            place = wanted.get(one.labels.get("instance", ""))
            if place in left:
                found[row] = last_of(block.values[row]) + left[place]
        return found


def disk_of(entry: str) -> tuple[str, tuple[str, str]]:
    """System, and instance with mount point, of an entry of `capacity.disks`.

    >>> disk_of("shop=db1:9100 /data")
    ('shop', ('db1:9100', '/data'))
    """
    system, _, rest = entry.partition("=")
    instance, _, mountpoint = rest.strip().partition(" ")
    return system.strip(), (instance, mountpoint.strip())


def last_of(values: F64) -> float:
    """The newest that is known, NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else float("nan")


def series_of(subject: Subject, unit: str, block: Block, row: int) -> TimeSeries:
    """One row of a block, without what is missing."""
    values = block.values[row]
    known = np.isfinite(values)
    at_ms = block.start_ms + np.flatnonzero(known).astype(np.int64) * block.step_ms
    return TimeSeries(subject.name or subject.family.title, at_ms, values[known], unit)


def aligned(block: Block, row: int, other: Block) -> F64:
    """A row of `other` at the moments of `block` (float64[points]); NaN where it has none."""
    found = np.full(block.values.shape[1], np.nan)
    places = (block.start_ms + np.arange(block.values.shape[1]) * block.step_ms - other.start_ms) // other.step_ms
    inside = (places >= 0) & (places < other.values.shape[1])
    found[inside] = other.values[row, places[inside]]
    return found


def load_row(resource: Resource, labels: Mapping[str, str], blocks: Mapping[str, Block]) -> tuple[Block, int] | None:
    """Which load a series is held against."""
    block = blocks.get(resource.load)
    if block is None:
        return None
    for row, one in enumerate(block.subjects):
        if resource.load == "all" or one.labels.get("instance") == labels.get("instance"):
            return block, row
    return None


def fullest(rows: Sequence[tuple[float, int]], room: int) -> list[int]:
    """Which rows are looked at, where there is room for so many: those that are fullest (share of their limit)."""
    return sorted(row for _, row in sorted(rows, reverse=True)[:room])
