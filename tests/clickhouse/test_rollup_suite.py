"""Sums by the minute over HTTP: on two shards each makes its own, and together they say what one would."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import SPREAD, name_of
from tests.store import test_rollup

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", SPREAD, indirect=True, ids=name_of),
]

_CHOSEN = (
    "limits",
    "test_any_window_is_answered_exactly",
    "test_quantiles_from_buckets_are_within_two_percent",
)
globals().update({name: getattr(test_rollup, name) for name in _CHOSEN})
