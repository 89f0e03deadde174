"""The seed's `optimize_query_performance`: by a connection, and on a clone (by a server: tests/web/test_advice.py)."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

import trimtab
from tests.conftest import Database
from trimtab.model.errors import DsnError, ExtensionMissing, InputError
from trimtab.sdk.query_optimizer import of_rewrite
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord

pytestmark = pytest.mark.postgres

SLOW = "SELECT id, note FROM lines WHERE customer = 77 ORDER BY id DESC LIMIT 5"

COUNTED = "SELECT c.id, (SELECT count(*) FROM lines l WHERE l.customer = c.id) AS n FROM customers c"


@pytest.fixture
def lines(database: Database) -> Database:
    database.execute(
        "CREATE TABLE lines (id int PRIMARY KEY, customer int, note text)",
        "INSERT INTO lines SELECT i, i % 3000, 'note ' || i FROM generate_series(1, 60000) i",
        "CREATE TABLE customers AS SELECT i AS id FROM generate_series(1, 40) i",
        "ALTER TABLE customers ADD PRIMARY KEY (id)",
        "ANALYZE lines, customers",
    )
    return database


def test_by_a_connection_on_a_clone_and_kept(lines: Database, tmp_path: Path) -> None:
    made = trimtab.QueryOptimizer(
        lines.dsn("trimtab_watch"), clone="make", clone_time_s=1.0, run_rewrites=True, data_dir=tmp_path
    ).optimize_query_performance([SLOW, "SELECT count(*) FROM lines", {"text": SLOW, "calls": 10}, COUNTED])
    slow, count, again, counted = made
    assert "GROUP BY" in counted.optimized_query
    assert counted.certificate is not None
    assert counted.certificate["complete"]
    said = of_rewrite(next(one for one in counted.rewrites if one.is_advised))
    assert said.ratio < 0.95
    assert "measured for its certificate" in said.source
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


def test_hints_of_a_plan_that_is_asked_for_or_given(lines: Database) -> None:
    optimizer = trimtab.QueryOptimizer(lines.dsn("trimtab_watch"))
    found = optimizer.generate_optimization_hints(COUNTED)
    assert found[0].id == "rows-thrown-away"
    assert (found[0].line > 0, 0 < found[0].score <= 1, bool(found[0].mends)) == (True, True, True)
    with psycopg.connect(lines.dsn()) as connection:
        plan = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {COUNTED}").fetchone()
    assert plan is not None
    assert "rows-thrown-away" in {one.id for one in optimizer.generate_optimization_hints(COUNTED, plan=plan[0][0])}


def test_what_is_missing_or_wrong_is_an_error(lines: Database) -> None:
    lines.execute("DROP EXTENSION hypopg")
    with pytest.raises(ExtensionMissing):
        trimtab.QueryOptimizer(lines.dsn("trimtab_watch")).optimize_query_performance([SLOW])
    with pytest.raises(DsnError):
        trimtab.QueryOptimizer("service=x", clone="postgresql://u:secret@h/d")
    with pytest.raises(InputError, match="in the clear"):
        trimtab.QueryOptimizer(system="shop", server="http://far.example", token="t")
    with pytest.raises(InputError, match="run_rewrites is used with a dsn"):
        trimtab.QueryOptimizer(system="shop", run_rewrites=True)
    with pytest.raises(InputError, match="a clone is used with a dsn"):
        trimtab.QueryOptimizer(system="shop", clone="make")
