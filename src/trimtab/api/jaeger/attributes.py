"""What a span is shown with beside what it was sent with, in both APIs."""

from __future__ import annotations

from trimtab.store.traces.answers import StoredSpan, Value

WARNINGS_KEY = "@jaeger@warnings"
"""Where Jaeger itself keeps what it has to say of a span, and where its page looks for it."""
STATEMENT_KEYS = ("db.query.text", "db.statement")
WEIGHT_KEY = "trimtab.sample_weight"


def shown_attributes(span: StoredSpan) -> dict[str, Value]:
    """The span's attributes, with what was stored in place of its statement, and for how many spans it stands.

    >>> span = StoredSpan("a", "b", "", "shop", "q", "client", 0, 1.0, "ok", db_query_text="SELECT $1", sample_weight=9)
    >>> shown_attributes(span)
    {'db.query.text': 'SELECT $1', 'trimtab.sample_weight': 9.0}
    """
    added: dict[str, Value] = {}
    if span.db_query_text and not any(key in span.attributes for key in STATEMENT_KEYS):
        added["db.query.text"] = span.db_query_text
    if span.sample_weight != 1.0:
        added[WEIGHT_KEY] = float(span.sample_weight)
    return {**span.attributes, **added} if added else span.attributes
