"""The Python face on a real PostgreSQL: advice without a server, and one change through the whole loop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from trimtab import AutomatedRemediation, QueryOptimizer
from trimtab.app.config import parse_config
from trimtab.model.errors import DsnError, InputError
from trimtab.store.state import State

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

SLOW = "SELECT id, note FROM orders WHERE customer_id = %s"
OTHERS = [f"SELECT v FROM other_{n} WHERE id = %s" for n in range(4)]
QUICK = """
[watch]
slice_s = 0.5
baseline_slices_min = 36
settle_slices_min = 18
watch_slices_max = 48
controls_min = 3
[detect]
latency_objective_ms = 3600000
load_share_min = 1.0
"""


@pytest.fixture
def shop(database: Database) -> Iterator[Database]:
    """Orders without the index they need, four tables beside it, and an application that uses all of them."""
    database.execute(
        "SET ROLE shop_owner",
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text)",
        "INSERT INTO orders SELECT i, i % 20000, repeat('x', 100) FROM generate_series(1, 60000) i",
        *[f"CREATE TABLE other_{n} AS SELECT i AS id, i AS v FROM generate_series(1, 500) i" for n in range(4)],
        "ANALYZE",
    )
    stop = threading.Event()

    def load() -> None:
        with psycopg.connect(database.dsn("shop_app"), autocommit=True, cursor_factory=psycopg.ClientCursor) as app:
            number = 0
            while not stop.wait(0.02):
                number += 1
                for statement in (SLOW, *OTHERS):
                    app.execute(statement.encode(), (number % 500,))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    yield database
    stop.set()
    thread.join(timeout=10)


def test_advice_needs_no_server(shop: Database) -> None:
    answers = QueryOptimizer(shop.dsn("trimtab_watch")).optimize_query_performance(
        [SLOW % 7, {"text": "SELECT count(*) FROM orders", "mean_exec_time_ms": 30.0, "calls": 10}]
    )
    first, second = answers
    assert first.original_query == first.optimized_query == SLOW % 7
    assert first.index_recommendations[0].index.keys[0].sql == "customer_id"
    estimate = first.improvement_estimate
    assert estimate.interval_90 is not None
    assert estimate.interval_90[0] <= estimate.ratio <= estimate.interval_90[1]
    assert estimate.ratio < 0.2
    assert second.index_recommendations == ()
    assert (second.improvement_estimate.ratio, second.improvement_estimate.interval_90) == (1.0, None)
    assert second.improvement_estimate.reason


def test_wrong_input_is_named() -> None:
    with pytest.raises(DsnError):
        QueryOptimizer("postgresql://u:secret@127.0.0.1/x")
    with pytest.raises(InputError, match="query 1 is int"):
        QueryOptimizer("service=none").optimize_query_performance(["SELECT 1", 7])  # type: ignore[list-item]


@pytest.mark.store
def test_a_change_through_the_whole_loop_is_kept_and_is_in_the_ledger(shop: Database, tmp_path: Path) -> None:
    advice = QueryOptimizer(shop.dsn("trimtab_watch")).optimize_query_performance([SLOW % 7])[0]
    loop = AutomatedRemediation(
        shop.dsn("trimtab_watch"), shop.dsn("trimtab_change"), data_dir=tmp_path, config=parse_config(QUICK)
    )
    result = loop.execute_safe_remediation(SLOW % 7, advice.index_recommendations[0], timeout_s=120)
    assert (result.status, result.rolled_back) == ("success", False), result.reason
    assert result.effect is not None
    assert result.effect.ratio < 0.2
    assert result.effect.interval_90[0] < result.effect.ratio < result.effect.interval_90[1]
    with psycopg.connect(shop.dsn()) as connection:
        names = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'orders'").fetchall()
    assert len([name for (name,) in names if name.startswith("trimtab_")]) == 1
    with State.open(tmp_path / "state.db") as state:
        assert result.change_id is not None
        events = [entry.event for entry in state.ledger(result.change_id)]
        assert state.verify_chain().intact
    assert events[0] == "proposed"
    assert events.index("approved") < events.index("checkpointed") < events.index("apply_intended")
    assert events[-1] == "kept"


@pytest.mark.store
def test_what_a_check_refuses_is_aborted_and_touches_nothing(shop: Database, tmp_path: Path) -> None:
    advice = QueryOptimizer(shop.dsn("trimtab_watch")).optimize_query_performance([SLOW % 7])[0]
    refusing = parse_config(QUICK + "[create_index]\nchanges_per_hour_max = 0\n")
    loop = AutomatedRemediation(
        shop.dsn("trimtab_watch"), shop.dsn("trimtab_change"), data_dir=tmp_path, config=refusing
    )
    result = loop.execute_safe_remediation(SLOW % 7, advice.index_recommendations[0], timeout_s=4)
    assert (result.status, result.rolled_back, result.effect) == ("aborted", False, None)
    with psycopg.connect(shop.dsn()) as connection:
        names = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'orders'").fetchall()
    assert names == [("orders_pkey",)]
