"""Puts trimtab's dashboards, its data sources and its alerting rules into a user's Grafana, as the settings say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from trimtab.analyze.rules.rule_files import Group
from trimtab.app.dashboards.library import builtin
from trimtab.app.notify.secrets import of_setting
from trimtab.extend.dashboards import (
    DASHBOARD_SERVERS,
    DashboardServer,
    Place,
    Pushed,
    PushOutcome,
    RuleWish,
    ServerRefused,
    SourceWish,
)
from trimtab.extend.registry import load
from trimtab.model.errors import InputError, NotFound
from trimtab.model.grafana_settings import GrafanaPolicy

METRICS_UID, TRACES_UID = "trimtab", "trimtab-traces"
RULES_MAX = 1_000
Factory = Callable[[Place], DashboardServer]


@dataclass(frozen=True, slots=True)
class PushReport:
    """What became of each thing, and where."""

    url: str
    folder: str
    items: Sequence[Pushed]

    @property
    def failed_count(self) -> int:
        """How many could not be put there."""
        return sum(one.outcome is PushOutcome.FAILED for one in self.items)


def grafana_factory() -> Factory:
    """How a connection is made."""
    found: Factory = load(DASHBOARD_SERVERS)["grafana"]
    return found


def place_of(policy: GrafanaPolicy) -> Place:
    """Where things are put; InputError where no Grafana is configured."""
    if not policy.url:
        raise InputError("no Grafana is configured: set grafana.url and grafana.token", field="grafana.url")
    reference = of_setting(policy.token)
    return Place(
        policy.url.rstrip("/"),
        (lambda: "") if reference is None else reference.read,
        policy.folder_uid,
        policy.folder,
        policy.timeout_s,
        policy.ca_file,
    )


def push(
    policy: GrafanaPolicy,
    own_url: str,
    groups: Sequence[Group],
    *,
    uids: Sequence[str] = (),
    overwrite: bool = False,
    factory: Factory | None = None,
    more: Mapping[str, bytes] | None = None,
) -> PushReport:
    """Put everything there; what fails is told, and the rest goes on. `uids`: only these dashboards."""
    chosen = _documents(uids, more or {})
    server = (factory or grafana_factory())(place_of(policy))
    items: list[Pushed] = []
    try:
        items.append(_tried("folder", policy.folder, server.ensure_folder))
        if items[0].outcome is PushOutcome.FAILED:
            return PushReport(policy.url, policy.folder, items)
        items += [
            _tried("data source", wish.name, partial(server.ensure_source, wish))
            for wish in sources_of(policy, own_url)
        ]
        items += [
            _tried("dashboard", str(one.get("title", "")), partial(server.push_dashboard, one, overwrite=overwrite))
            for one in chosen
        ]
        if policy.alert_rules and not uids:
            items += [
                _tried("alert rule", rule.title, partial(server.push_rule, rule, overwrite=overwrite))
                for rule in rules_of(groups)
            ]
    finally:
        server.close()
    return PushReport(policy.url, policy.folder, items)


def sources_of(policy: GrafanaPolicy, own_url: str) -> list[SourceWish]:
    """The data sources: metrics in Prometheus' way, traces in Jaeger's."""
    url = (policy.source_url or own_url).rstrip("/")
    reference = of_setting(policy.source_token)
    authorization = "" if reference is None else f"Bearer {reference.read()}"
    return [
        SourceWish(METRICS_UID, "trimtab", "prometheus", url, authorization),
        SourceWish(TRACES_UID, "trimtab traces", "jaeger", f"{url}/jaeger", authorization),
    ]


def rules_of(groups: Sequence[Group]) -> Iterator[RuleWish]:
    """Alerting rules; of several with one name each has a number. The uid stays when other groups come and go."""
    seen: dict[str, int] = {}
    count = 0
    for group in groups:
        here: dict[str, int] = {}
        for rule in group.rules:
            if not rule.is_alert:
                continue
            count += 1
            if count > RULES_MAX:
                return
            number = seen[rule.name] = seen.get(rule.name, 0) + 1
            nth = here[rule.name] = here.get(rule.name, 0) + 1
            title = rule.name if number == 1 else f"{rule.name} {number}"
            digest = hashlib.sha256(f"{group.name}/{rule.name}/{nth}".encode()).hexdigest()[:12]
            words = re.sub(r"[^a-zA-Z0-9_-]", "-", rule.name)[:20]
            yield RuleWish(
                uid=f"tt-{words}-{digest}",
                title=title,
                group=group.name,
                expression=rule.expr,
                for_ms=rule.for_ms,
                labels=dict(rule.labels),
                annotations=dict(rule.annotations),
                source_uid=METRICS_UID,
            )


def _documents(uids: Sequence[str], more: Mapping[str, bytes]) -> list[Mapping[str, object]]:
    """The dashboards that are put there: those that come with trimtab, or those that were named."""
    known = {uid: data for uid, (_, data) in builtin().items()}
    if not uids:
        return [json.loads(data) for data in known.values()]
    everything = {**more, **known}
    for uid in uids:
        if uid not in everything:
            raise NotFound(f"there is no dashboard {uid[:80]!r}", uid=uid[:80])
    return [json.loads(everything[uid]) for uid in uids]


def _tried(kind: str, name: str, work: Callable[[], Pushed]) -> Pushed:
    try:
        return work()
    except ServerRefused as error:
        return Pushed(kind, name, PushOutcome.FAILED, error.message)
