"""`/traces/{trace_id}`: one trace. The page says what it is all in all; its spans come after the first paint.

Without script, and for who wants to read or print it, the same spans are a table, page by page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from trimtab.app.reading.answers import Mark
from trimtab.app.reading.ranges import Range
from trimtab.app.sources.beside import shown_name
from trimtab.app.sources.one_trace import OneTrace, TraceElsewhere
from trimtab.model.errors import InputError, NotFound, StoreError, TrimtabError
from trimtab.store.traces.answers import StoredSpan, TraceSummary
from trimtab.store.traces.outline import Outline
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.query import address as query_address
from trimtab.web.pages.traces.colours import colours_of
from trimtab.web.pages.traces.links import (
    at_ms_of,
    is_searchable,
    logs_path,
    more_attributes,
    rows_of,
    trace_path,
)
from trimtab.web.view import segment

VIEWS = (("waterfall", "Waterfall"), ("flame", "Flame graph"), ("table", "Table"))
ROWS = 200
PAGE_MAX = 1000
TEXT_CHARS_MAX = 200
MARKS_MAX = 4
MARKS_AROUND_MS = 1_800_000
DEPTH_SHOWN = 12
_NUMBER_CHARS_MAX = 15


@dataclass(frozen=True, slots=True)
class Row:
    """One span in the table."""

    span_id: str
    service: str
    name: str
    kind: str
    status: str
    depth: int
    begins_ms: float
    took_ms: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of the table."""

    rows: Sequence[Row]
    number: int
    pages: int
    first: int
    last: int
    count: int


def trace(asked: Asked) -> Response:
    """The page, or one of its spans alone."""
    trace_id = asked.path("trace_id")
    at_ms = _at_ms(asked)
    view = _view(asked)
    source, store = asked.query("source"), _store(asked)
    summary, missing = store.summary(trace_id, at_ms)
    if summary is None and missing:
        raise StoreError(f"the trace was not found, but not everybody answered: {'; '.join(missing)}")
    if summary is None:
        said = "" if at_ms is None else " within a day of the moment that the address says"
        raise NotFound(f"no trace {trace_id[:64]!r}{said}: it may be too old, or was not kept", trace=trace_id[:64])
    span_id = asked.query("span")
    span = store.span(summary.trace_id, span_id, at_ms_of(summary))[0] if span_id else None
    if asked.fragment == "span" and span is None:
        raise NotFound(f"the trace has no span {span_id[:32]!r}", field="span")
    colours = colours_of(share.service for share in summary.services)
    context: dict[str, object] = {
        "title": summary.root_name or summary.trace_id,
        "scripts": ("js/tt-trace.js",) if view != "table" else (),
        "trace": summary,
        "missing": missing,
        "source": source,
        "elsewhere": _elsewhere(asked, summary, source),
        "at_ms": at_ms_of(summary),
        "shown_as": view,
        "views": VIEWS,
        "colours": colours,
        "path": f"/traces/{segment(summary.trace_id)}",
        "logs": logs_path(
            summary.trace_id, summary.started_at_ns, summary.started_at_ns + round(summary.duration_ms * 1e6)
        ),
        "span": span,
        "span_lost": bool(span_id) and span is None,
        "depth_shown": DEPTH_SHOWN,
        **(_about(asked, span) if span is not None else {}),
    }
    if asked.fragment is None:
        context["marks"] = _marks(asked, summary)
        context["rows"] = _rows(asked, summary) if view == "table" else None
    return asked.page(
        "trace.html", "traces", context, fragments=("span",), ranged=False, path=f"/traces/{segment(summary.trace_id)}"
    )


def spans(asked: Asked) -> Response:
    """`/traces/{trace_id}/spans`: every span in columns, as JSON."""
    found = _store(asked).outline(asked.path("trace_id"), _at_ms(asked))
    if not found.spans_count and found.missing:
        raise StoreError(f"the trace was not found, but not everybody answered: {'; '.join(found.missing)}")
    if not found.spans_count:
        raise NotFound("no such trace", trace=found.trace_id)
    colours = colours_of(found.services)
    told = {
        "trace_id": found.trace_id,
        "first_ns": str(found.first_ns),
        "ids": found.span_ids,
        "parents": found.parents,
        "orphans": found.orphans,
        "begins_ns": found.begins_ns,
        "took_ns": found.took_ns,
        "services": found.services,
        "colours": [colours[name] for name in found.services],
        "service": found.service_codes,
        "names": found.names,
        "name": found.name_codes,
        "kinds": found.kinds,
        "kind": found.kind_codes,
        "statuses": found.statuses,
        "status": found.status_codes,
        "linked": found.linked,
        "event_span": found.event_spans,
        "event_at_ns": found.event_at_ns,
        "event_names": found.event_names,
        "event_name": found.event_name_codes,
        "missing": found.missing,
    }
    return _json(told)


def having(asked: Asked) -> Response:
    """`/traces/{trace_id}/having?q=TEXT`: ids of the spans that have a text anywhere, as JSON."""
    text = asked.query("q").strip()
    if not 0 < len(text) <= TEXT_CHARS_MAX:
        raise InputError(f"q: 1 to {TEXT_CHARS_MAX} characters, found {len(text)}", field="q", limit=TEXT_CHARS_MAX)
    ids, missing = _store(asked).spans_having(asked.path("trace_id"), text, _at_ms(asked))
    return _json({"ids": ids, "missing": missing})


def _store(asked: Asked) -> OneTrace:
    """The store that the address names."""
    source = asked.query("source")
    return TraceElsewhere(asked.service.sources, source) if source else asked.service.traces


def _elsewhere(asked: Asked, summary: TraceSummary, source: str) -> Sequence[tuple[str, str]]:
    """(words, address): the same trace in other stores, and its logs there."""
    sources, at_ms = asked.service.sources, at_ms_of(summary)
    path, tz = trace_path(summary.trace_id, at_ms), asked.query("tz")
    zone = f"&tz={quote(tz)}" if tz else ""
    others = [name for name in ("", *sources.names("traces")) if name != source]
    traces = [
        (f"Look in {shown_name(name)}", f"{path}{f'&source={quote(name)}' if name else ''}{zone}") for name in others
    ]
    ended_ns = summary.started_at_ns + round(summary.duration_ms * 1e6)
    logs = logs_path(summary.trace_id, summary.started_at_ns, ended_ns)
    return traces + [(f"Logs in {name}", f"{logs}&source={quote(name)}{zone}") for name in sources.names("logs")]


def _json(told: Mapping[str, object]) -> Response:
    return Response(
        msgspec.json.encode(told), media_type="application/json", headers={"Cache-Control": "no-store, private"}
    )


def _about(asked: Asked, span: StoredSpan) -> dict[str, object]:
    """What the detail of a span shows beside it."""
    began_ms = span.started_at_ns // 1_000_000
    return {
        "attributes": rows_of(span.attributes),
        "more": more_attributes(span),
        "events": [(event, rows_of(event.attributes)) for event in span.events],
        "links": [
            (link, trace_path(link.trace_id, None, link.span_id), rows_of(link.attributes)) for link in span.links
        ],
        "queries": _queries(asked, span.db_query_fingerprint),
        "span_logs": logs_path(span.trace_id, span.started_at_ns, span.ended_at_ns, span.span_id),
        "is_searchable": is_searchable,
        "began_ms": began_ms,
    }


def _queries(asked: Asked, fingerprint: str) -> list[tuple[str, str]]:
    """(system, path) of the pages of a statement: a span does not say which of the systems it went to."""
    if not fingerprint:
        return []
    texts = asked.service.read.texts
    names = [known.name for known in asked.service.state.systems()]
    return [(name, query_address(name, fingerprint)) for name in names if fingerprint in texts.of(name)]


def _marks(asked: Asked, summary: TraceSummary) -> Sequence[Mark]:
    """What trimtab changed, found or judged around the time of the trace, the nearest first."""
    at_ms = at_ms_of(summary)
    try:
        found = asked.service.read.marks(Range(at_ms - MARKS_AROUND_MS, at_ms + MARKS_AROUND_MS))
    except TrimtabError:
        return ()
    worth = [mark for mark in found if mark.kind != "event"]
    return sorted(worth, key=lambda mark: abs(mark.at_ms - at_ms))[:MARKS_MAX]


def _rows(asked: Asked, summary: TraceSummary) -> Rows:
    """The page of the table that the address asks for."""
    found = _store(asked).outline(summary.trace_id, at_ms_of(summary))
    pages = max(1, -(-found.spans_count // ROWS))
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    number = min(int(text), pages)
    first = (number - 1) * ROWS
    last = min(first + ROWS, found.spans_count)
    return Rows([_row(found, place) for place in range(first, last)], number, pages, first + 1, last, found.spans_count)


def _row(found: Outline, place: int) -> Row:
    depth, up = 0, found.parents[place]
    while up >= 0 and depth < DEPTH_SHOWN:
        depth, up = depth + 1, found.parents[up]
    return Row(
        found.span_ids[place],
        found.services[found.service_codes[place]],
        found.names[found.name_codes[place]],
        found.kinds[found.kind_codes[place]],
        found.statuses[found.status_codes[place]],
        depth,
        found.begins_ns[place] / 1e6,
        found.took_ns[place] / 1e6,
    )


def _view(asked: Asked) -> str:
    text = asked.query("view") or VIEWS[0][0]
    if text not in {key for key, _ in VIEWS}:
        raise InputError(f"view: one of {', '.join(key for key, _ in VIEWS)}, found {text[:30]!r}", field="view")
    return text


def _at_ms(asked: Asked) -> int | None:
    """About when the trace was, as its links say it."""
    text = asked.query("at")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _NUMBER_CHARS_MAX:
        raise InputError(f"at: Unix milliseconds, found {text[:30]!r}", field="at", observed=text[:30])
    return int(text)
