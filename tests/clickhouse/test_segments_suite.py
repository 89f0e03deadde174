"""What is handed on segment by segment: of a store on two shards, from both."""

from __future__ import annotations

import pytest

from tests.clickhouse.kinds import SPREAD, name_of
from tests.store.test_segments import test_log_records_in_parts, test_spans_in_parts

pytestmark = [
    pytest.mark.store,
    pytest.mark.usefixtures("everywhere"),
    pytest.mark.parametrize("address", SPREAD, indirect=True, ids=name_of),
]

__all__ = ["test_log_records_in_parts", "test_spans_in_parts"]
