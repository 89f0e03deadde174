"""Looks for dates of full resources, every hour: asks for what is new of each, draws futures, keeps what is told.

One thread; what is known stands in a `CapacityNow`, which is made as a whole. What-ifs are drawn when they are asked.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trimtab.analyze.capacity.answers import Saturation, SaturationSettings
from trimtab.analyze.capacity.growth import Relation, relation_of
from trimtab.analyze.capacity.saturation import saturation
from trimtab.app.capacity.asking import Asking, aligned, fullest, last_of, load_row, series_of
from trimtab.app.capacity.now import CapacityNow, SystemWorkload, Watched
from trimtab.app.capacity.resources import RESOURCES, Resource
from trimtab.app.capacity.what_if import WhatIf
from trimtab.app.capacity.workload import Workloads
from trimtab.app.events import EventKind
from trimtab.app.forecasting.history import DAY_MS, Block
from trimtab.app.round_thread import YOUNG_S, InRounds, RoundThread
from trimtab.model.capacity_settings import CapacityPolicy
from trimtab.model.errors import TrimtabError
from trimtab.store.capacity_state import CapacityState, ToldDate

if TYPE_CHECKING:
    from trimtab.store.state_database import StateDatabase

FIRST_S = 30.0
"""So long after the start it is looked for the first time."""
STALE_STEPS = 12
"""A series whose newest point is further back is not told of."""
WHAT_IFS_KEPT = 16
Publish = Callable[[EventKind, Mapping[str, object]], None]


class Capacity(InRounds):
    """Start it, read `now`, ask `under` for what-ifs, stop it. `round` is for its thread, and for tests."""

    def __init__(
        self,
        policy: Callable[[], CapacityPolicy],
        database: StateDatabase,
        asking: Callable[[Callable[[], bool]], Asking],
        workloads: Workloads,
        systems: Callable[[], Sequence[str]],
        now_ms: Callable[[], int],
        publish: Publish,
    ) -> None:
        """`asking` makes what is asked; it gets what says whether nobody waits any more."""
        self._policy, self._now_ms, self._publish = policy, now_ms, publish
        self._thread = RoundThread(
            "capacity",
            lambda: self.round(self._now_ms()),
            lambda: self.is_enabled,
            lambda: self.pause_s,
            first_s=FIRST_S,
            rests=True,
        )
        self._asking = asking(self._thread.is_stopping)
        self._workloads, self._systems = workloads, systems
        self.state = CapacityState(database)
        self._now = CapacityNow()
        self._lock, self._what_ifs_lock = threading.Lock(), threading.Lock()
        self._what_ifs: OrderedDict[tuple[int, str], dict[str, Saturation]] = OrderedDict()

    # --- look

    @property
    def now(self) -> CapacityNow:
        """What is known. It is never changed, only replaced."""
        return self._now

    @property
    def is_enabled(self) -> bool:
        """Whether dates are looked for."""
        return self._policy().enabled

    @property
    def pause_s(self) -> float:
        """How long until the next look: less while all that is known is too young."""
        every_s = self._policy().every_s
        is_known = any(one.told.outcome != "too_little" for one in self._now.watched)
        return every_s if is_known else min(every_s, YOUNG_S)

    def under(self, what: WhatIf) -> Mapping[str, Saturation]:
        """The date of every series under an assumption, by its id; those that are asked again are kept a while."""
        now = self._now
        key = (now.at_ms, repr((what.growth, what.on)))
        with self._what_ifs_lock:
            if key not in self._what_ifs:
                settings = settings_of(self._policy())
                self._what_ifs[key] = {
                    one.id: not_before(
                        now.at_ms,
                        saturation(
                            one.series,
                            one.limit,
                            settings,
                            what.of(one.resource, one.name),
                            one.relation,
                            one.resource.nature,
                        ),
                    )
                    for one in now.watched
                }
                while len(self._what_ifs) > WHAT_IFS_KEPT:
                    self._what_ifs.popitem(last=False)
            self._what_ifs.move_to_end(key)
            return self._what_ifs[key]

    # --- do

    def round(self, now_ms: int) -> CapacityNow:
        """Look at everything anew. What cannot be read is said, and keeps nothing else from being looked at."""
        with self._lock:
            return self._round(now_ms)

    def _round(self, now_ms: int) -> CapacityNow:
        policy, began_s = self._policy(), time.monotonic()
        problems: dict[str, str] = {}
        loads = self._loads(policy, now_ms, problems)
        watched: list[Watched] = []
        left_out = 0
        for resource in RESOURCES:
            if self._thread.is_stopping():
                return self._now
            try:
                found, more = self._resource(resource, policy, now_ms, policy.series_max - len(watched), loads)
            except TrimtabError as error:
                problems[resource.title] = error.message
                continue
            watched += found
            left_out += more
        workloads, young = self._ahead(policy, now_ms, problems)
        self.state.keep([_told(one, now_ms) for one in watched])
        self.state.forget(now_ms - policy.kept_days * DAY_MS)
        self._now = CapacityNow(
            now_ms, tuple(watched), workloads, problems, left_out, young, time.monotonic() - began_s
        )
        self._publish(EventKind.CAPACITY, {"at_ms": now_ms})
        return self._now

    def _loads(self, policy: CapacityPolicy, now_ms: int, problems: dict[str, str]) -> dict[str, Block]:
        found = {}
        for which in ("system", "all"):
            try:
                found[which] = self._asking.load(which, policy, now_ms)
            except TrimtabError as error:
                problems["Load"] = error.message
        return found

    def _resource(
        self, resource: Resource, policy: CapacityPolicy, now_ms: int, room: int, loads: Mapping[str, Block]
    ) -> tuple[list[Watched], int]:
        block = self._asking.series(resource, policy, now_ms)
        if not block.subjects:
            return [], 0
        limits = self._asking.limits(resource, policy, block, now_ms)
        rows = [
            (last_of(block.values[row]) / limits[row], row)
            for row in range(len(block.subjects))
            if np.isfinite(limits[row]) and limits[row] > 0 and _is_new(block, row)
        ]
        chosen = fullest(rows, room)
        found = [self._watched(resource, policy, block, row, float(limits[row]), loads) for row in chosen]
        return found, len(rows) - len(chosen)

    def _watched(
        self,
        resource: Resource,
        policy: CapacityPolicy,
        block: Block,
        row: int,
        limit: float,
        loads: Mapping[str, Block],
    ) -> Watched:
        subject = block.subjects[row]
        series = series_of(subject, resource.unit, block, row)
        held = load_row(resource, subject.labels, loads)
        relation = Relation()
        if held is not None:
            load = aligned(block, held[1], held[0])
            relation = relation_of(block.values[row], load, resource.nature)
        told = saturation(series, limit, settings_of(policy))
        return Watched(subject.id, resource, subject.name, subject.labels, series, limit, relation, told)

    def _ahead(
        self, policy: CapacityPolicy, now_ms: int, problems: dict[str, str]
    ) -> tuple[tuple[SystemWorkload, ...], tuple[str, ...]]:
        found: list[SystemWorkload] = []
        young: list[str] = []
        for system in self._systems() if policy.templates else ():
            if self._thread.is_stopping():
                break
            try:
                workload = self._workloads.of(system, policy, now_ms)
            except TrimtabError as error:
                problems[f"Workload of {system}"] = error.message
                continue
            if workload is None:
                young.append(system)
            else:
                found.append(workload)
        return tuple(found), tuple(young)


def settings_of(policy: CapacityPolicy) -> SaturationSettings:
    """What the configuration says of dates. Everything that is looked at grows to its limit."""
    return SaturationSettings(
        range_ratio=policy.range_percent / 100.0, horizon_ms=round(policy.horizon_days * DAY_MS), falling=False
    )


def _is_new(block: Block, row: int) -> bool:
    return bool(np.isfinite(block.values[row, -STALE_STEPS:]).any())


def not_before(at_ms: int, found: Saturation) -> Saturation:
    """What an assumption fills at once is full at the earliest when it was looked at, not since the newest sample."""
    date, earliest, latest = (
        None if one is None else max(one, at_ms) for one in (found.date_ms, found.earliest_ms, found.latest_ms)
    )
    return replace(found, date_ms=date, earliest_ms=earliest, latest_ms=latest)


def _told(one: Watched, at_ms: int) -> ToldDate:
    told = one.told
    return ToldDate(
        one.id,
        at_ms,
        told.outcome,
        told.date_ms,
        told.earliest_ms,
        told.latest_ms,
        told.probability,
        told.current,
        one.limit,
    )
