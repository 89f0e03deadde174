"""Plans, prices and advice on a real server of every version: grade R."""

from __future__ import annotations

import pytest

from tests.advise.conftest import fill_shop
from tests.advise.golden import GOLDEN
from tests.advise.test_golden import asked
from tests.postgres import shop
from tests.postgres.conftest import Server
from tests.postgres.proofs import Grade, proves
from tests.postgres.real import ON_REAL_SERVERS, connected, has_hypopg, own_database
from trimtab.advise.index.advisor import advise
from trimtab.advise.index.plans import nodes
from trimtab.model.errors import ExtensionMissing, StatementRefused
from trimtab.model.query import SlowQuery
from trimtab.observe.postgres.explain import explain
from trimtab.observe.postgres.plan_capture import capture
from trimtab.sql import versions
from trimtab.sql.index_ddl import readable

pytestmark = ON_REAL_SERVERS


@proves(Grade.REAL, versions.DISABLED_NODES)
def test_a_forbidden_node_costs_what_it_costs(server: Server) -> None:
    texts = (
        "SELECT * FROM orders WHERE customer_id = 5",
        "SELECT * FROM orders ORDER BY note",
        shop.BY_CUSTOMER.format("$1"),
    )
    with connected(server) as connection:
        allowed = [explain(connection, text)["Plan"] for text in texts]
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_sort = off")
        forbidden = [explain(connection, text)["Plan"] for text in texts]
    for before, after in zip(allowed, forbidden, strict=True):
        assert after["Total Cost"] == pytest.approx(before["Total Cost"], rel=0.01)
        scans = [node for node in nodes(after) if node["Node Type"] == "Seq Scan"]
        assert [node.get("Disabled") for node in scans] == [True]


@proves(Grade.REAL, versions.FRACTIONAL_ROWS, versions.BUFFERS_BY_DEFAULT)
def test_a_plan_that_was_run_has_rows_and_buffers(server: Server) -> None:
    text = "SELECT c.id, o.id FROM customers c JOIN orders o ON o.id = c.id * 40 WHERE c.id < 100"
    with connected(server) as connection:
        found = capture(connection, text, text, analyze=True, analyze_timeout_ms=5_000)
    assert found.has_actuals, found.why_no_actuals
    steps = list(nodes(found.plan["Plan"]))
    assert all(isinstance(step["Actual Rows"], int | float) for step in steps)
    assert sum(step["Shared Hit Blocks"] for step in steps) > 0


@proves(Grade.REAL, versions.SUBPLAN_NAMES)
def test_a_condition_on_a_subplan_cannot_stand_alone(server: Server) -> None:
    """As plans of 13 to 16, and of 17 and later, spell it; what a price cannot be asked for is not asked."""
    with connected(server) as connection:
        for condition in ("(id = $0)", "(id = (InitPlan 1).col1)"):
            with pytest.raises(StatementRefused):
                explain(connection, f"SELECT 1 FROM public.orders AS orders WHERE {condition}")
        plan = explain(connection, "SELECT * FROM orders WHERE id = (SELECT max(id) FROM customers)")["Plan"]
    [condition] = [str(node["Index Cond"]) for node in nodes(plan) if node.get("Index Name") == "orders_pkey"]
    assert ("(InitPlan" in condition) is versions.SUBPLAN_NAMES.applies(server.major * 10_000)


@proves(Grade.REAL, versions.SKIP_SCAN)
def test_a_skip_scan_is_in_todays_price(server: Server) -> None:
    with connected(server) as connection:
        plan = explain(connection, "SELECT count(*) FROM orders WHERE total = 5")["Plan"]
    conditions = [str(node["Index Cond"]) for node in nodes(plan) if "Index Cond" in node]
    if versions.SKIP_SCAN.applies(server.major * 10_000):
        assert conditions
        assert "total" in conditions[0]
    else:
        assert plan["Total Cost"] > 100


def test_golden_advice_where_hypopg_is_there(server: Server) -> None:
    if not has_hypopg(server):
        pytest.skip("the server's folder has no HypoPG: on 15 tests/advise runs this with Debian's")
    with own_database(server, "golden") as database:
        fill_shop(database)
        with connected(server, "postgres", "golden") as connection:
            for golden in GOLDEN:
                advice = asked(connection, golden)
                said = [readable(p.index) for p in advice.proposals]
                assert said[:1] == [] if not golden.best else said[0] in golden.best, golden.text


@proves(Grade.REAL, versions.HYPOPG_VERSION)
def test_advice_needs_hypopg_and_says_so(server: Server) -> None:
    """These servers come without HypoPG; on 15 the whole adviser is tested with it (tests/advise)."""
    with connected(server) as connection, pytest.raises(ExtensionMissing) as caught:
        advise(connection, SlowQuery("SELECT * FROM orders WHERE customer_id = 5"), system="shop")
    assert caught.value.facts["sql"] == "CREATE EXTENSION hypopg"
