"""How many records there were, from sums by the minute: where nothing is asked but a range, a service, a level.

What the minutes do not tell yet, and the edges of the range, are counted from records. So the answer is the same as
from records alone, but for patterns that were rare when their minute was summed up: they are told together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.model.errors import InputError
from trimtab.store.logs.answers import LEVELS, LogQuery
from trimtab.store.rollup import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

RANGE_MS_MIN = 3 * 3_600_000
"""A shorter range is read from records: it is quick, and exact to the nanosecond."""
_KEYS = "minute_ms, pattern, level, service_name"
_MINUTE_NS = MINUTE_MS * 1_000_000


@dataclass(frozen=True, slots=True)
class Summed:
    """A table (SQL, with its parameters) of minute_ms, pattern, level, service_name, n_, first_ns, last_ns."""

    table: str
    parameters: Mapping[str, object]


def is_plain(query: LogQuery) -> bool:
    """Whether it asks for a range, a service and a level at most."""
    return not (query.text.strip() or query.trace_id or query.span_id or query.attributes)


def summed(query: LogQuery, marks: Mapping[str, int]) -> Summed | None:
    """What the minutes say of a query; None where it asks for more than they know, or they know nothing."""
    mark = marks.get("log_records", 0)
    if not mark or not is_plain(query):
        return None
    if query.to_ms - query.from_ms < RANGE_MS_MIN:
        return None
    parameters: dict[str, object] = {"mark": mark}
    more = ""
    if query.service is not None:
        more += " AND service_name = {service:String}"
        parameters["service"] = query.service
    if query.severity_min is not None:
        if query.severity_min not in LEVELS:
            raise InputError(
                f"there is no level {query.severity_min!r}; there are {', '.join(LEVELS)}", field="severity_min"
            )
        more += " AND level >= {least:UInt8}"
        parameters["least"] = LEVELS.index(query.severity_min)
    first_ms, last_ms = -(-query.from_ms // MINUTE_MS) * MINUTE_MS, query.to_ms // MINUTE_MS * MINUTE_MS
    parameters |= {"first_ms": first_ms, "last_ms": last_ms}
    tables = [
        f"SELECT {_KEYS}, records_count AS n_, first_ns, last_ns FROM log_minutes WHERE minute_ms >= {{first_ms:Int64}}"
        f" AND minute_ms < {{last_ms:Int64}} AND roll <= {{mark:UInt64}}{more}",
        _records("first_ms", "last_ms", f"(spool_segment > {{mark:UInt64}} OR spool_segment = 0){more}"),
    ]
    for name, low_ms, high_ms in (("before", query.from_ms, first_ms), ("behind", last_ms, query.to_ms)):
        if low_ms < high_ms:
            parameters |= {f"{name}_from_ms": low_ms, f"{name}_to_ms": high_ms}
            tables.append(_records(f"{name}_from_ms", f"{name}_to_ms", f"true{more}"))
    return Summed(f"({' UNION ALL '.join(tables)})", parameters)


def _records(low: str, high: str, where: str) -> str:
    """The same from records between two parameters."""
    return (
        f"SELECT intDiv(at_ns, {_MINUTE_NS}) * {MINUTE_MS} AS minute_ms, pattern, level, service_name, count() AS n_,"
        f" min(at_ns) AS first_ns, max(at_ns) AS last_ns FROM log_records WHERE at_ns >= {{{low}:Int64}} * 1000000"
        f" AND at_ns < {{{high}:Int64}} * 1000000 AND {where} GROUP BY {_KEYS}"
    )
