"""Puts objectives together for a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from trimtab.app.collected import metrics_of
from trimtab.app.config import Config
from trimtab.app.objectives.asking import Asking, StoreAsking
from trimtab.app.objectives.counter import Counter
from trimtab.app.objectives.files import ObjectiveFiles
from trimtab.app.objectives.keeper import Objectives
from trimtab.model.errors import StoreError
from trimtab.model.objectives import Budget
from trimtab.store.metrics.contract import MetricStore
from trimtab.store.objective_state import ObjectiveState
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore


def open_objectives(
    telemetry: TelemetryStore,
    state: State,
    config: Callable[[], Config],
    now_ms: Callable[[], int],
    kept: Path | None = None,
    more: Callable[[], Sequence[str]] = tuple,
) -> Objectives:
    """Objectives of the files that the configuration names, counted from this store; nothing runs yet.

    `kept`: the folder with copies of what was read last and was right. `more`: further files, those of packs.
    """
    files = ObjectiveFiles(lambda: (*config().objectives.files, *more()), now_ms, kept)
    own = metrics_of(telemetry)

    def metrics() -> MetricStore:
        if own is None:
            raise StoreError("this telemetry store keeps no metrics: objectives cannot be counted")
        return own

    asking: Asking = StoreAsking(metrics)
    counter = Counter(telemetry, lambda: asking)
    days = config().retention.objectives_days
    return Objectives(telemetry, ObjectiveState(state.database), files, counter, now_ms, lambda: days)


def budgets_of(objectives: Objectives) -> Callable[[str], Sequence[Budget]]:
    """The error budgets of the objectives that name a system, as guards ask for them."""
    return lambda system: [
        now.budget for now in objectives.standing.objectives.values() if system and now.objective.system == system
    ]
