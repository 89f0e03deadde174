"""The stack of a server: where its values, alerts and other parts are asked."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.app.dashboards.last_push import last_push
from trimtab.app.stack.answers import PartRow
from trimtab.app.stack.reading import StackConfig
from trimtab.app.stack.rows import Answer
from trimtab.app.stack.stack import Around, Stack
from trimtab.app.stack.surroundings import surroundings_of
from trimtab.model.alerts import AlertState
from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.app.service import Service

PATIENCE_S = 10.0


def stack_of(service: Service) -> Stack:
    """What a service has as `stack`."""
    return Stack(
        Around(
            state=service.state,
            packs=service.packs,
            ask=lambda queries: _asked(service, queries),
            alert_states=lambda: _alert_states(service),
            parts=lambda config, is_new: _parts(service, config, is_new=is_new),
            surroundings=lambda config: surroundings_of(service, config),
            now_ms=service.now_ms,
        )
    )


def _asked(service: Service, queries: Sequence[str]) -> list[Answer]:
    from trimtab.app.exploring.answers import Trouble
    from trimtab.app.exploring.explorer import Explorer

    explorer = Explorer(service.querying, lambda: service.upstream)
    found: list[Answer] = []
    for answer in explorer.instants(queries, service.now_ms(), PATIENCE_S):
        if answer is None:
            found.append(f"no answer within {PATIENCE_S:g} s")
        elif isinstance(answer, Trouble):
            found.append(answer.message)
        else:
            rows = [(row.labels, row.value) for row in answer.rows if row.value is not None]
            found.append([(dict(labels), value) for labels, value in rows if math.isfinite(value)])
    return found


def _alert_states(service: Service) -> Mapping[str, str]:
    rules = service.alerting.rules
    if rules is None:
        return {}
    states: dict[str, str] = {}
    for state in (AlertState.PENDING, AlertState.FIRING):
        states |= {alert.name: state.value for alert in rules.machine.alerts(state)}
    return states


def _parts(service: Service, config: StackConfig, *, is_new: bool) -> list[PartRow]:
    """Collectors, who is told, dashboards; what was not wanted is no row. `is_new`: a Grafana gets them now."""
    makers: list[Callable[[], PartRow]] = [lambda: _host(service), lambda: _systems(service)]
    if config.wants_notification:
        makers.append(lambda: _notification(service))
    if config.wants_dashboards:
        makers += [lambda: _dashboards(service), lambda: _grafana(service, is_new=is_new)]
    return [make() for make in makers]


def _host(service: Service) -> PartRow:
    host = service.infrastructure.host
    wanted = service.config.host.collect
    detail = (
        f"every {service.config.host.interval_s:g} s"
        if wanted
        else "host.collect is false: node_exporter's series may come from elsewhere"
    )
    return PartRow("collector of this machine", wanted and not host.problem, host.problem or detail)


def _systems(service: Service) -> PartRow:
    names = [status.system for status in service.watch_statuses()]
    told = f"watched: {', '.join(names)}" if names else "no system is watched: trimtab watch DSN"
    return PartRow("collector of databases", bool(names), told)


def _notification(service: Service) -> PartRow:
    told = "receivers and Alertmanagers of [notify]"
    if not service.notify.has_receivers:
        told = "nobody is told: name [notify] routes or alertmanagers; alerts are on the page and in the API"
    return PartRow("notification", service.notify.has_receivers, told)


def _dashboards(service: Service) -> PartRow:
    count = sum(row.origin == "built-in" for row in service.dashboards.listed())
    return PartRow("dashboards", count > 0, f"{count} that come with trimtab, on its own pages")


def _grafana(service: Service, *, is_new: bool) -> PartRow:
    name, url = "dashboards in Grafana", service.config.grafana.url
    if not url:
        return PartRow(name, False, "no Grafana is configured: grafana.url, grafana.token")
    if is_new:
        with contextlib.suppress(TrimtabError):  # it is kept, and told below
            service.push_dashboards()
    last = last_push(service.state, url)
    if last is None:
        return PartRow(name, False, f"{url}: nothing was put there yet: 'trimtab dashboards push' does it")
    again = "" if is_new else "; 'trimtab dashboards push' does it again"
    return PartRow(name, not last.failed, f"{url}, {last.told}{again}")
