"""Literals that are no constants, and what parameters hide: `$n` in arrays and documents."""

from __future__ import annotations

import pytest

from tests.conftest import Database
from trimtab import QueryOptimizer
from trimtab.advise.workload.advisor import advise_workload
from trimtab.advise.workload.statements import read_statements
from trimtab.sql.connect import Connection

pytestmark = pytest.mark.postgres


def test_one_value_of_many_is_no_constant_and_a_rare_state_is_one(watch: Connection) -> None:
    text = """
    -- name: by channel
    -- calls: 100
    SELECT id, total FROM orders WHERE tenant_id = 3 AND channel = 'app' AND paid_at IS NULL ORDER BY placed_on LIMIT 9;
    -- name: queue
    -- calls: 100
    SELECT id, note FROM orders WHERE status = 'disputed' ORDER BY placed_on LIMIT 5;
    """
    advice = advise_workload(watch, *read_statements(text))
    found = {name: one.definition for one in advice.indexes for name in one.statements}
    assert "channel" not in (found["by channel"].predicate or "")
    assert "channel" in {key.sql for key in found["by channel"].keys}
    assert "disputed" in (found["queue"].predicate or "")


def test_parameters_of_documents_are_served_and_hidden_keys_are_said(watch: Connection) -> None:
    text = """
    -- name: holds
    SELECT id FROM events WHERE payload @> $1;
    -- name: newest that holds
    SELECT id, at FROM events WHERE payload @> $1 ORDER BY at DESC LIMIT $2;
    -- name: hidden
    SELECT id FROM events WHERE payload ->> $1 = $2;
    -- name: others
    SELECT count(*) FROM orders WHERE tenant_id = $1 AND status NOT IN ($2, $3);
    """
    advice = advise_workload(watch, *read_statements(text))
    assert not advice.left
    by_table = {one.definition.relation: one.ddl.partition(" USING ")[2] for one in advice.indexes}
    assert by_table["public.events"] == "gin (payload jsonb_path_ops)"
    assert [note.partition(":")[0] for note in advice.notes if "holds a parameter" in note] == ["hidden"]


def test_one_query_gets_an_index_of_another_kind_where_no_btree_can_search(shop: Database) -> None:
    optimizer = QueryOptimizer(shop.dsn("trimtab_watch"))
    held, missed = optimizer.optimize_query_performance(
        [
            """SELECT id FROM events WHERE payload @> '{"path": "/p/77", "level": 1}'""",
            "SELECT id FROM events WHERE kind LIKE '%uy%'",
        ]
    )
    [proposal] = held.index_recommendations
    assert (proposal.index.method, [key.sql for key in proposal.index.keys]) == ("gin", ["payload"])
    assert held.improvement_estimate.ratio == proposal.predicted_ratio < 0.2
    assert "model" in proposal.risk_reasons[0]
    assert missed.index_recommendations == ()
    assert missed.improvement_estimate.reason


def test_what_a_key_finds_needs_no_other_index(watch: Connection) -> None:
    text = """
    -- name: one order
    -- calls: 900
    SELECT o.status, i.quantity FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id = 77 AND o.paid_at IS NULL;
    -- name: items of a tenant
    SELECT sum(i.quantity) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.tenant_id = 9 AND o.status = 'done';
    """
    advice = advise_workload(watch, *read_statements(text))
    one_order = [one.definition for one in advice.indexes if "one order" in one.statements]
    assert {one.table for one in one_order} == {"items"}


def test_what_can_be_no_key_stops_nothing(watch: Connection) -> None:
    """GROUPING() in an order (TPC-DS has it), and what changes with the day: other statements get their advice."""
    text = """
    -- name: rolled up
    SELECT channel, status, sum(total) FROM orders WHERE user_id = 7 GROUP BY ROLLUP (channel, status)
     ORDER BY GROUPING(channel) + GROUPING(status), channel;
    -- name: by age
    SELECT id FROM orders WHERE user_id = 9 AND CURRENT_DATE - placed_on < INTERVAL '3 days'
     ORDER BY CURRENT_DATE - placed_on;
    """
    advice = advise_workload(watch, *read_statements(text))
    assert not advice.left
    assert {name for one in advice.indexes for name in one.statements} == {"rolled up", "by age"}
