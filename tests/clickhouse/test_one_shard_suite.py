"""One server without any other: what goes another way than with several."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import name_of
from tests.store import test_spans, test_telemetry
from tests.store.metrics import test_store

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", [1], indirect=True, ids=name_of),
]

_CHOSEN = {
    test_telemetry: (
        "test_every_table_takes_its_rows",
        "test_query_reads_with_parameters_and_nothing_else",
        "test_data_of_a_newer_version_is_left_alone",
    ),
    test_spans: ("test_latency_is_what_numpy_says",),
    test_store: ("test_what_was_appended_is_there_at_once_and_after_a_restart",),
}
for _module, _names in _CHOSEN.items():
    globals().update({name: getattr(_module, name) for name in _names})
