"""Alerting as the server has it: begun behind the start, because its libraries take a while to load."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.app.alerting.contract import AlertSink, AlertSource
from trimtab.app.own.metrics import Number
from trimtab.model.rule_settings import RulesPolicy

if TYPE_CHECKING:
    from trimtab.app.alerting.rules import Rules
    from trimtab.app.querying import Querying
    from trimtab.app.upstream import Upstream
    from trimtab.store.state_database import StateDatabase

RULES_FOLDER = "rules-kept"
"""In the data directory: copies of rule files as they were read last and were right."""
log = structlog.get_logger()


class Alerting:
    """Rules and other sources of alerts. Thread-safe."""

    def __init__(
        self,
        policy: RulesPolicy,
        querying: Querying,
        upstream: Callable[[], Upstream | None],
        database: StateDatabase,
        url: str,
        sink: AlertSink,
        sources: Sequence[AlertSource],
        kept: Path | None = None,
        more: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._policy, self._querying, self._upstream = policy, querying, upstream
        self._database, self._url, self._sink, self._sources = database, url, sink, sources
        self._kept, self._more = kept, more
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._is_over = False

    def start(self) -> None:
        """Begin to evaluate, in the background."""
        threading.Thread(target=self._begin, name="alerting-start", daemon=True).start()

    def _begin(self) -> None:
        try:
            rules = self.made()
        except Exception as error:  # noqa: BLE001  (told, so that it does not end a thread without a word)
            log.error("alerting_did_not_start", error=repr(error))
            return
        with self._lock:
            if not self._is_over:
                rules.start()

    def made(self) -> Rules:
        """What evaluates; made at the first call."""
        with self._lock:
            if self._rules is None:
                from trimtab.app.alerting.wiring import rules_of

                made = rules_of(
                    self._policy,
                    self._querying,
                    self._upstream,
                    self._database,
                    self._url,
                    sink=self._sink,
                    kept=self._kept,
                    more=self._more,
                )
                for source in self._sources:
                    made.add_source(source)
                self._rules = made
            return self._rules

    @property
    def rules(self) -> Rules | None:
        """What evaluates; None in the first moments after the start."""
        return self._rules

    def warnings(self) -> list[str]:
        """Rule files that are not in force, for people."""
        rules = self._rules
        if rules is None:
            return []
        return [f"rule file: {file.error}" for file in rules.book.files if file.error]

    def numbers(self) -> list[Number]:
        """How it is doing."""
        rules = self._rules
        if rules is None:
            return []
        own = rules.own_recorder
        failing = sum(bool(rule.error) for group in rules.groups for rule in group.rules)
        return [
            Number("trimtab_rule_rounds_total", rules.rounds_count),
            Number("trimtab_rule_evaluations_total", rules.evaluations_count),
            Number("trimtab_rule_rounds_missed_total", rules.missed_count),
            Number("trimtab_rule_round_cpu_seconds", rules.round_cpu_s),
            Number("trimtab_rules", sum(len(group.rules) for group in rules.groups)),
            Number("trimtab_rules_failing", failing),
            Number("trimtab_rule_samples_refused_total", own.refused_count if own else 0),
        ]

    def stop(self) -> None:
        """End with the round that is running. Before the stores are closed."""
        with self._lock:
            self._is_over = True
            rules = self._rules
        if rules is not None:
            rules.stop()
