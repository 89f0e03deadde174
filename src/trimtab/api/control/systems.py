"""Systems: what is watched, what it does, what runs."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.answers import QueryAnswer
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, NAME_CHARS_MAX, SYSTEM, Reason, limit_of, path_text, text_of
from trimtab.app.service import Service
from trimtab.model.access import Permission


class WatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/systems: connection strings are references without secrets."""

    dsn: str
    name: str | None = None
    change_dsn: str | None = None


class FreezeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/freeze: the kill switch; with `system` (and `kind`) only there (and only that)."""

    frozen: bool
    by: str | None = None
    reason: Reason | None = None
    system: str | None = None
    kind: str | None = None


def _watch(service: Service, request: Request, body: WatchRequest) -> dict[str, object]:
    """The audit gets what may be shown of the reference, never what was sent."""
    acting(request)
    answer = service.watch_system(body.dsn, body.name, body.change_dsn)
    note(request, target=answer["name"], dsn=answer["dsn"], change_dsn=answer["change_dsn"])
    return answer


def _freeze(service: Service, request: Request, body: FreezeRequest) -> dict[str, object]:
    action = "freeze" if body.frozen else "thaw"
    note(request, action=action, target=body.system or "all systems", reason=body.reason, kind=body.kind)
    return service.freeze(
        body.frozen, acting(request, body.by), body.reason or None, body.system or None, body.kind or None
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/status", "What runs, what is watched, what is in flight", lambda s, _r, _b: s.status()),
    Operation(
        "GET",
        "/systems",
        "Watched systems (at most 50) and what trimtab can see of each",
        lambda s, _r, _b: s.systems(),
    ),
    Operation(
        "POST",
        "/systems",
        "Watch a data system",
        _watch,
        WatchRequest,
        201,
        action="system watch",
    ),
    Operation(
        "DELETE",
        "/systems/{system}",
        "Stop watching a system; its cases and ledger stay",
        lambda s, r, _b: s.unwatch_system(path_text(r, "system")),
        action="system unwatch",
    ),
    Operation(
        "GET",
        "/queries",
        "Query shapes of the last minutes, heaviest first",
        lambda s, r, _b: s.queries(text_of(r, "system", NAME_CHARS_MAX), limit_of(r)),
        parameters=(SYSTEM, LIMIT),
        answer=tuple[QueryAnswer, ...],
    ),
    Operation(
        "POST",
        "/freeze",
        "Freeze or thaw: no new change while frozen, everywhere or on one system",
        _freeze,
        FreezeRequest,
        permission=Permission.DECIDE,
        action="freeze",
    ),
)
