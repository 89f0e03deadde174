"""A store with metrics of a made-up day, and objectives on it; the clock is the test's."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.store.metrics.scrapes import samples
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.objectives.asking import StoreAsking
from trimtab.app.objectives.board import ObjectiveNow
from trimtab.app.objectives.counter import Counter
from trimtab.app.objectives.files import ObjectiveFiles
from trimtab.app.objectives.keeper import SETTLE_MS, Objectives
from trimtab.store.objective_state import ObjectiveState
from trimtab.store.state import State
from trimtab.store.telemetry import EmbeddedTelemetry

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NOW_MS = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS - HOUR_MS
"""A whole hour, an hour ago: the store takes nothing that is much later than its clock."""
_numbers = itertools.count()


@dataclass
class World:
    """What a test works with. `unique()` makes names that no other test of this store has."""

    telemetry: EmbeddedTelemetry
    state: State
    folder: Path
    now_ms: int = NOW_MS
    opened: list[Objectives] = field(default_factory=list)

    def unique(self, name: str) -> str:
        """A metric's name."""
        return f"{name}_{next(_numbers)}"

    def counter(self, name: str, grown: Sequence[float], labels: Mapping[str, str] | None = None) -> None:
        """A counter that is scraped at every minute up to now, and grew by these in the minute before each."""
        self.gauge(name, np.concatenate([[0.0], np.cumsum(grown)]).tolist(), labels)

    def gauge(self, name: str, values: Sequence[float], labels: Mapping[str, str] | None = None) -> None:
        """Samples at every minute up to now; NaN: none."""
        at_ms = self.now_ms - np.arange(len(values) - 1, -1, -1) * MINUTE_MS
        kept = ~np.isnan(values)
        self.write({"__name__": name, **(labels or {})}, at_ms[kept].tolist(), np.asarray(values)[kept].tolist())

    def write(self, labels: Mapping[str, str], at_ms: Sequence[int], values: Sequence[float]) -> None:
        """Samples of one series."""
        slots = self.telemetry.metrics.register([tuple(sorted(labels.items()))]).slots
        done = self.telemetry.metrics.append(samples(np.repeat(slots, len(at_ms)).tolist(), at_ms, values))
        assert not done.refused, done.first_refusals

    def objectives(self, files: Iterable[Path] = (), text: str = "", history_days: int = 30) -> Objectives:
        """Objectives over this store, nothing counted yet."""
        asking = StoreAsking(lambda: self.telemetry.metrics)
        state = ObjectiveState(self.state.database)
        paths = [str(path) for path in files]
        made = Objectives(
            self.telemetry,
            state,
            ObjectiveFiles(lambda: paths, lambda: self.now_ms),
            Counter(self.telemetry, lambda: asking),
            lambda: self.now_ms,
            lambda: history_days,
        )
        if text:
            made.define(objectives_in(text, "test"))
        return made

    def counted(self, text: str, history_days: int = 30) -> Objectives:
        """The same, with all that there is counted up to now."""
        made = self.objectives(text=text, history_days=history_days)
        settle(made, self.now_ms)
        return made


def settle(objectives: Objectives, now_ms: int) -> None:
    """Rounds until nothing is left to count."""
    for _ in range(100):
        objectives.round(now_ms + SETTLE_MS)
        standing = objectives.standing
        assert standing.error is None
        if all(one.history_ratio == 1.0 for one in standing.objectives.values()):
            return
    raise AssertionError("history does not come to an end")


def only(objectives: Objectives) -> ObjectiveNow:
    """The one objective."""
    (found,) = objectives.standing.objectives.values()
    return found
