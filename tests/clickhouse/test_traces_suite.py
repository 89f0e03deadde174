"""Traces over HTTP: spans of a trace are on one shard, and what is said of many traces comes from both."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import SPREAD, name_of
from tests.store.traces import test_calls, test_reads
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.reads import TraceReads

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", SPREAD, indirect=True, ids=name_of),
]


@pytest.fixture
def reads(telemetry: EmbeddedTelemetry) -> TraceReads:
    """The traces of the other suite."""
    return test_reads.filled(telemetry)


_CHOSEN = (
    "test_by_who_called",
    "test_newest_first_with_what_a_list_shows",
    "test_one_trace",
    "test_services_operations_keys_and_values",
    "test_the_map_says_who_calls_whom",
)
globals().update({name: getattr(test_reads, name) for name in _CHOSEN})
globals().update({name: getattr(test_calls, name) for name in ("limits", "test_spans_of_a_call_may_come_in_any_order")})
