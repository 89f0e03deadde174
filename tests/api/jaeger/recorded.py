"""Jaeger's own recorded answers and traces, read where they lie beside the repository; and what finds each trace.

The searches are those that Jaeger asks of every storage that it supports. Its traces are of January 2017: they are
moved by whole days, to yesterday, since what is older than it is kept is not taken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "jaeger"
DAY_NS = 86_400 * 10**9
DAY_OF_TRACES_NS = int(datetime(2017, 1, 26, tzinfo=UTC).timestamp()) * 10**9
AROUND = ("15:46:31.639875", "17:46:31.639875")
ONE_SPOT = {"sameplacetag1": "sameplacevalue", "sameplacetag2": "123", "sameplacetag3": "72.5", "sameplacetag4": "true"}

needs_recorded = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"Jaeger's recorded answers are not there: {FOLDER}")


def document(name: str) -> Any:
    """One of the files."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def trace_names() -> list[str]:
    """All traces, sorted."""
    return sorted(p.stem for p in FOLDER.glob("*.json") if p.stem.endswith("trace") or p.stem in OTHERS)


OTHERS = (
    "default",
    "tags_escaped_operator_trace_1",
    "tags_escaped_operator_trace_2",
    "tags_wildcard_regex_1",
    "tags_wildcard_regex_2",
)


def moved_ns() -> int:
    """By how much traces are moved."""
    yesterday_ns = (time.time_ns() // DAY_NS - 1) * DAY_NS
    return yesterday_ns - DAY_OF_TRACES_NS


def trace(name: str) -> Any:
    """A trace of yesterday."""
    made = document(name)
    by_ns = moved_ns()
    for resource in made["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for field_name in ("startTimeUnixNano", "endTimeUnixNano"):
                    span[field_name] = str(int(span[field_name]) + by_ns)
                for event in span.get("events", ()):
                    event["timeUnixNano"] = str(int(event["timeUnixNano"]) + by_ns)
    return made


def moment(clock: str) -> str:
    """A time of yesterday in RFC 3339."""
    day = datetime.fromtimestamp((DAY_OF_TRACES_NS + moved_ns()) // 10**9, UTC).date()
    return f"{day.isoformat()}T{clock}Z"


def moment_us(clock: str) -> int:
    """A time of yesterday in Unix microseconds."""
    found = datetime.fromisoformat(moment(clock).replace("Z", "+00:00"))
    return int(found.timestamp()) * 1_000_000 + found.microsecond


@dataclass(frozen=True)
class Search:
    """A search, and the traces that it has to find; durations are nanoseconds."""

    what: str
    service: str
    expected: tuple[str, ...]
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    between: tuple[str, str] = AROUND
    least_ns: int = 0
    most_ns: int = 0


def _search(number: int, what: str, *expected: str, **more: Any) -> Search:
    if more.pop("operated", False):
        more["operation"] = f"query{number:02}-operation"
    return Search(what, f"query{number:02}-service", expected, **more)


def _everywhere(kind: str) -> dict[str, str]:
    return {key.replace("tag", kind): value for key, value in ONE_SPOT.items()}


SHORT, RANGE = {"most_ns": 1000}, {"least_ns": 4500, "most_ns": 5500}
BY_NAME: dict[str, Any] = {"operated": True}
TAGGED: dict[str, Any] = {"tags": ONE_SPOT}
SEARCHES = (
    _search(1, "tags of the span", "span_tags_trace", **TAGGED),
    _search(2, "tags of logs", "log_tags_trace", **TAGGED),
    _search(3, "tags of the process", "process_tags_trace", **TAGGED),
    _search(4, "tags in different places", "multi_spot_tags_trace", **TAGGED),
    _search(5, "spans of two days", "multi_index_trace", between=("00:00:31.639875", "00:07:31.639875")),
    _search(6, "operation", "opname_trace", **BY_NAME),
    _search(7, "operation, longest", "opname_maxdur_trace", **BY_NAME, most_ns=2000),
    _search(8, "operation, durations", "opname_dur_trace", **BY_NAME, **RANGE),
    _search(9, "durations", "dur_trace", **RANGE),
    _search(10, "longest", "max_dur_trace", **SHORT),
    _search(11, "service", "default"),
    _search(12, "tags, operation", "tags_opname_trace", **TAGGED, **BY_NAME),
    _search(13, "tags, operation, longest", "tags_opname_maxdur_trace", **TAGGED, **BY_NAME, most_ns=2000),
    _search(14, "tags, operation, durations", "tags_opname_dur_trace", **TAGGED, **BY_NAME, **RANGE),
    _search(15, "tags, durations", "tags_dur_trace", **TAGGED, **RANGE),
    _search(16, "tags, longest", "tags_maxdur_trace", **TAGGED, **SHORT),
    _search(17, "different places, operation", "multispottag_opname_trace", **TAGGED, **BY_NAME),
    _search(
        18,
        "different places, operation, longest",
        "multispottag_opname_maxdur_trace",
        **TAGGED,
        **BY_NAME,
        most_ns=2000,
    ),
    _search(
        19, "different places, operation, durations", "multispottag_opname_dur_trace", **TAGGED, **BY_NAME, **RANGE
    ),
    _search(20, "different places, durations", "multispottag_dur_trace", **TAGGED, **RANGE),
    _search(21, "different places, longest", "multispottag_maxdur_trace", **TAGGED, **SHORT),
    _search(22, "several traces", "multiple1_trace", "multiple2_trace", "multiple3_trace"),
    _search(23, "scope's name and version", "scope_name_version_trace", **TAGGED),
    _search(24, "attributes of the scope", "scope_attributes_trace", tags=_everywhere("scopeattribute")),
    _search(25, "attributes of links", "link_attributes_trace", tags=_everywhere("linkattribute")),
    _search(
        23, "a star that is one", "tags_escaped_operator_trace_1", **BY_NAME, **SHORT, tags={"sameplacetag1": "same\\*"}
    ),
    _search(24, "a pattern", "tags_wildcard_regex_1", "tags_wildcard_regex_2", tags={"sameplacetag1": "same.*"}),
)
"""What Jaeger's integration test asks of every storage, and last the two that it asks of Elasticsearch alone."""
