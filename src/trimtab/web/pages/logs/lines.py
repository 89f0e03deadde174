"""A record as a line of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from urllib.parse import quote

from trimtab.store.logs.answers import LogRecord
from trimtab.web.pages.logs.marked import CHARS_MAX, Marker, Part
from trimtab.web.pages.logs.wish import Wish

NO_SERVICE = "no service"
ELSEWHERE = "-"
"""Stands in the path for a record of another store."""


@dataclass(frozen=True, slots=True)
class Line:
    """`at_ms` is the whole second's part, `millis` the three digits behind it; `href` is the record's page. `store` is
    said where lines of several, or of another than the own one, are shown."""

    id: str
    level: str
    at_ms: int
    millis: str
    service: str
    parts: Sequence[Part]
    is_cut: bool
    note: str
    href: str
    is_here: bool = False
    store: str = ""


def lines_of(records: Sequence[LogRecord], wish: Wish, here: str = "") -> list[Line]:
    """Of some records; `here` is the one that others are around."""
    marker = Marker(wish.text)
    return [_line(record, marker, wish, here) for record in records]


def _line(record: LogRecord, marker: Marker, wish: Wish, here: str) -> Line:
    text = record.body_text[:CHARS_MAX]
    at_ms = record.at_ns // 1_000_000
    return Line(
        id=record.id,
        level=record.level,
        at_ms=at_ms,
        millis=f"{at_ms % 1000:03d}",
        service=record.service_name,
        parts=marker.parts(text) if text else (),
        is_cut=len(record.body_text) > CHARS_MAX,
        note=record.event_name or "no text" if not text.strip() else "",
        href=wish.but(tab="lines", is_tail=False).address(f"/logs/{quote(record.id)}"),
        is_here=record.id == here,
    )


def lines_elsewhere(records: Sequence[LogRecord], wish: Wish, source: str) -> list[Line]:
    """Of records that another store has: their ids can be anything, so they stand in no path and in no attribute."""
    marker = Marker(wish.text)
    return [
        replace(
            _line(record, marker, wish, ""),
            id=blake2b(f"{source} {record.id}".encode(), digest_size=8).hexdigest(),
            href=elsewhere_path(wish, source, record),
            store=source,
        )
        for record in records
    ]


def elsewhere_path(wish: Wish, source: str, record: LogRecord) -> str:
    """The page of a record that another store has: its id, and when it was, by which it is found again."""
    told = {"id": record.id, "at": str(record.at_ns // 1_000_000)}
    return wish.but(source=source, tab="lines", is_tail=False).address(f"/logs/{ELSEWHERE}", **told)
