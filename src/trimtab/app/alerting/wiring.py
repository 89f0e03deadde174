"""Puts the parts of alerting together for a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.analyze.rules.asking import StoreAsker
from trimtab.analyze.rules.results import Surroundings
from trimtab.app.alerting.contract import AlertSink
from trimtab.app.alerting.elsewhere import HereOrElsewhere
from trimtab.app.alerting.machine import AlertClock, AlertMachine, SystemClock
from trimtab.app.alerting.recorder import StoreRecorder
from trimtab.app.alerting.rule_book import RuleBook
from trimtab.app.alerting.rules import Rules
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.rule_settings import RulesPolicy
from trimtab.store.alerts import AlertBook
from trimtab.store.promql.options import Options

if TYPE_CHECKING:
    from trimtab.app.querying import Querying
    from trimtab.app.upstream import Upstream
    from trimtab.store.state_database import StateDatabase

QUERY_TIMEOUT_S = 60.0


def rules_of(
    policy: RulesPolicy,
    querying: Querying,
    upstream: Callable[[], Upstream | None],
    database: StateDatabase,
    url: str,
    *,
    sink: AlertSink | None = None,
    changed: Callable[[], None] = lambda: None,
    clock: AlertClock | None = None,
    kept: Path | None = None,
    more: Callable[[], Sequence[str]] = tuple,
) -> Rules:
    """What is evaluated in a server; nothing runs before `start`. Rules read and write where queries are asked.

    `kept`: the folder with copies of files as they were read last and were right. `more`: further files.
    """
    clock = clock or SystemClock()
    recorder = StoreRecorder(lambda: querying.store)
    asker = StoreAsker(
        lambda: querying.store, lambda: Options(is_left_open=querying.is_left_open, timeout_s=QUERY_TIMEOUT_S)
    )
    place = HereOrElsewhere((asker, recorder), upstream)
    labels = dict(text.split("=", 1) for text in policy.external_labels)
    return Rules(
        RuleBook(policy.files, clock.now_ms, KeptTexts(kept), more),
        place,
        place,
        AlertMachine(AlertBook(database), clock, sink),
        Surroundings(labels, url.rstrip("/")),
        interval_ms=int(policy.evaluation_interval_s * 1000),
        now_ms=clock.now_ms,
        changed=changed,
        recorder_of_own=recorder,
    )
