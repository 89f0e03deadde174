"""Sums by the minute over HTTP: on two shards each makes its own, and together they say what one would."""

from __future__ import annotations

import pytest

from tests.store import test_rollup

pytestmark = [
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", [2], indirect=True, ids=["two shards"]),
]

_CHOSEN = (
    "limits",
    "test_any_window_is_answered_exactly",
    "test_quantiles_from_buckets_are_within_two_percent",
)
globals().update({name: getattr(test_rollup, name) for name in _CHOSEN})
