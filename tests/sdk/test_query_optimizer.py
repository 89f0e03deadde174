"""The seed's `optimize_query_performance`: by a connection, and on a clone (by a server: tests/web/test_advice.py)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import trimtab
from tests.conftest import Database
from trimtab.model.errors import DsnError, ExtensionMissing, InputError
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord

pytestmark = pytest.mark.postgres

SLOW = "SELECT id, note FROM lines WHERE customer = 77 ORDER BY id DESC LIMIT 5"


@pytest.fixture
def lines(database: Database) -> Database:
    database.execute(
        "CREATE TABLE lines (id int PRIMARY KEY, customer int, note text)",
        "INSERT INTO lines SELECT i, i % 3000, 'note ' || i FROM generate_series(1, 60000) i",
        "ANALYZE lines",
    )
    return database


def test_by_a_connection_on_a_clone_and_kept(lines: Database, tmp_path: Path) -> None:
    made = trimtab.QueryOptimizer(
        lines.dsn("trimtab_watch"), clone="make", clone_time_s=1.0, data_dir=tmp_path
    ).optimize_query_performance([SLOW, "SELECT count(*) FROM lines", {"text": SLOW, "calls": 10}])
    slow, count, again = made
    assert slow.original_query == slow.optimized_query == SLOW
    assert slow.index_recommendations[0].index.table == "lines"
    assert slow.measured is not None
    assert slow.improvement_estimate.ratio == slow.measured.ratio < 0.3
    assert "measured on a clone that was made" in slow.improvement_estimate.source
    assert (count.improvement_estimate.ratio, count.improvement_estimate.interval_90) == (1.0, None)
    assert count.improvement_estimate.reason
    assert again.index_recommendations
    assert AdviceRecord(tmp_path / RECORD_FILE).count() >= 1
    with psycopg.connect(lines.dsn()) as look:
        assert look.execute("SELECT count(*) FROM pg_indexes WHERE tablename = 'lines'").fetchone() == (1,)


def test_what_is_missing_or_wrong_is_an_error(lines: Database) -> None:
    lines.execute("DROP EXTENSION hypopg")
    with pytest.raises(ExtensionMissing):
        trimtab.QueryOptimizer(lines.dsn("trimtab_watch")).optimize_query_performance([SLOW])
    with pytest.raises(DsnError):
        trimtab.QueryOptimizer("service=x", clone="postgresql://u:secret@h/d")
    with pytest.raises(InputError, match="in the clear"):
        trimtab.QueryOptimizer(system="shop", server="http://far.example", token="t")
    with pytest.raises(InputError, match="a clone is used with a dsn"):
        trimtab.QueryOptimizer(system="shop", clone="make")
