"""What can happen, by name: to a watched server, to a change, and on the event stream."""

from __future__ import annotations

from docs.generate.attributes import attribute_docs
from docs.generate.markdown import code, page, table
from trimtab.app.events import EventKind as StreamKind
from trimtab.observe.postgres.facts import EventKind
from trimtab.store.ledger import Event


def events_page() -> str:
    """The page."""
    server = attribute_docs(EventKind)
    ledger = attribute_docs(Event)
    stream = attribute_docs(StreamKind)
    return page(
        "Event kinds",
        "## Of a watched server",
        "In the table `server_events` of the telemetry store, kept for 90 days.",
        table(["kind", "meaning"], [[code(kind.value), server[kind.name]] for kind in EventKind]),
        "## Of a change",
        "In the ledger, which only grows. An entry `…_intended` is written before the effect that it announces, so "
        "that after a crash it is known what may have happened.",
        table(["event", "meaning"], [[code(getattr(Event, name)), text] for name, text in ledger.items()]),
        "## On the event stream",
        "`GET /events` tells whoever looks that something is worth looking at again; the payload is in brackets. Who "
        "is too slow loses the oldest events and is told so by one `gap`.",
        table(["event", "meaning"], [[code(kind.value), stream[kind.name]] for kind in StreamKind]),
    )
