"""The columns of `log_records`, and the expressions that its text indexes know: who asks by another finds nothing
quickly."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, str] = {
    "at_ns": "Int64",
    "observed_at_ns": "Int64",
    "level": "UInt8",
    "severity_number": "UInt8",
    "severity_text": "LowCardinality(String)",
    "service_name": "LowCardinality(String)",
    "body": "String",
    "body_kind": "LowCardinality(String)",
    "attributes": "Map(LowCardinality(String), String)",
    "attribute_kinds": "LowCardinality(String)",
    "resource": "LowCardinality(String)",
    "scope": "LowCardinality(String)",
    "trace_id": "String",
    "span_id": "String",
    "event_name": "LowCardinality(String)",
    "flags": "UInt32",
    "dropped_attributes_count": "UInt32",
    "pattern": "UInt64",
    "record_no": "UInt32",
}
"""Of a record as it is inserted, with the engine's types; `spool_segment` comes behind them."""

STRUCTURE = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())

LINE = "lower(body)"
"""What words are looked for in."""
PAIRS = "CAST(CAST(attributes, 'Array(Tuple(String, String))'), 'Array(String)')"
"""What attributes are looked for in: `toString((name, value))`, each. No lambda may be in it: the engine cannot work it
out for a part that has no index yet, beside parts that have one."""
LATER_INDEXES = "words,pairs,by_trace,by_pattern"
"""Made when parts are merged: until then there is little to look through, and what comes is stored at half the
price."""
RESOURCES = "log_resources"
"""Which resources there are, by the day."""
