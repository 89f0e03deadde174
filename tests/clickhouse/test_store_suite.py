"""What holds of the embedded store holds over HTTP, on two shards: the same tests."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import SPREAD, name_of
from tests.store import test_loader, test_retention, test_spans, test_telemetry

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", SPREAD, indirect=True, ids=name_of),
]

_CHOSEN = {
    test_telemetry: (
        "test_slices_are_what_a_plain_loop_says",
        "test_fingerprints_asked_for_are_all_there",
        "test_a_shape_is_there_once_with_its_latest_text",
        "test_every_table_takes_its_rows",
        "test_query_reads_with_parameters_and_nothing_else",
        "test_rows_are_queryable_soon_without_a_flush",
        "test_readers_never_see_half_a_message_while_the_writer_runs",
        "test_status_counts_what_happened",
        "test_a_full_spool_refuses_and_recovers",
        "test_a_closed_store_says_so_and_reopens_with_everything",
        "test_data_of_a_newer_version_is_left_alone",
    ),
    test_loader: (
        "test_a_refused_message_is_set_aside_and_the_others_are_loaded",
        "test_a_segment_that_was_loaded_but_not_removed_is_there_once",
    ),
    test_spans: (
        "test_a_span_keeps_its_facts",
        "test_latency_is_what_numpy_says",
        "test_spans_out_of_time_are_left_out_and_counted",
    ),
    test_retention: ("test_every_table_keeps_as_long_as_its_setting_says",),
}
for _module, _names in _CHOSEN.items():
    globals().update({name: getattr(_module, name) for name in _names})
