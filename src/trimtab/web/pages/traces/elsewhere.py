"""Traces of other stores, alone or beside the own ones: each says whose it is, and who does not answer is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING

from trimtab.app.sources.beside import ALL, OWN, Beside, ask_beside
from trimtab.model.errors import StoreError
from trimtab.store.traces.answers import FoundTraces, TraceQuery, TraceSummary

if TYPE_CHECKING:
    from trimtab.app.service import Service


@dataclass(frozen=True, slots=True)
class Listed(TraceSummary):
    """A trace in the list; `source` is the store that has it, '' the own one."""

    source: str = ""


@dataclass(frozen=True, slots=True)
class FoundListed:
    """As `FoundTraces`, and whose each trace is."""

    traces: Sequence[Listed]
    looked_from_ms: int
    missing: tuple[str, ...] = ()
    is_cut: bool = False


def listed(traces: Iterable[TraceSummary], source: str) -> list[Listed]:
    """Traces of one store."""
    names = [field.name for field in fields(TraceSummary)]
    return [Listed(**{name: getattr(one, name) for name in names}, source=source) for one in traces]


def search(service: Service, source: str, query: TraceQuery) -> FoundListed:
    """Ask one store, or all at once: then StoreError only where nobody answers."""
    if source != ALL:
        found = _asked(service, source, query)
        return FoundListed(listed(found.traces, source), found.looked_from_ms, found.missing, found.is_cut)
    answered: Beside[FoundTraces] = ask_beside(
        {name: partial(_asked, service, name, query) for name in (OWN, *service.sources.names("traces"))}
    )
    if not answered.answers:
        raise StoreError("; ".join(answered.missing))
    traces = [one for name, found in answered.answers.items() for one in listed(found.traces, name)]
    by: Callable[[Listed], float] = _took if query.order == "slowest" else _began
    missing = [told for found in answered.answers.values() for told in found.missing]
    looked_from_ms = max(found.looked_from_ms for found in answered.answers.values())
    is_cut = any(found.is_cut for found in answered.answers.values())
    return FoundListed(sorted(traces, key=by, reverse=True), looked_from_ms, (*answered.missing, *missing), is_cut)


def _asked(service: Service, name: str, query: TraceQuery) -> FoundTraces:
    return service.traces.search(query) if name == OWN else service.sources.search_traces(name, query)


def _took(one: Listed) -> float:
    return one.duration_ms


def _began(one: Listed) -> float:
    return one.started_at_ns
