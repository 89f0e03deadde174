"""The own store, another one, or all of them at once: every result says whose it is (`source`), and who does not answer
is told. Pages and the API ask here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from trimtab.app.sources.beside import ALL, OWN, Beside, ask_beside
from trimtab.model.errors import InputError, StoreError
from trimtab.store.logs.answers import LogPage, LogQuery, LogRecord
from trimtab.store.traces.answers import FoundTraces, TraceQuery, TraceSummary

if TYPE_CHECKING:
    from trimtab.app.service import Service

T = TypeVar("T")


def search_traces(service: Service, source: str, query: TraceQuery) -> FoundTraces:
    """Of one store, or of all at once: then StoreError only where nobody answers."""
    if source == OWN:
        return service.traces.search(query)
    if source != ALL:
        return _traces_of(source, service.sources.search_traces(source, query))
    questions: dict[str, Callable[[], FoundTraces]] = {OWN: partial(service.traces.search, query)}
    for name in service.sources.names("traces"):
        questions[name] = partial(service.sources.search_traces, name, query)
    answered = _asked(questions)
    found = [_traces_of(name, one) for name, one in answered.answers.items()]
    by: Callable[[TraceSummary], float] = _took if query.order == "slowest" else _began
    traces = sorted((trace for one in found for trace in one.traces), key=by, reverse=True)
    return FoundTraces(
        tuple(traces[: query.limit]),
        max(one.looked_from_ms for one in found),
        (*answered.missing, *(told for one in found for told in one.missing)),
        any(one.is_cut for one in found),
    )


def search_logs(service: Service, source: str, query: LogQuery) -> LogPage:
    """Of one store a page; of all what lies as near as the store with most lines has it: `looked_to_ms` says how far
    that is where there is more. InputError for a cursor with all of them: each goes on by itself."""
    if source == OWN:
        return service.logs.search(query)
    if source != ALL:
        return _page_of(source, service.sources.search_logs(source, query))
    if query.cursor is not None:
        raise InputError("cursor: all stores together are one page; go on with one of them", field="cursor")
    questions: dict[str, Callable[[], LogPage]] = {OWN: partial(service.logs.search, query)}
    for name in service.sources.names("logs"):
        questions[name] = partial(service.sources.search_logs, name, query)
    answered = _asked(questions)
    pages = [_page_of(name, page) for name, page in answered.answers.items()]
    is_newest = query.order == "newest"
    ends_ns = [page.records[-1].at_ns for page in pages if page.next_cursor and page.records]
    ends_ns += [page.looked_to_ms * 1_000_000 for page in pages if page.looked_to_ms is not None]
    end_ns = (max(ends_ns) if is_newest else min(ends_ns)) if ends_ns else None
    records = sorted((record for page in pages for record in page.records), key=_written, reverse=is_newest)
    return LogPage(
        tuple(one for one in records if end_ns is None or (one.at_ns >= end_ns if is_newest else one.at_ns <= end_ns)),
        None,
        (*answered.missing, *(told for page in pages for told in page.missing)),
        None if end_ns is None else end_ns // 1_000_000,
    )


def _asked(questions: Mapping[str, Callable[[], T]]) -> Beside[T]:
    answered = ask_beside(questions)
    if not answered.answers:
        raise StoreError("; ".join(answered.missing))
    return answered


def _traces_of(source: str, found: FoundTraces) -> FoundTraces:
    return replace(found, traces=tuple(replace(one, source=source) for one in found.traces)) if source else found


def _page_of(source: str, page: LogPage) -> LogPage:
    return replace(page, records=tuple(replace(one, source=source) for one in page.records)) if source else page


def _took(one: TraceSummary) -> float:
    return one.duration_ms


def _began(one: TraceSummary) -> float:
    return one.started_at_ns


def _written(one: LogRecord) -> int:
    return one.at_ns
