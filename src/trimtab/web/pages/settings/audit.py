"""The audit: who did what, from where, and how it ended. Append-only. For administrators."""

from __future__ import annotations

from trimtab.model.errors import InputError
from trimtab.store.state_schema_access import AUDIT_RETENTION_DAYS
from trimtab.web.pages.frame import Asked

PAGE_ROWS = 50


def context(asked: Asked) -> dict[str, object]:
    """A page of entries, newest first."""
    text = asked.query("before")
    if text and (not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) < 1):
        raise InputError(f"before: a number of an entry is expected, found {text[:50]!r}", field="before")
    found = asked.service.access.audit_entries(PAGE_ROWS + 1, int(text) if text else None)
    shown = found[:PAGE_ROWS]
    return {
        "audit": shown,
        "before": shown[-1].seq if len(found) > PAGE_ROWS else None,
        "is_newest": not text,
        "retention_days": AUDIT_RETENTION_DAYS,
    }
