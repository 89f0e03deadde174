"""Metrics over HTTP: samples and their roll-ups are spread over two shards, and answer as if they were not."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import SPREAD, name_of
from tests.store.metrics import test_rolled_answers, test_rolled_histograms, test_rolling, test_store

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", SPREAD, indirect=True, ids=name_of),
]

_CHOSEN = {
    test_store: (
        "test_cold_and_hot_together_are_one_answer",
        "test_of_two_values_of_two_senders_at_one_moment_the_same_counts_wherever_it_is_read",
        "test_histograms_starts_exemplars_and_metadata_come_back",
        "test_the_oldest_days_go_when_there_is_too_much_on_disk",
    ),
    test_rolled_answers: ("test_what_is_gone_is_answered_from_roll_ups",),
    test_rolled_histograms: ("test_long_ranges_are_answered_from_them_and_say_so",),
    test_rolling: ("test_rows_say_what_samples_say_also_when_they_come_late",),
}
for _module, _names in _CHOSEN.items():
    globals().update({name: getattr(_module, name) for name in _names})
