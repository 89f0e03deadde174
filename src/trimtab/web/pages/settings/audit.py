"""The audit: who did what, from where, and how it ended. Append-only. For administrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from trimtab.model.errors import InputError
from trimtab.store.state_schema_access import AUDIT_RETENTION_DAYS
from trimtab.web.pages.frame import Asked
from trimtab.web.words import plain

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
        "words_of": words_of,
        "retention_days": AUDIT_RETENTION_DAYS,
    }


def words_of(detail: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """The detail of an entry for reading: names without underscores, and nothing of what was not said.

    >>> words_of({"content_hash": "ab12", "reason": None, "frozen": True, "value": ["Sat", "Sun"], "expires_s": 60})
    (('content hash', 'ab12'), ('frozen', 'yes'), ('value', 'Sat, Sun'), ('expires s', '60'))
    """
    return tuple((plain(name), _said(value)) for name, value in detail.items() if value is not None and value != "")


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, Mapping):
        return ", ".join(map(_said, value)) or "none"
    return msgspec.json.encode(value).decode()
