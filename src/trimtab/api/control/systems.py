"""Systems: what is watched, what it does, what runs."""

from __future__ import annotations

import msgspec

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, NAME_CHARS_MAX, SYSTEM, limit_of, path_text, text_of


class WatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/systems: connection strings are references without secrets."""

    dsn: str
    name: str | None = None
    change_dsn: str | None = None


class FreezeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/freeze: the kill switch."""

    frozen: bool
    by: str


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/status", "What runs, what is watched, what is in flight", lambda s, _r, _b: s.status()),
    Operation("GET", "/systems", "Watched systems and what trimtab can see of each", lambda s, _r, _b: s.systems()),
    Operation(
        "POST",
        "/systems",
        "Watch a data system",
        lambda s, _r, b: s.watch_system(b.dsn, b.name, b.change_dsn),
        WatchRequest,
        201,
    ),
    Operation(
        "DELETE",
        "/systems/{system}",
        "Stop watching a system; its cases and ledger stay",
        lambda s, r, _b: s.unwatch_system(path_text(r, "system")),
    ),
    Operation(
        "GET",
        "/queries",
        "Query shapes of the last minutes, heaviest first",
        lambda s, r, _b: s.queries(text_of(r, "system", NAME_CHARS_MAX), limit_of(r)),
        parameters=(SYSTEM, LIMIT),
    ),
    Operation(
        "POST",
        "/freeze",
        "The kill switch: no new change while frozen",
        lambda s, _r, b: s.freeze(b.frozen, b.by),
        FreezeRequest,
    ),
)
