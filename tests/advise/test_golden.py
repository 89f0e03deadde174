"""Golden advice on a real server, and the promises that every advice keeps."""

from __future__ import annotations

import pytest

from tests.advise.golden import GOLDEN, Golden
from trimtab.advise.index.advice import Advice
from trimtab.advise.index.advisor import advise
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import TableWrites
from trimtab.sql.connect import Connection
from trimtab.sql.index_ddl import change_hash, readable

pytestmark = pytest.mark.postgres

TABLES = ("users", "orders", "items", "events", "no_key", "never_analysed", "metrics")
NO_WRITES = {
    **{f"public.{table}": TableWrites() for table in TABLES},
    "archive.old_orders": TableWrites(),
    "Big Shop.Order Lines": TableWrites(),
}


def asked(watch: Connection, golden: Golden) -> Advice:
    query = SlowQuery(golden.text, calls=10, mean_exec_time_ms=50.0, samples=golden.samples)
    return advise(watch, query, system="shop", writes=NO_WRITES)


@pytest.mark.parametrize("golden", GOLDEN, ids=[g.text[:60] for g in GOLDEN])
def test_golden(watch: Connection, golden: Golden) -> None:
    advice = asked(watch, golden)
    said = [readable(p.index) for p in advice.proposals]
    if golden.best:
        assert said, advice.reason
        assert said[0] in golden.best, said
    else:
        assert not said
        assert golden.reason in (advice.reason or "")
    assert advice.what_if_calls <= advice.what_if_calls_max or not advice.what_if_calls
    for p in advice.proposals:
        assert 0 < p.predicted_ratio < 0.8
        assert p.predicted_interval_90[0] <= p.predicted_ratio <= p.predicted_interval_90[1]
        assert p.cost_after < p.cost_before
        assert p.gain_ms_per_s > p.write_cost_ms_per_s >= 0
        assert p.size_bytes >= 8192
        assert p.build_time_s > 0
        assert p.verified
        assert any("not executed" in text for text in p.not_verified)
        assert p.parameters_source
        assert p.interval_source
        assert p.content_hash == change_hash("shop", "create_index", p.index)
        assert p.target in p.tables
