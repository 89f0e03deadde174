"""The whole stack in one call: what `setup_monitoring` sends."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.app.service import Service
from trimtab.app.stack.answers import StackReport
from trimtab.app.stack.reading import read_config
from trimtab.model.errors import NotFound


class StackWish(msgspec.Struct, forbid_unknown_fields=True):
    """The nested configuration. `dry_run`: say what would be done, and do nothing."""

    config: dict[str, object]
    dry_run: bool = False


def _now(service: Service, _request: Request, _body: None) -> StackReport:
    report = service.stack.now()
    if report is None:
        raise NotFound("nothing was set up: trimtab setup FILE, or setup_monitoring() in Python")
    return report


def _setup(service: Service, request: Request, body: StackWish) -> StackReport:
    by = acting(request)
    note(request, target=", ".join(one.name for one in read_config(body.config).metrics)[:500], dry_run=body.dry_run)
    return service.stack.setup(by, body.config, dry_run=body.dry_run)


def _remove(service: Service, request: Request, _body: None) -> dict[str, bool]:
    return {"done": service.stack.remove(acting(request))}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/stack",
        "What setup_monitoring set up: each metric with its value now, alert and objective; what is missing and why",
        _now,
        answer=StackReport,
    ),
    Operation(
        "POST",
        "/stack",
        "Set up monitoring from a nested configuration: metrics with thresholds and objectives; or a dry run of it",
        _setup,
        body=StackWish,
        answer=StackReport,
        action="stack set up",
    ),
    Operation(
        "DELETE",
        "/stack",
        "Take back rules and objectives that setup_monitoring made; packs stay as they are",
        _remove,
        action="stack remove",
    ),
)
