"""A record as a line of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from trimtab.store.logs.answers import LogRecord
from trimtab.web.pages.logs.marked import CHARS_MAX, Marker, Part
from trimtab.web.pages.logs.wish import Wish

NO_SERVICE = "no service"


@dataclass(frozen=True, slots=True)
class Line:
    """`at_ms` is the whole second's part, `millis` the three digits behind it; `href` is the record's page."""

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
