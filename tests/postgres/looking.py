"""What trimtab's reading code sees of the shop, and what must be true of it on every version.

`look` asks; `check` judges. Both are run against real servers and against tapes of their answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.postgres import shop
from trimtab.advise.index.existing import same_or_wider
from trimtab.advise.index.plans import nodes, scans_with
from trimtab.advise.index.terms import unusable
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.system import Capability
from trimtab.observe.postgres.activity import ActivityLooks
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.cost import CostMeter
from trimtab.observe.postgres.explain import Plan, explain
from trimtab.observe.postgres.facts import Facts, Moment
from trimtab.observe.postgres.relations import IndexLooks, TableLooks
from trimtab.observe.postgres.samples import SampleKeeper
from trimtab.observe.postgres.server_numbers import database_looks, lock_looks, replication_looks, transaction_looks
from trimtab.observe.postgres.session import ServerFacts, Session
from trimtab.observe.postgres.settings import SettingLooks
from trimtab.observe.postgres.shapes import ShapeBook
from trimtab.observe.postgres.statements import StatementLooks
from trimtab.observe.postgres.watcher import Looks
from trimtab.sql.catalog import Catalog
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.conditions import Term
from trimtab.sql.connect import Connection
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.trees import single_statement
from trimtab.sql.versions import (
    ACTIVITY_QUERY_ID,
    LISTS_SQUASHED,
    LOCK_WAIT_START,
    NULLS_NOT_DISTINCT,
    STATEMENTS_INFO,
    STATEMENTS_IO_TIME,
    STATEMENTS_SINCE,
    STATEMENTS_TOPLEVEL,
    STATEMENTS_WAL,
    VIRTUAL_COLUMNS,
)

PLANNED = {
    "literal": "SELECT * FROM orders WHERE customer_id = 5",
    "parameter": "SELECT * FROM orders WHERE customer_id = $1 AND created_at > $2",
    "squashed": "SELECT count(*) FROM orders WHERE id IN ($1 /*, ... */)",
    "interval": "SELECT * FROM orders WHERE created_at > now() - interval $1",
    "second_column": "SELECT * FROM orders WHERE total = 5",
    "subplan": "SELECT * FROM orders WHERE id = (SELECT max(id) FROM customers)",
    "sorted": "SELECT * FROM orders ORDER BY created_at LIMIT 10",
    "partitioned": "SELECT count(*) FROM metrics WHERE host = 'h1'",
}
NAMED = "SELECT lower(c.name), now() FROM orders, never_analysed, empty_table, open_orders, metrics, customers c"


class StandingClock:
    """Time that passes by a second at every look at it."""

    def __init__(self) -> None:
        self._at_ms = 1_800_000_000_000

    def now_ms(self) -> int:
        self._at_ms += 1000
        return self._at_ms

    def sleep(self, seconds: float) -> None:
        self._at_ms += round(seconds * 1000)


@dataclass
class Seen:
    """Everything that was seen of one server."""

    facts: ServerFacts
    capabilities: tuple[Capability, ...]
    first: Facts = field(default_factory=Facts)
    second: Facts = field(default_factory=Facts)
    statement_columns: frozenset[str] = frozenset()
    samples: dict[str, tuple[str, ...]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    catalog: Catalog | None = None

    def rows(self, table_name: str) -> list[dict[str, Any]]:
        """Rows of the second look."""
        return [row for name, table in self.second.tables if name == table_name for row in table.to_pylist()]


def look(connection: Connection, between: Callable[[], None], after: Callable[[], None]) -> Seen:
    """Look twice at everything, `between` in between and `after` afterwards; then plans and the catalogue."""
    clock, book, samples = StandingClock(), ShapeBook("shop"), SampleKeeper()
    session = Session(connection, CostMeter())
    seen = Seen(session.facts, probe(connection), statement_columns=session.facts.statements_columns)
    looks: list[Looks] = [
        StatementLooks(book, clock),
        ActivityLooks(book, samples),
        TableLooks(),
        IndexLooks(),
        lock_looks(),
        transaction_looks(),
        replication_looks(),
        database_looks(),
        SettingLooks(),
    ]
    for facts in (seen.first, seen.second):
        for collector in looks:
            found = collector.collect(session, Moment("shop", clock.now_ms(), 10.0))
            facts.tables += found.tables
            facts.events += found.events
        (between if facts is seen.first else after)()
    for shape in book.shapes():
        seen.samples[shape.fingerprint] = samples.samples(shape.fingerprint)
    for name, text in PLANNED.items():
        seen.plans[name] = explain(connection, text)
    seen.catalog = read_catalog(connection, [single_statement(NAMED)])
    return seen


def check(seen: Seen, major: int, *, has_hypopg: bool) -> None:
    """Everything that is the same on all versions, and every difference that is known."""
    assert seen.facts.version_num // 10_000 == major
    _check_capabilities(seen, major, has_hypopg=has_hypopg)
    _check_statements(seen, major)
    _check_looks(seen, major)
    _check_plans(seen)
    _check_catalog(seen, major)


def _check_capabilities(seen: Seen, major: int, *, has_hypopg: bool) -> None:
    found = {c.name: c for c in seen.capabilities}
    missing = {name for name, c in found.items() if not c.available}
    assert missing == {"plans_of_writes"} | (set() if has_hypopg else {"hypopg"})
    assert f"PostgreSQL {major}." in found["server_version"].detail
    assert "knows 13 to 18" in found["server_version"].detail
    knows_ids = ACTIVITY_QUERY_ID.applies(seen.facts.version_num)
    assert ("not in this version" in found["compute_query_id"].detail) is not knows_ids
    assert found["plans"].detail.startswith("may read all data" if major >= 14 else "may read every table")
    assert seen.facts.statements_schema == "tools"


def _check_statements(seen: Seen, major: int) -> None:
    number = seen.facts.version_num
    for difference in (STATEMENTS_TOPLEVEL, STATEMENTS_INFO, STATEMENTS_IO_TIME, STATEMENTS_SINCE, STATEMENTS_WAL):
        assert difference.shown_by(seen.statement_columns) is difference.applies(number), difference.name
    executed = {row["fingerprint"]: row for row in seen.rows("query_executions")}
    wanted = {fingerprint(text): calls for text, calls in shop.expected_calls(major).items()}
    assert {name: row["calls"] for name, row in executed.items() if name in wanted} == wanted
    assert set(executed) == set(wanted), "utility statements and our own are left out"
    touched = executed[fingerprint(shop.TOUCH.format(1)) or ""]
    assert (touched["rows"], touched["wal_bytes"] > 0) == (1, True)
    texts = [
        row["text"] for row in seen.rows("query_shapes") if row["fingerprint"] == fingerprint(shop.BY_LIST.format(1))
    ]
    assert len(texts) == 1
    assert ("/*, ... */" in texts[0]) is LISTS_SQUASHED.applies(number)


def _check_looks(seen: Seen, major: int) -> None:
    assert [kind for kind, _ in seen.second.events if kind == "setting_changed"] == []
    tables = {row["relation"]: row for row in seen.rows("table_statistics")}
    assert {"public.orders", "public.customers", "public.metrics_1"} <= set(tables)
    assert tables["public.orders"]["relation_bytes"] > 100_000
    assert {row["index_name"] for row in seen.rows("index_statistics")} >= {"orders_pkey", "orders_status_total"}
    numbers = {row["name"]: row["value"] for row in seen.rows("server_statistics")}
    assert numbers["locks_waiting"] == 1
    assert ("lock_wait_ms_max" in numbers) is LOCK_WAIT_START.applies(seen.facts.version_num)
    assert numbers["prepared_transactions"] == 1
    assert numbers["slots_inactive"] == 1
    assert numbers["database_bytes"] > 1_000_000
    waiting = [row for row in seen.rows("activity_samples") if row["wait_event_type"] == "Lock"]
    assert [(row["state"], row["wait_event"]) for row in waiting] == [("active", "relation")]
    assert waiting[0]["fingerprint"] == fingerprint(shop.WAITING)
    assert seen.samples[fingerprint(shop.BY_CUSTOMER.format(1)) or ""] == ()


def _check_plans(seen: Seen) -> None:
    plans = {name: plan["Plan"] for name, plan in seen.plans.items()}
    assert plans["literal"]["Node Type"] == "Seq Scan"
    assert plans["literal"]["Plan Rows"] == 20
    assert plans["parameter"]["Plan Rows"] > 1, "a plan that saw NULLs would expect one row"
    assert any("$1" in str(node.get("Filter", "")) for node in nodes(plans["parameter"]))
    assert scans_with(plans["squashed"], "orders_pkey")
    assert plans["interval"]["Node Type"] == "Seq Scan"
    assert any(node.get("Parent Relationship") == "InitPlan" for node in nodes(plans["subplan"]))
    assert [node["Node Type"] for node in nodes(plans["sorted"])][:2] == ["Limit", "Sort"]
    assert all(float(node["Total Cost"]) < 1e6 for plan in plans.values() for node in nodes(plan))


def _check_catalog(seen: Seen, major: int) -> None:
    catalog = seen.catalog
    assert catalog is not None
    assert catalog.missing == ()
    tables = {table.name: table for table in catalog.tables.values()}
    orders, customers = tables["orders"], tables["customers"]
    assert (orders.rows, orders.readable, orders.visible_share) == (float(shop.ORDERS), True, 1.0)
    assert tables["never_analysed"].rows is None
    assert tables["never_analysed"].rows_estimate > 1000
    assert tables["empty_table"].rows_estimate == 0
    assert (tables["metrics"].kind, tables["metrics"].leaves_count, tables["metrics"].rows) == ("p", 1, 1000.0)
    assert customers.columns["name"].c_collation
    assert customers.columns["email"].c_collation, "the database was made with --no-locale"
    assert orders.columns["total_cents"].generated
    assert not orders.columns["total_cents"].virtual
    assert "over" in orders.writes.source
    if VIRTUAL_COLUMNS.applies(seen.facts.version_num):
        why = unusable(Term("doubled", False, ("doubled",)), orders, catalog)
        assert why == "doubled is a virtual generated column, which PostgreSQL cannot index"
    if NULLS_NOT_DISTINCT.applies(seen.facts.version_num):
        by_email = IndexDefinition("public", "customers", (IndexKey("email"),))
        serves = same_or_wider(customers, by_email)
        assert serves is not None
        assert serves.name == "customers_email"
    assert {index.name for index in orders.indexes} == {"orders_pkey", "orders_status_total"}
    assert catalog.volatility == {"lower": frozenset("i"), "now": frozenset("s")}
