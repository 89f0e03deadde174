"""One watched system while the server runs: its watcher, its shapes, its connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import psycopg
import structlog

from trimtab.extend.contracts import Clock
from trimtab.model.policy import WatchPolicy
from trimtab.model.query import QueryShape
from trimtab.model.system import System
from trimtab.observe.postgres.other_trimtab import NAME as OTHER_TRIMTAB
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql.connect import Reference
from trimtab.store.telemetry import TelemetryStore

JOIN_TIMEOUT_S = 10.0
RESTART_S = 10.0
WHAT_IF_TIMEOUT_MS = 5_000
PLAN_LOCK_TIMEOUT_MS = 200

log = structlog.get_logger()


class Watched:
    """Starts and stops the watcher of one system."""

    def __init__(
        self,
        system: System,
        telemetry: TelemetryStore,
        clock: Clock,
        policy: WatchPolicy,
        changed: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """`policy`: how often to look, and what that may cost.

        `changed` hears the system's name whenever it is watched better or worse than before."""
        self.system = system
        self.reference = Reference.parse(system.watch_reference)
        self.watcher = PostgresWatcher(
            *(system.name, self.reference, telemetry, clock, policy.slice_s),
            slow_s=policy.slow_s,
            share_max=policy.cost_share_max,
        )
        self._changed = changed
        self._other: str | None = None
        self.watcher.on_state = self._on_state
        self._telemetry = telemetry
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{system.name}", daemon=True)
        self._stored: dict[str, QueryShape] = {}
        self._known: tuple[int, Mapping[str, QueryShape]] = (-1, {})

    def start(self) -> None:
        """Begin to watch. Shapes of earlier runs are read from the store, so that old slices have their texts."""
        self._stored = {shape.fingerprint: shape for shape in self._telemetry.shapes(self.system.name)}
        self._known = (-1, {})
        self._thread.start()

    def _on_state(self) -> None:
        """Told to whoever looks; of another trimtab the log is told, too, once."""
        other = self.watcher.status().problems.get(OTHER_TRIMTAB)
        if other != self._other:
            self._other = other
            if other is None:
                log.info("alone_again", system=self.system.name)
            else:
                log.warning("another_trimtab", system=self.system.name, problem=other)
        self._changed(self.system.name)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.watcher.run(self._stop)
            except Exception:  # a fault of ours must not end the watch; it is logged, and shown by status
                log.exception("watch_broke", system=self.system.name)
            self._stop.wait(RESTART_S)

    def stop(self) -> None:
        """Stop and wait."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_TIMEOUT_S)

    def shapes(self) -> Mapping[str, QueryShape]:
        """Every shape that is known, by fingerprint: the same mapping until a new one is seen."""
        version, known = self._known
        newest = self.watcher.shapes_version
        if newest != version:
            known = MappingProxyType({**self._stored, **{s.fingerprint: s for s in self.watcher.shapes()}})
            self._known = (newest, known)
        return known

    def connect_to_advise(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A read-only session for plans and what-if."""
        return self.reference.connect(
            "trimtab/advise", read_only=True, statement_timeout_ms=WHAT_IF_TIMEOUT_MS, autocommit=True
        )

    def connect_to_plan(self, analyze_timeout_ms: int) -> psycopg.Connection[tuple[Any, ...]]:
        """A read-only session for one plan; it gives up before a lock keeps others waiting behind it."""
        timeout_ms = max(WHAT_IF_TIMEOUT_MS, analyze_timeout_ms)
        return self.reference.connect(
            "trimtab/plan",
            read_only=True,
            statement_timeout_ms=timeout_ms,
            lock_timeout_ms=PLAN_LOCK_TIMEOUT_MS,
            autocommit=True,
        )
