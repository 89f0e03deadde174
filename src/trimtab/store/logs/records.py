"""Rows of the engine as records, and the ids by which they are found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trimtab.model.errors import InputError
from trimtab.store.logs.answers import LEVELS, Attributes, LogRecord
from trimtab.store.traces.typed_json import value_of, values_of

COLUMNS = (
    "at_ns, observed_at_ns, level, severity_number, toString(severity_text) AS severity,"
    " toString(service_name) AS service, body, toString(body_kind) AS kind,"
    " CAST(attributes, 'Map(String, String)') AS pairs, toString(attribute_kinds) AS kinds,"
    " toString(resource) AS whose, toString(scope) AS within, trace_id, span_id, toString(event_name) AS event, flags,"
    " dropped_attributes_count, pattern, record_no, spool_segment"
)


class Place(NamedTuple):
    """Where a record stands: its time, and what tells it from others of the same time. Records are sorted by it."""

    at_ns: int
    segment: int
    number: int

    @property
    def id(self) -> str:
        """As text.

        >>> Place(1_800_000_000_000_000_000, 7, 255).id
        '18fae27693b40000-7-ff'
        """
        return f"{self.at_ns:x}-{self.segment:x}-{self.number:x}"


def place_of(id_: str) -> Place:
    """The place that an id names; InputError where it is none.

    >>> place_of("18fae27693b40000-7-ff")
    Place(at_ns=1800000000000000000, segment=7, number=255)
    """
    parts = id_.split("-")
    try:
        numbers = [int(part, 16) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 3 or len(id_) > 60 or not (0 <= numbers[0] < 1 << 63 and numbers[1] < 1 << 64):
        raise InputError(f"{id_[:80]!r} is not the id of a log record", observed=id_[:80])
    return Place(*numbers)


def place_in(row: Mapping[str, Any]) -> Place:
    """Of a row with these columns."""
    return Place(row["at_ns"], row["spool_segment"], row["record_no"])


def record_of(row: Mapping[str, Any]) -> LogRecord:
    """A row of `COLUMNS`."""
    scope = values_of(row["within"])
    about = scope.get("attributes")
    return LogRecord(
        id=place_in(row).id,
        at_ns=row["at_ns"],
        observed_at_ns=row["observed_at_ns"],
        level=LEVELS[min(row["level"], len(LEVELS) - 1)],
        severity_number=row["severity_number"],
        severity_text=row["severity"],
        service_name=row["service"],
        body=value_of(row["kind"], row["body"]),
        body_text=row["body"],
        attributes=_attributes(row["pairs"], row["kinds"]),
        resource=values_of(row["whose"]),
        scope_name=str(scope.get("name", "")),
        scope_version=str(scope.get("version", "")),
        scope_attributes=about if isinstance(about, Mapping) else {},
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        event_name=row["event"],
        flags=row["flags"],
        dropped_attributes_count=row["dropped_attributes_count"],
        pattern_id=pattern_id(row["pattern"]),
    )


def pattern_id(pattern: int) -> str:
    """
    >>> pattern_id(0), pattern_id(255)
    ('', '00000000000000ff')
    """
    return f"{pattern:016x}" if pattern else ""


def _attributes(pairs: Sequence[tuple[str, str]], kinds: str) -> Attributes:
    if not kinds:
        return dict(pairs)
    return {name: value_of(kind, text) for (name, text), kind in zip(pairs, kinds, strict=False)}
