"""`/capacity`: when each resource is full, soonest first, also under what-ifs; the workload ahead by query shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.analyze.capacity.answers import Saturation
from trimtab.app.capacity.answers import CapacityRow, Told, WorkloadRow, capacity_rows, workloads
from trimtab.app.capacity.what_if import FIELDS, WhatIf, what_if_of
from trimtab.model.errors import InputError
from trimtab.web.format import bytes_text, number_text, percent_text
from trimtab.web.pages.analysis.capacity_picture import CapacityPicture, capacity_picture
from trimtab.web.pages.frame import Asked
from trimtab.web.view import Message

PICTURES = 12
"""Rows that have their picture at once; the others when they are asked for."""
OUTCOME_WORDS = {
    "already": ("full", "bad"),
    "dated": ("will be full", "warn"),
    "possible": ("may be full", "info"),
    "never": ("not within sight", "ok"),
    "no_trend": ("no trend", "ok"),
    "too_little": ("too young", "quiet"),
}
SOON_MS = 7 * 86_400_000
WHAT_IF_FIELDS = (
    ("traffic", "Traffic", "+30%"),
    ("monthly", "Growth a month", "+5%"),
    ("nodes", "Nodes", "-1"),
    ("of", "of", "3"),
    ("added", "More bytes", "200GB"),
    ("on", "on", "/data"),
    ("begin", "From", "2026-12-24"),
)


@dataclass(frozen=True, slots=True)
class RowView:
    """A row as it is drawn."""

    row: CapacityRow
    told: Told
    word: str
    tone: str
    picture: CapacityPicture | None
    is_moved: bool
    """Whether the what-if gives another date."""


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A workload as it is drawn."""

    row: WorkloadRow
    change: float | None


def capacity(asked: Asked) -> Response:
    """The page, or its results alone."""
    messages: list[Message] = []
    what = WhatIf(texts={name: asked.query(name)[:200] for name in FIELDS if asked.query(name)})
    try:
        what = what_if_of({name: asked.query(name) for name in FIELDS})
    except InputError as error:
        messages.append(Message(error.message, "bad"))
    keeper = asked.service.capacity
    found = capacity_rows(keeper, what)
    ahead = workloads(keeper)
    assumed = {} if what.is_nothing else keeper.under(what)
    told = {one.id: assumed.get(one.id, one.told) for one in keeper.now.watched}
    now_ms = asked.service.now_ms()
    rows = [_view(row, told[row.series], now_ms, number) for number, row in enumerate(found.rows) if row.series in told]
    context = {
        "title": "Capacity",
        "at_ms": found.at_ms,
        "is_enabled": found.is_enabled,
        "rows": rows,
        "all_count": len(rows),
        "left_out": found.left_out,
        "problems": list(found.problems.items()),
        "assumption": found.assumption,
        "fields": [(name, label, example, what.texts.get(name, "")) for name, label, example in WHAT_IF_FIELDS],
        "workloads": [WorkloadView(one, _change(one)) for one in ahead.systems],
        "young": ahead.young,
        "value": value_text,
        "range_percent": asked.service.config.capacity.range_percent,
        "horizon_days": asked.service.config.capacity.horizon_days,
    }
    return asked.page(
        "capacity.html", "analysis", context, fragments=("results",), messages=messages, path="/capacity", ranged=False
    )


def _view(row: CapacityRow, told: Saturation, now_ms: int, number: int) -> RowView:
    shown = row.assumed or row.told
    word, tone = OUTCOME_WORDS[shown.outcome]
    if shown.outcome == "dated" and shown.date_ms is not None and shown.date_ms - now_ms < SOON_MS:
        tone = "bad"
    picture = capacity_picture(told) if number < PICTURES else None
    is_moved = row.assumed is not None and (row.assumed.date_ms, row.assumed.outcome) != (
        row.told.date_ms,
        row.told.outcome,
    )
    return RowView(row, shown, word, tone, picture, is_moved)


def _change(one: WorkloadRow) -> float | None:
    return one.calls_ahead / one.calls_now - 1 if one.calls_now > 0 else None


def value_text(value: float | None, unit: str) -> str:
    """A value with its unit.

    >>> value_text(2.0 * 1024**3, "bytes"), value_text(91.234, "%"), value_text(None, "")
    ('2 GiB', '91.2 %', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "bytes":
        return bytes_text(value)
    return percent_text(value / 100) if unit == "%" else number_text(value)
