"""Packs of rules and objectives: which there are, what is in them, which are in force."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import path_text
from trimtab.app.packs.answers import PackDetail, PackRow, detail_of, row_of
from trimtab.app.service import Service


class PackChoice(msgspec.Struct, forbid_unknown_fields=True):
    """`enabled` None: as it is. `thresholds`: values by name; null takes back what was set here."""

    enabled: bool | None = None
    thresholds: dict[str, str | int | float | None] = {}


def _list(service: Service, _request: Request, _body: None) -> list[PackRow]:
    return [row_of(now) for now in service.packs.every()]


def _one(service: Service, request: Request, _body: None) -> PackDetail:
    return detail_of(service.packs.named(path_text(request, "name")))


def _choose(service: Service, request: Request, body: PackChoice) -> PackDetail:
    name = path_text(request, "name")
    acting(request)
    note(request, target=name, enabled=body.enabled, thresholds=", ".join(body.thresholds))
    values = {key: None if value is None else _text(value) for key, value in body.thresholds.items()}
    return detail_of(service.packs.choose(name, body.enabled, values))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/packs", "Packs of rules and objectives, and which are in force", _list, answer=list[PackRow]),
    Operation(
        "GET",
        "/packs/{name}",
        "One pack: thresholds with unit and source, alerts with runbooks, objectives, the series that it needs",
        _one,
        answer=PackDetail,
    ),
    Operation(
        "POST",
        "/packs/{name}",
        "Switch a pack on or off, or set its thresholds; kept over restarts, above what the file says",
        _choose,
        body=PackChoice,
        answer=PackDetail,
        action="pack set",
    ),
)
