"""Query shapes of watched systems as rows for the detector: mean time and calls, slot of time by slot of time; and the
same of all statements of a system together, whose noise is less: traffic that doubles shows there first.

What watchers store is heard of on the loader's thread, and counted here when the keeper's thread comes around. A slot
is over for a system when statements of a later one came, or when it was looked at `LATE_SLOTS` later (then nothing ran,
which is not the same as not being looked at). Mean times are handed over as logarithms: what a query takes varies by
factors.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trimtab.app.detecting.rows import Rows
from trimtab.model.anomalies import SeriesMeasure, SeriesRef, Source
from trimtab.store.metrics.arrays import I32, I64

if TYPE_CHECKING:
    import pyarrow as pa

TABLES_MAX = 500
"""Tables of new facts that may wait; further ones are left out, and counted."""
SLOTS_MAX = 40
"""Slots of a system that are counted at one time; where facts come still later, the oldest are handed over."""
LATE_SLOTS = 2
"""Statements of a look may be loaded so many slots after what says that it was looked."""
MEAN_MS_MIN = 1e-3
UNITS = {SeriesMeasure.MEAN_MS: "ms", SeriesMeasure.CALLS_PER_S: "/s"}
TOTAL = ""
"""The fingerprint of all shapes of a system together."""
Shape = tuple[str, str]
"""System and fingerprint."""


@dataclass(slots=True)
class _Known:
    """Places of a shape; -1 where there was no room."""

    mean: int
    calls: int
    seen_ms: int


@dataclass(slots=True)
class _System:
    """Sums of slots that are not over: by slot, by fingerprint, calls and milliseconds."""

    slots: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    newest: int = -1
    """The slot of which something is known last."""
    done_to: int = -1
    known: dict[str, _Known] = field(default_factory=dict)


class QueryRows:
    """`statements` is for any thread, all else for one. `add` and `remove` as `MetricRows` has them."""

    def __init__(self, interval_ms: int, add: Callable[[I64], I32], remove: Callable[[I32], None]) -> None:
        self._interval_ms, self._add, self._remove = interval_ms, add, remove
        self._waiting: deque[pa.Table] = deque()
        self._looked: dict[str, int] = {}
        self._lock = threading.Lock()
        self._systems: dict[str, _System] = {}
        self._of_place: dict[int, tuple[Shape, SeriesMeasure]] = {}
        self.left_out_count = 0
        """Tables of facts that were too many to wait."""
        self.full_count = 0
        """Shapes for which there was no room, each time they were seen."""

    @property
    def count(self) -> int:
        """Measures of shapes and of systems that are looked at."""
        return len(self._of_place)

    def statements(self, table: pa.Table) -> None:
        """New rows of `query_executions`; quick, never raises."""
        with self._lock:
            if len(self._waiting) >= TABLES_MAX:
                self.left_out_count += 1
                return
            self._waiting.append(table)

    def looks(self, table: pa.Table) -> None:
        """New rows of `query_slices`: systems were looked at, whether or not anything ran. Quick, never raises."""
        ended = zip(table["system"].to_pylist(), table["ended_at_ms"].to_pylist(), strict=True)
        with self._lock:
            for name, ended_ms in ended:
                self._looked[name] = max(self._looked.get(name, 0), ended_ms)

    def take(self) -> Rows:
        """Rows of slots that are over."""
        with self._lock:
            tables, looked = list(self._waiting), self._looked
            self._waiting.clear()
            self._looked = {}
        for table in tables:
            self._count(table)
        for name, ended_ms in looked.items():
            self._note_look(name, ended_ms // self._interval_ms - LATE_SLOTS)
        places: list[int] = []
        at_ms: list[int] = []
        values: list[float] = []

        def put(place: int, when_ms: int, value: float) -> None:
            if place >= 0:
                places.append(place)
                at_ms.append(when_ms)
                values.append(value)

        for name, system in self._systems.items():
            for slot in self._over(system):
                sums = system.slots.pop(slot)
                system.done_to = slot
                end_ms = (slot + 1) * self._interval_ms
                if sums or system.known:
                    calls, spent_ms = (math.fsum(one[part] for one in sums.values()) for part in (0, 1))
                    sums = {TOTAL: [calls, spent_ms], **sums}
                self._welcome(name, system, sums, end_ms)
                for fingerprint, known in system.known.items():
                    calls, spent_ms = sums.get(fingerprint, (0.0, 0.0))
                    put(known.calls, end_ms, calls * 1000 / self._interval_ms)
                    if calls > 0:
                        put(known.mean, end_ms, math.log(max(spent_ms / calls, MEAN_MS_MIN)))
        order = np.argsort(np.array(places, np.int64), kind="stable")
        return Rows(
            np.array(places, np.int32)[order], np.array(at_ms, np.int64)[order], np.array(values, np.float64)[order]
        )

    def _note_look(self, name: str, slot: int) -> None:
        """It was looked at, up to the end of the slot before: where nothing came of it, nothing ran."""
        system = self._systems.get(name)
        if system is None or not system.known:
            return
        for empty in range(max(system.newest, system.done_to + 1, slot - SLOTS_MAX), slot):
            system.slots.setdefault(empty, {})
        system.newest = max(system.newest, slot)

    @staticmethod
    def _over(system: _System) -> list[int]:
        over = sorted(slot for slot in system.slots if slot < system.newest)
        return over if len(system.slots) - len(over) < SLOTS_MAX else sorted(system.slots)[:-1]

    def _count(self, table: pa.Table) -> None:
        import pyarrow as pa

        slots = pa.array(table["ended_at_ms"].to_numpy() // self._interval_ms)
        sums = (
            table.select(["system", "fingerprint", "calls", "total_exec_time_ms"])
            .append_column("slot", slots)
            .group_by(["system", "fingerprint", "slot"])
            .aggregate([("calls", "sum"), ("total_exec_time_ms", "sum")])
        )
        newest = table.group_by("system").aggregate([("ended_at_ms", "max")])
        for name, ended_ms in zip(newest["system"].to_pylist(), newest["ended_at_ms_max"].to_pylist(), strict=True):
            system = self._systems.setdefault(name, _System())
            system.newest = max(system.newest, int(ended_ms) // self._interval_ms)
        for name, fingerprint, slot, calls, total_ms in zip(
            *(sums[column].to_pylist() for column in ("system", "fingerprint", "slot", "calls_sum")),
            sums["total_exec_time_ms_sum"].to_pylist(),
            strict=True,
        ):
            system = self._systems[name]
            if slot > system.done_to:
                counted = system.slots.setdefault(int(slot), {}).setdefault(fingerprint, [0.0, 0.0])
                counted[0] += calls
                counted[1] += total_ms

    def _welcome(self, name: str, system: _System, sums: dict[str, list[float]], at_ms: int) -> None:
        """Places for shapes that are new."""
        fresh = [fingerprint for fingerprint in sums if fingerprint not in system.known]
        if fresh:
            got = self._add(np.full(2 * len(fresh), self._interval_ms, np.int64)).tolist()
            self.full_count += (2 * len(fresh) - len(got) + 1) // 2
            for number in range(len(got) // 2):
                self._learn(name, fresh[number], _Known(got[2 * number], got[2 * number + 1], at_ms))
            if len(got) % 2:
                self._remove(np.array(got[-1:], np.int32))
        for fingerprint in sums:
            known = system.known.get(fingerprint)
            if known is not None:
                known.seen_ms = at_ms

    def _learn(self, system: str, fingerprint: str, known: _Known) -> None:
        self._systems.setdefault(system, _System()).known[fingerprint] = known
        self._of_place[known.mean] = ((system, fingerprint), SeriesMeasure.MEAN_MS)
        self._of_place[known.calls] = ((system, fingerprint), SeriesMeasure.CALLS_PER_S)

    def forget(self, before_ms: int) -> I32:
        """Let go of shapes that were not called since then; the places that they had."""
        places = []
        for system in self._systems.values():
            for fingerprint in [name for name, known in system.known.items() if known.seen_ms < before_ms]:
                known = system.known.pop(fingerprint)
                for place in (known.mean, known.calls):
                    self._of_place.pop(place)
                    places.append(place)
        found = np.array(places, np.int32)
        if len(found):
            self._remove(found)
        before = before_ms // self._interval_ms
        self._systems = {name: one for name, one in self._systems.items() if one.known or one.newest >= before}
        return found

    def ref(self, place: int) -> SeriesRef | None:
        """The measure at a place; None where it is none of these."""
        found = self._of_place.get(place)
        if found is None:
            return None
        (system, fingerprint), measure = found
        is_total = fingerprint == TOTAL
        return SeriesRef(
            f"{system}/{fingerprint}/{measure.value}",
            Source.SYSTEM if is_total else Source.QUERY,
            measure,
            system if is_total else f"{system}/{fingerprint}",
            {"system": system} if is_total else {"system": system, "fingerprint": fingerprint},
            UNITS[measure],
            self._interval_ms,
        )

    def is_logarithm(self, place: int) -> bool:
        """Whether values of that place are logarithms."""
        found = self._of_place.get(place)
        return found is not None and found[1] is SeriesMeasure.MEAN_MS

    def place_of(self, key: str) -> int | None:
        """The place of the measure with a key (as `ref` has it); None where it has none."""
        parts = key.rsplit("/", 2)
        system = self._systems.get(parts[0]) if len(parts) == 3 else None
        known = None if system is None else system.known.get(parts[1])
        if known is None:
            return None
        return {SeriesMeasure.MEAN_MS.value: known.mean, SeriesMeasure.CALLS_PER_S.value: known.calls}.get(parts[2])

    # --- kept over restarts

    def kept(self) -> list[tuple[str, str, int, int, int]]:
        """System, fingerprint, both places, when it was seen last."""
        return [
            (name, fingerprint, one.mean, one.calls, one.seen_ms)
            for name, system in self._systems.items()
            for fingerprint, one in system.known.items()
        ]

    def restore(self, kept: list[tuple[str, str, int, int, int]]) -> None:
        """Go on."""
        for system, fingerprint, mean, calls, seen_ms in kept:
            self._learn(system, fingerprint, _Known(mean, calls, seen_ms))
