"""Patterns and fields as the page shows them: with how often, when, and the search that finds just them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.store.logs.answers import LEVELS, LogFields, LogPatterns
from trimtab.store.logs.drain import VARIABLE
from trimtab.web.pages.logs.facts import TERM_CHARS_MAX
from trimtab.web.pages.logs.lines import Line, lines_of
from trimtab.web.pages.logs.wish import Wish, field_term

PATTERNS_MAX = 100
FIELDS_MAX = 100


@dataclass(frozen=True, slots=True)
class PatternRow:
    """Similar lines. Every second of `parts`, from the second on, is what differs. `share` is of all that match."""

    parts: Sequence[str]
    count: int
    share: float
    counts: Sequence[float | None]
    levels: Sequence[tuple[str, int]]
    services: Sequence[str]
    first_ms: int
    last_ms: int
    example: Line | None
    only: str
    without: str


@dataclass(frozen=True, slots=True)
class PatternTable:
    """`lines_count` of `total_count` lines are in the patterns."""

    rows: Sequence[PatternRow]
    lines_count: int
    total_count: int


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A value of a field; `only` and `without` are '' where it is too long for a term."""

    value: str
    count: int
    share: float
    only: str
    without: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of records, and its most frequent values."""

    name: str
    place: str
    share: float
    values_count: int
    values: Sequence[ValueRow]


@dataclass(frozen=True, slots=True)
class FieldTable:
    """Counted in the newest `records_count` records."""

    rows: Sequence[FieldRow]
    records_count: int


def patterns_of(found: LogPatterns, wish: Wish) -> PatternTable:
    """The most frequent first."""
    rows = []
    for one in found.patterns:
        example = lines_of([one.example], wish)[0] if one.example is not None else None
        levels = [(name, one.by_level[name]) for name in reversed(LEVELS) if name in one.by_level]
        negated = f"-{one.query}" if one.query.startswith("pattern:") else f"-({one.query})"
        rows.append(
            PatternRow(
                parts=one.template.split(VARIABLE),
                count=one.count,
                share=one.count / max(found.total_count, 1),
                counts=[float(count) for count in one.counts],
                levels=levels,
                services=one.services,
                first_ms=one.first_ns // 1_000_000,
                last_ms=one.last_ns // 1_000_000,
                example=example,
                only=wish.narrowed(one.query).address() if one.query else "",
                without=wish.narrowed(negated).but(tab="patterns").address() if one.query else "",
            )
        )
    return PatternTable(rows, found.lines_count, found.total_count)


def fields_of(found: LogFields, wish: Wish) -> FieldTable:
    """The most frequent first."""
    of_resources = {one.name for one in found.fields if one.place == "resource"}
    rows = []
    for one in found.fields:
        is_hidden = one.place == "attribute" and one.name in of_resources
        asked = f"attributes.{one.name}" if is_hidden else one.name
        have_count = max(round(one.share * found.records_count), 1)
        values = [_value(asked, value, count, have_count, wish) for value, count in one.top_values]
        rows.append(FieldRow(one.name, one.place, one.share, one.values_count, values))
    return FieldTable(rows, found.records_count)


def _value(name: str, value: str, count: int, of_count: int, wish: Wish) -> ValueRow:
    term = field_term(name, value)
    if len(term) > TERM_CHARS_MAX:
        return ValueRow(value, count, count / of_count, "", "")
    only, without = wish.narrowed(term).address(), wish.narrowed(f"-{term}").but(tab="fields").address()
    return ValueRow(value, count, count / of_count, only, without)
