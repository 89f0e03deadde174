"""Dashboards: those that there are, what of each is drawn, bringing one, forgetting one, pushing those of trimtab."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import path_text
from trimtab.app.dashboards.library import DashboardDetail, DashboardRow
from trimtab.app.dashboards.pushing import PushReport
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.store.dashboard_state import DOCUMENT_BYTES_MAX


class Brought(msgspec.Struct, forbid_unknown_fields=True):
    """`document`: the dashboard's JSON as Grafana has it. `replace`: also where there is one of that uid already."""

    document: msgspec.Raw
    replace: bool = False


class Pushing(msgspec.Struct, forbid_unknown_fields=True):
    """`uids`: only these dashboards. `overwrite`: also what a person changed there."""

    uids: list[str] = []
    overwrite: bool = False


def _push(service: Service, _request: Request, body: Pushing) -> PushReport:
    return service.push_dashboards(body.uids, overwrite=body.overwrite)


def _list(service: Service, _request: Request, _body: None) -> dict[str, list[DashboardRow]]:
    return {"dashboards": service.dashboards.listed()}


def _one(service: Service, request: Request, _body: None) -> DashboardDetail:
    return service.dashboards.detail(path_text(request, "uid"))


def _document(service: Service, request: Request, _body: None) -> msgspec.Raw:
    return msgspec.Raw(service.dashboards.document(path_text(request, "uid")))


def _bring(service: Service, request: Request, body: Brought) -> DashboardDetail:
    row = service.dashboards.put(bytes(body.document), acting(request), replaces=body.replace, name="document")
    note(request, target=row.uid)
    return service.dashboards.detail(row.uid)


def _delete(service: Service, request: Request, _body: None) -> dict[str, bool]:
    uid = path_text(request, "uid")
    note(request, target=uid)
    service.dashboards.delete(uid)
    return {"done": True}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/dashboards",
        "Dashboards: those that come with trimtab, and those that were imported",
        _list,
        answer=dict[str, list[DashboardRow]],
    ),
    Operation(
        "GET",
        "/dashboards/{uid}",
        "One dashboard: its panels, what each is drawn as, or why it is not",
        _one,
        answer=DashboardDetail,
    ),
    Operation("GET", "/dashboards/{uid}/document", "The JSON of one dashboard, as a Grafana takes it", _document),
    Operation(
        "POST",
        "/dashboards",
        "Import a Grafana dashboard's JSON (at most 2 MiB, 200 dashboards)",
        _bring,
        body=Brought,
        status=201,
        answer=DashboardDetail,
        permission=Permission.DECIDE,
        action="dashboard import",
        body_bytes_max=DOCUMENT_BYTES_MAX + 10_000,
    ),
    Operation(
        "POST",
        "/dashboards/push",
        "Put trimtab's dashboards, data sources and alerting rules into the Grafana of the settings",
        _push,
        body=Pushing,
        answer=PushReport,
        permission=Permission.DECIDE,
        action="dashboard push",
    ),
    Operation(
        "DELETE",
        "/dashboards/{uid}",
        "Forget a dashboard that was imported",
        _delete,
        permission=Permission.DECIDE,
        action="dashboard delete",
    ),
)
