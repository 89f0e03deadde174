"""Every route of the page in one table: path, methods, who may, and the function that answers.

The guard of the server reads this table too, and the table of routes by role in the documentation is made from it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from trimtab.app.doors import BODY_BYTES_MAX, TARGET_BYTES_MAX
from trimtab.model.access import Permission
from trimtab.web import ahead, events, exemplars, series
from trimtab.web.forms import FORM_BYTES_MAX
from trimtab.web.pages import (
    changes,
    frame,
    freeze,
    indexes,
    ledger,
    login,
    overview,
    own,
    queries,
    query,
    query_advice,
)
from trimtab.web.pages.alerts import listing as alerts_listing
from trimtab.web.pages.alerts import one as alerts_one
from trimtab.web.pages.alerts import silences as alerts_silences
from trimtab.web.pages.analysis import anomalies as analysis_anomalies
from trimtab.web.pages.analysis import anomaly as analysis_anomaly
from trimtab.web.pages.analysis import capacity as analysis_capacity
from trimtab.web.pages.analysis import change_point as analysis_change_point
from trimtab.web.pages.analysis import change_points as analysis_change_points
from trimtab.web.pages.analysis import forecasts as analysis_forecasts
from trimtab.web.pages.analysis import patterns as analysis_patterns
from trimtab.web.pages.cases import decisions, listing
from trimtab.web.pages.cases import page as case_page
from trimtab.web.pages.clouds import page as clouds_page
from trimtab.web.pages.dashboards import ahead as dashboards_ahead
from trimtab.web.pages.dashboards import data as dashboards_data
from trimtab.web.pages.dashboards import listing as dashboards_listing
from trimtab.web.pages.dashboards import one as dashboards_one
from trimtab.web.pages.explore import page as explore_page
from trimtab.web.pages.infrastructure import containers as infrastructure_containers
from trimtab.web.pages.infrastructure import host as infrastructure_host
from trimtab.web.pages.infrastructure import hosts as infrastructure_hosts
from trimtab.web.pages.logs import download as logs_download
from trimtab.web.pages.logs import page as logs_page
from trimtab.web.pages.logs import record as logs_record
from trimtab.web.pages.logs import tail as logs_tail
from trimtab.web.pages.objectives import listing as objectives_listing
from trimtab.web.pages.objectives import page as objectives_page
from trimtab.web.pages.quality import cost as quality_cost
from trimtab.web.pages.quality import listing as quality_listing
from trimtab.web.pages.quality import pipelines as quality_pipelines
from trimtab.web.pages.quality import probe as quality_probe
from trimtab.web.pages.quality import satisfaction as quality_satisfaction
from trimtab.web.pages.settings import monitoring, people, policy, systems, tokens, you
from trimtab.web.pages.settings import page as settings_page
from trimtab.web.pages.traces import listing as traces_listing
from trimtab.web.pages.traces import map_page, one, service
from trimtab.web.pages.traces import words as trace_words
from trimtab.web.render import static_files, warm_up

if TYPE_CHECKING:
    from trimtab.app.service import Service


@dataclass(frozen=True, slots=True)
class Page:
    """One route. `permission` None: open to everybody. `action` is its name in the audit, where it does something ("":
    it writes to the audit itself).

    `answer` draws a page on a worker thread; `raw` makes an endpoint of its own instead.
    """

    path: str
    methods: tuple[str, ...]
    permission: Permission | None
    answer: frame.Page | None = None
    raw: Callable[[Service], frame.Endpoint] | None = None
    action: str | None = None
    target_bytes_max: int = TARGET_BYTES_MAX
    form_bytes_max: int = FORM_BYTES_MAX
    takes_files: bool = False

    @property
    def body_bytes_max(self) -> int:
        """What the guard lets through: a form that is a little too long hears it from the page."""
        return max(BODY_BYTES_MAX, 2 * self.form_bytes_max)


GET, POST = ("GET",), ("POST",)
QUERIES_BYTES_MAX = 24 * 1024
"""Of an address with queries in it; htmx sends it a second time in a header, and both have to fit into 64 KiB."""
LOOK, DECIDE, ADMINISTER = Permission.LOOK, Permission.DECIDE, Permission.ADMINISTER

PAGES: tuple[Page, ...] = (
    Page("/", GET, LOOK, overview.overview),
    Page("/alerts", GET, LOOK, alerts_listing.alerts),
    Page("/alerts/silences", POST, DECIDE, alerts_silences.make, action="silence add"),
    Page("/alerts/silences/end", POST, DECIDE, alerts_silences.end, action="silence end"),
    Page("/alerts/{alert_id}", GET, LOOK, alerts_one.one),
    Page("/queries", GET, LOOK, queries.queries),
    Page("/indexes", GET, LOOK, indexes.indexes),
    Page("/queries/{system:path}/{fingerprint}/advice", GET, LOOK, query_advice.query_advice),
    Page("/queries/{system:path}/{fingerprint}/advice", POST, DECIDE, query_advice.ask, action="advice ask"),
    Page("/queries/{system:path}/{fingerprint}/plan", POST, DECIDE, query.plan_now, action="plan_now"),
    Page("/queries/{system:path}/{fingerprint}", GET, LOOK, query.query),
    Page("/anomalies", GET, LOOK, analysis_anomalies.anomalies),
    Page("/anomalies/{episode_id}", GET, LOOK, analysis_anomaly.anomaly),
    Page("/anomalies/{episode_id}/normal", POST, DECIDE, analysis_anomaly.normal, action="anomaly normal"),
    Page(
        "/anomalies/normal/{normal_id}/take-back", POST, DECIDE, analysis_anomaly.take_back, action="anomaly not normal"
    ),
    Page("/patterns", GET, LOOK, analysis_patterns.patterns),
    Page("/change-points", GET, LOOK, analysis_change_points.change_points),
    Page("/change-points/{change_point_id}", GET, LOOK, analysis_change_point.change_point),
    Page(
        "/change-points/{change_point_id}/not-a-change",
        POST,
        DECIDE,
        analysis_change_point.dismiss,
        action="no change point",
    ),
    Page(
        "/change-points/{change_point_id}/take-back",
        POST,
        DECIDE,
        analysis_change_point.take_back,
        action="change point after all",
    ),
    Page("/forecasts", GET, LOOK, analysis_forecasts.forecasts_page),
    Page("/capacity", GET, LOOK, analysis_capacity.capacity),
    Page("/explore", GET, LOOK, explore_page.explore, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/explore/words", GET, LOOK, explore_page.completion_words),
    Page("/logs", GET, LOOK, logs_page.logs, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/logs/download", GET, LOOK, raw=logs_download.endpoint, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/logs/tail", GET, LOOK, raw=logs_tail.endpoint, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/logs/{record_id}", GET, LOOK, logs_record.record, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/traces", GET, LOOK, traces_listing.traces),
    Page("/traces/words", GET, LOOK, trace_words.completion_words),
    Page("/traces/map", GET, LOOK, map_page.service_map),
    Page("/traces/services/{service:path}", GET, LOOK, service.service),
    Page("/traces/{trace_id}", GET, LOOK, one.trace),
    Page("/traces/{trace_id}/spans", GET, LOOK, one.spans),
    Page("/traces/{trace_id}/having", GET, LOOK, one.having),
    Page("/objectives", GET, LOOK, objectives_listing.objectives),
    Page("/objectives/{name}", GET, LOOK, objectives_page.objective),
    Page("/objectives/{name}/exclusions", POST, DECIDE, objectives_page.exclude_time, action="objective exclude"),
    Page("/objectives/{name}/reset", POST, DECIDE, objectives_page.reset, action="objective reset"),
    Page(
        "/objectives/{name}/exclusions/{exclusion_id}/remove",
        POST,
        DECIDE,
        objectives_page.include,
        action="objective include",
    ),
    Page("/dashboards", GET, LOOK, dashboards_listing.dashboards),
    Page(
        "/dashboards",
        POST,
        DECIDE,
        dashboards_listing.bring,
        action="dashboard import",
        form_bytes_max=dashboards_listing.FORM_BYTES_MAX,
        takes_files=True,
    ),
    Page("/dashboards/{uid}", GET, LOOK, dashboards_one.dashboard, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/dashboards/{uid}/data", GET, LOOK, raw=dashboards_data.endpoint, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/dashboards/{uid}/ahead", GET, LOOK, raw=dashboards_ahead.endpoint, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/dashboards/{uid}/json", GET, LOOK, dashboards_listing.download),
    Page("/dashboards/{uid}/delete", POST, DECIDE, dashboards_listing.delete, action="dashboard delete"),
    Page("/infrastructure/cloud", GET, LOOK, clouds_page.cloud),
    Page("/infrastructure", GET, LOOK, infrastructure_hosts.hosts),
    Page("/infrastructure/hosts/{job}/{instance:path}", GET, LOOK, infrastructure_host.host),
    Page("/infrastructure/containers", GET, LOOK, infrastructure_containers.containers),
    Page("/quality", GET, LOOK, quality_listing.quality),
    Page("/quality/cost", GET, LOOK, quality_cost.cost),
    Page("/quality/pipelines", GET, LOOK, quality_pipelines.pipelines),
    Page("/quality/satisfaction", GET, LOOK, quality_satisfaction.satisfaction),
    Page("/quality/probes/{name}", GET, LOOK, quality_probe.probe),
    Page("/quality/probes/{name}/run", POST, DECIDE, quality_probe.run_now, action="probe run"),
    Page("/cases", GET, LOOK, listing.cases),
    Page("/cases/{case_id}", GET, LOOK, case_page.case),
    Page("/cases/{case_id}/approve", POST, DECIDE, decisions.approve, action="case approve"),
    Page("/cases/{case_id}/reject", POST, DECIDE, decisions.reject, action="case reject"),
    Page("/cases/{case_id}/rollback", POST, DECIDE, decisions.roll_back, action="case rollback"),
    Page("/changes", GET, LOOK, changes.changes),
    Page("/ledger", GET, LOOK, ledger.ledger),
    Page("/freeze", POST, DECIDE, freeze.freeze, action="freeze"),
    Page("/thaw", POST, DECIDE, policy.thaw, action="thaw"),
    Page("/settings", GET, LOOK, settings_page.settings),
    Page("/systems", POST, ADMINISTER, systems.add, action="system watch"),
    Page("/systems/{name:path}/remove", POST, ADMINISTER, systems.remove, action="system unwatch"),
    Page("/policy", POST, ADMINISTER, policy.change, action="policy set"),
    Page("/packs/{name}", POST, ADMINISTER, monitoring.choose, action="pack set"),
    Page("/people", POST, ADMINISTER, people.add, action="user add"),
    Page("/people/{name}/role", POST, ADMINISTER, people.set_role, action="user role"),
    Page("/people/{name}/password", POST, ADMINISTER, people.set_password, action="user password"),
    Page("/people/{name}/remove", POST, ADMINISTER, people.remove, action="user remove"),
    Page("/tokens", POST, ADMINISTER, tokens.create, action="token create"),
    Page("/tokens/{token_id}/revoke", POST, ADMINISTER, tokens.revoke, action="token revoke"),
    Page("/password", POST, LOOK, you.change_password, action="user password own"),
    Page("/self", GET, LOOK, own.own),
    Page("/login", GET, None, login.page),
    Page("/login", POST, None, login.login, action=""),
    Page("/logout", POST, LOOK, login.logout, action=""),
    Page("/series", GET, LOOK, raw=series.endpoint, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/series/ahead", GET, LOOK, ahead.ahead, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/exemplars", GET, LOOK, exemplars.exemplars, target_bytes_max=QUERIES_BYTES_MAX),
    Page("/events", GET, LOOK, raw=events.endpoint),
    Page("/static/{path:path}", GET, None, raw=lambda _service: static_files().serve),
)


def web_routes(service: Service) -> list[BaseRoute]:
    """Routes for Starlette. Templates are made ready meanwhile."""
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    return [Route(page.path, _endpoint(service, page), methods=list(page.methods)) for page in PAGES]


def _endpoint(service: Service, page: Page) -> frame.Endpoint:
    if page.raw is not None:
        return page.raw(service)
    if page.answer is None:
        raise ValueError(f"{page.path} has nothing that answers")
    return frame.endpoint(service, page.answer, page.permission, page.form_bytes_max, takes_files=page.takes_files)
