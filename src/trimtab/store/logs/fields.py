"""Which attributes records have, and with which values: counted in the newest records that match, not in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from trimtab.store.effort import Effort
from trimtab.store.engine import Merge
from trimtab.store.logs import minutes
from trimtab.store.logs.answers import LEVELS, CountedValues, LogField, LogFields, LogQuery
from trimtab.store.logs.ranges import Asked, Asking
from trimtab.store.traces.typed_json import text_of, values_of

SAMPLE_RECORDS = 5_000
VALUES_SAMPLE_RECORDS = 50_000
VALUES_MAX = 200
_TOP_VALUES = 5
_PAIRS_MAX = 100_000
_FIELDS_MAX = 2000
_WHOLE = {"service": "service_name", "event": "event_name", "severity_text": "severity_text", "level": "level"}
"""Columns that are counted in all records."""
_SUMMED = frozenset({"service", "level"})
"""Those that sums by the minute know, too."""


def _sample(asked: Asked, columns: str, limit: int) -> str:
    return f"(SELECT {columns} FROM log_records WHERE {asked.where} ORDER BY at_ns DESC LIMIT {limit})"


def _pairs(asked: Asked, limit: int) -> str:
    """Names and values of attributes, a row each."""
    pairs = "arrayJoin(CAST(attributes, 'Array(Tuple(name String, value String))')) AS pair"
    return f"(SELECT {pairs} FROM {_sample(asked, 'attributes', limit)})"


def fields(asking: Asking, query: LogQuery, fields_max: int, effort: Effort) -> LogFields:
    """See `LogReads.fields`."""
    asked = asking.ready(query)
    own: dict[str, Counter[str]] = {}
    of_resources: dict[str, Counter[str]] = {}
    records_count, missing, looked_from_ms = 0, asked.missing, query.to_ms
    for low_ms, high_ms in asked.pieces(query, effort):
        piece, limit = asked.within(low_ms, high_ms), SAMPLE_RECORDS - records_count
        resources = asking.gather(
            "SELECT toString(resource) AS whose, count() AS n FROM"
            f" {_sample(asked, 'resource', limit)} GROUP BY resource LIMIT {SAMPLE_RECORDS}",
            piece.parameters,
            Merge(group_by=("whose",)),
        )
        pairs = asking.gather(
            "SELECT pair.name AS name, pair.value AS value, count() AS n FROM"
            f" {_pairs(asked, limit)} GROUP BY name, value ORDER BY n DESC, name, value LIMIT {_PAIRS_MAX}",
            piece.parameters,
            Merge((("n", "descending"), ("name", "ascending"), ("value", "ascending")), _PAIRS_MAX, ("name", "value")),
        )
        for row in resources.table.to_pylist():
            records_count += row["n"]
            for name, value in values_of(row["whose"]).items():
                of_resources.setdefault(name, Counter())[text_of(value)] += row["n"]
        for row in pairs.table.to_pylist():
            own.setdefault(row["name"], Counter())[row["value"]] += row["n"]
        missing, looked_from_ms = (*missing, *resources.missing, *pairs.missing), low_ms
        if records_count >= SAMPLE_RECORDS:
            break
    found = [_field(name, "attribute", counter, records_count) for name, counter in own.items()]
    found += [_field(name, "resource", counter, records_count) for name, counter in of_resources.items()]
    found.sort(key=lambda one: (-one.share, one.name))
    is_cut = looked_from_ms > query.from_ms and records_count < SAMPLE_RECORDS
    missing = tuple(dict.fromkeys(missing))
    return LogFields(tuple(found[:fields_max]), records_count, missing, looked_from_ms if is_cut else None)


def _field(name: str, place: Literal["attribute", "resource"], values: Counter[str], records_count: int) -> LogField:
    share = min(1.0, values.total() / max(1, records_count))
    return LogField(name, place, share, len(values), tuple(values.most_common(_TOP_VALUES)))


def attribute_keys(asking: Asking, query: LogQuery, prefix: str, effort: Effort) -> CountedValues:
    """See `LogReads.attribute_keys`."""
    found = fields(asking, query, _FIELDS_MAX, effort)
    counts: Counter[str] = Counter()
    for one in found.fields:
        if one.name.startswith(prefix):
            counts[one.name] += round(one.share * found.records_count)
    return CountedValues(tuple(counts.most_common(VALUES_MAX)), found.missing)


def attribute_values(asking: Asking, query: LogQuery, name: str, prefix: str) -> CountedValues:
    """See `LogReads.attribute_values`."""
    asked = asking.ready(query)
    if name in _WHOLE:
        summed = minutes.summed(query, asking.marks) if name in _SUMMED else None
        table, parameters = ("log_records", asked.parameters) if summed is None else (summed.table, summed.parameters)
        found = asking.gather(
            f"SELECT toString({_WHOLE[name]}) AS value, {'count()' if summed is None else 'sum(n_)'} AS n FROM {table}"
            f" WHERE {asked.where if summed is None else 'true'} GROUP BY value ORDER BY n DESC, value"
            f" LIMIT {_FIELDS_MAX}",
            parameters,
            Merge((("n", "descending"), ("value", "ascending")), _FIELDS_MAX, ("value",)),
        )
        rows = ((row["value"], row["n"]) for row in found.table.to_pylist())
        if name == "level":
            rows = ((LEVELS[int(value)], count) for value, count in rows)
        return _counted(rows, prefix, (*asked.missing, *found.missing))
    is_all = minutes.is_plain(query) and query.service is None and query.severity_min is None
    source = _sample(asked, "resource", VALUES_SAMPLE_RECORDS) if is_all else f"log_records WHERE {asked.where}"
    resources = asking.gather(
        f"SELECT toString(resource) AS whose, count() AS n FROM {source}"
        f" GROUP BY resource LIMIT {VALUES_SAMPLE_RECORDS}",
        asked.parameters,
        Merge(group_by=("whose",)),
    )
    own = asking.gather(
        "SELECT attributes[{name:String}] AS value, count() AS n FROM"
        f" {_sample(asked, 'attributes', VALUES_SAMPLE_RECORDS)} WHERE mapContains(attributes, {{name:String}})"
        " AND startsWith(value, {prefix:String})"
        f" GROUP BY value ORDER BY n DESC, value LIMIT {VALUES_MAX}",
        {**asked.parameters, "name": name, "prefix": prefix},
        Merge((("n", "descending"), ("value", "ascending")), VALUES_MAX, ("value",)),
    )
    counts: Counter[str] = Counter()
    seen = dict(zip(resources.table["whose"].to_pylist(), resources.table["n"].to_pylist(), strict=True))
    if is_all:  # what the newest do not have is known by the day
        known, _ = asking.resources(query.from_ms * 1_000_000, query.to_ms * 1_000_000)
        seen = dict.fromkeys((one.text for one in known), 0) | seen
    for whose, count in seen.items():
        values = values_of(whose)
        if name in values:
            counts[text_of(values[name])] += count
    counts.update({row["value"]: row["n"] for row in own.table.to_pylist()})
    return _counted(counts.items(), prefix, (*asked.missing, *resources.missing, *own.missing))


def _counted(rows: Iterable[tuple[str, int]], prefix: str, missing: tuple[str, ...]) -> CountedValues:
    found = sorted(((value, count) for value, count in rows if value.startswith(prefix)), key=lambda one: -one[1])
    return CountedValues(tuple(found[:VALUES_MAX]), tuple(dict.fromkeys(missing)))
