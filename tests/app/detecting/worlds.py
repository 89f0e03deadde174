"""A store with series in it, a state, and the keeper over both; time is the test's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.app.detecting.keeper import Anomalies
from trimtab.model.anomalies import AnomalyEpisode
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.store.anomaly_state import AnomalyState, Sort, Wanted
from trimtab.store.metrics.contract import Metadata, Samples
from trimtab.store.metrics.store import EmbeddedMetrics
from trimtab.store.state_database import StateDatabase

STEP_MS = 15_000


@dataclass
class World:
    """What a test has in its hands."""

    metrics: EmbeddedMetrics
    folder: Path
    now_ms: int
    policy: AnomaliesPolicy = field(default_factory=lambda: AnomaliesPolicy(leave_out=()))
    database: StateDatabase | None = None
    anomalies: Anomalies | None = None

    def begin(self) -> Anomalies:
        """The server starts (again)."""
        self.database = StateDatabase(self.folder / "state.db")
        self.anomalies = Anomalies(
            lambda: self.policy,
            lambda: self.metrics,
            AnomalyState(self.database),
            lambda: self.now_ms,
            self.folder / "anomalies.state",
        )
        return self.anomalies

    def end(self, *, saves: bool = True) -> None:
        """It stops; `saves` False: it is killed."""
        assert self.anomalies is not None
        assert self.database is not None
        if saves:
            self.anomalies.save()
        self.database.close()
        self.anomalies = self.database = None

    def write(
        self, name: str, at_ms: NDArray[np.int64], values: NDArray[np.float64], kind: str = "gauge", **labels: str
    ) -> None:
        """Samples of one series, as they would be received."""
        pairs = tuple(sorted({"__name__": name, **labels}.items()))
        slot = self.metrics.register([pairs]).slots[0]
        slots = np.full(len(at_ms), slot, np.int32)
        told = [Metadata(name, kind, "", "")]  # type: ignore[arg-type]
        self.metrics.append(Samples(slots, at_ms, np.asarray(values, np.float64), metadata=told))

    def tick(self) -> None:
        """The keeper comes around."""
        assert self.anomalies is not None
        self.anomalies.tick(self.now_ms)

    def episodes(self, **wanted: object) -> list[AnomalyEpisode]:
        """Those that fit, newest first."""
        assert self.anomalies is not None
        asked = replace(Wanted(), **wanted)  # type: ignore[arg-type]
        return self.anomalies.state.find(asked, Sort.NEWEST, self.now_ms, 100)[1]


def history(now_ms: int, count: int, step_ms: int = STEP_MS) -> NDArray[np.int64]:
    """Times of samples up to now."""
    return np.arange(now_ms - (count - 1) * step_ms, now_ms + 1, step_ms, dtype=np.int64)


def steady(count: int, level: float = 10.0, seed: int = 1) -> NDArray[np.float64]:
    """What goes on as always."""
    return np.random.default_rng(seed).normal(level, level / 20, count)


@contextmanager
def world_of(
    metrics: EmbeddedMetrics, folder: Path, now_ms: int, policy: Mapping[str, object] | None = None
) -> Iterator[World]:
    """A world that has begun; closed at the end."""
    settings = AnomaliesPolicy(**{"leave_out": (), **(policy or {})})  # type: ignore[arg-type]
    world = World(metrics, folder, now_ms, settings)
    world.begin()
    try:
        yield world
    finally:
        if world.anomalies is not None:
            world.end()
