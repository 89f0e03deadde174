"""`/logs/{record_id}`: one record whole, and what was logged before and after it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from trimtab.model.errors import InputError, NotFound
from trimtab.store.logs.answers import LogRecord
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.logs.facts import AROUND_MS, groups_of, leads_of
from trimtab.web.pages.logs.lines import ELSEWHERE, lines_elsewhere, lines_of
from trimtab.web.pages.logs.wish import Wish, wish_of

COUNTS = (20, 50, 100, 200, 500)
"""How many before and after may be asked for."""
ID_CHARS_MAX = 60


def record(asked: Asked) -> Response:
    """The page, or the record alone."""
    wish = wish_of(asked.request.query_params)
    record_id = asked.path("record_id")
    if len(record_id) > ID_CHARS_MAX:
        raise NotFound("there is no such log record", field="record_id")
    is_alone = asked.fragment == "record"
    if record_id == ELSEWHERE:
        return _elsewhere(asked, wish, is_alone=is_alone)
    count = 1 if is_alone else _count(asked.query("count") or str(COUNTS[0]))
    is_whole = asked.query("of") == "all"
    found = asked.service.logs.around(record_id, count, is_whole=is_whole)
    if found.record is None:
        missing = "; ".join(found.missing)
        raise NotFound(f"the log record is not here; {missing}" if missing else "no such log record", field="record_id")
    one = found.record
    at_ms = one.at_ns // 1_000_000
    around = (("from", str(at_ms - AROUND_MS)), ("to", str(at_ms + AROUND_MS)))
    services = () if is_whole or not one.service_name else (one.service_name,)
    context = {
        "title": "Log record",
        "scripts": ("js/logs.js",),
        "wish": wish,
        "record": one,
        "at_ms": at_ms,
        "around": wish.but(text="", services=services, levels=(), kept=around).address(),
        "is_alone": is_alone,
        "groups": groups_of(one, wish),
        "leads": leads_of(one, wish, asked.service),
        "line": lines_of([one], wish, one.id)[0],
        "lines": [] if is_alone else lines_of([*found.before, one, *found.after], wish, one.id),
        "is_begun": len(found.before) < count,
        "is_ended": len(found.after) < count,
        "count": count,
        "counts": COUNTS,
        "more": next((larger for larger in COUNTS if larger > count), None),
        "is_whole": is_whole,
        "missing": found.missing,
        "as_json": json_of(one),
        "here": f"/logs/{record_id}",
        "store": "",
    }
    return asked.page("log_record.html", "logs", context, fragments=("record",), ranged=False)


def _elsewhere(asked: Asked, wish: Wish, *, is_alone: bool) -> Response:
    """A record of another store: what was around it is asked of that store as a search."""
    at = asked.query("at")
    if not at.isascii() or not at.isdigit() or len(at) > 15:
        raise InputError(f"at: Unix milliseconds, found {at[:30]!r}", field="at", observed=at[:30])
    one = asked.service.sources.log_record(wish.source, asked.query("id"), int(at))
    around = (("from", str(int(at) - AROUND_MS)), ("to", str(int(at) + AROUND_MS)))
    line = lines_elsewhere([one], wish, wish.source)[0]
    services = (one.service_name,) if one.service_name else ()
    context = {
        "title": "Log record",
        "scripts": ("js/logs.js",),
        "wish": wish,
        "record": one,
        "at_ms": int(at),
        "around": wish.but(text="", services=services, levels=(), kept=around).address(),
        "is_alone": is_alone,
        "groups": groups_of(one, wish),
        "leads": leads_of(one, wish, asked.service),
        "line": line,
        "lines": (),
        "missing": (),
        "as_json": json_of(one),
        "store": wish.source,
    }
    return asked.page("log_record.html", "logs", context, fragments=("record",), ranged=False)


def json_of(one: LogRecord) -> str:
    """A record as the API and the download have it, on one line."""
    return msgspec.json.encode(one).decode()


def _count(text: str) -> int:
    if text not in {str(count) for count in COUNTS}:
        raise InputError(f"count: one of {', '.join(map(str, COUNTS))}, found {text[:20]!r}", field="count")
    return int(text)
