"""What is wrong with this server as it stands, for a banner, the log and `trimtab status`: each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from trimtab.app.policies import Policies
from trimtab.app.settings import did_you_mean
from trimtab.store.facts import TelemetryStatus
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

log = structlog.get_logger()


def unknown_targets(targets: Mapping[str, object], systems: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each section of the file that is for a system which nobody watches: nothing in it counts.

    >>> unknown_targets({"shp": {}, "shop": {}}, ["shop"])[0].partition(" is watched")[2]
    ' (did you mean shop?): nothing of it is in force'
    """
    known = tuple(systems)
    return tuple(
        f'the configuration file has [target."{name}"], and no system of that name is watched'
        f"{did_you_mean(name, known) if known else ''}: nothing of it is in force"
        for name in sorted(set(targets) - set(known))
    )


class WrongNow:
    """Asked afresh each time. Thread-safe."""

    def __init__(self, policies: Policies, telemetry: TelemetryStore, state: State) -> None:
        self._policies = policies
        self._telemetry = telemetry
        self._state = state
        self._said: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """What a person should mend before anything else."""
        broken = self._state.chain.now().broken
        store = self._telemetry.status()
        absent = tuple(f"{one}; what is shown of spans, logs and metrics is partial" for one in store.absent_shards)
        return (*(() if broken is None else (broken,)), *_no_room(store), *self._unknown_targets(), *absent)

    def _unknown_targets(self) -> tuple[str, ...]:
        return unknown_targets(self._policies.file.config.targets, (system.name for system in self._state.systems()))

    def say_unknown_targets(self) -> None:
        """Into the log: once each, as long as it stays so."""
        unknown = self._unknown_targets()
        for sentence in unknown:
            if sentence not in self._said:
                log.warning("target_unknown", problem=sentence)
        self._said = unknown


def _no_room(store: TelemetryStatus) -> tuple[str, ...]:
    if store.full is None:
        return ()
    consequence = f"{store.refused_full_count} messages were refused since the start; make room: it goes on by itself"
    return (f"nothing is taken of what is sent or measured: {store.full} ({consequence})",)
