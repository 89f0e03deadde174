"""What holds for every advice: it leaves nothing behind, stays in its bounds, and says what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo.cluster import Cluster
from tests.advise.conftest import SHOP_SQL
from tests.advise.golden import GOLDEN, QUEUE, VARYING
from tests.advise.test_golden import NO_WRITES
from tests.conftest import Database
from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.advisor import advise
from trimtab.advise.index.predict import RESIDUALS_MIN
from trimtab.model.change import Risk
from trimtab.model.errors import ExtensionMissing, PermissionMissing, ServerUnreachable
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import TableWrites
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.index_ddl import create_statement, index_name, readable

pytestmark = pytest.mark.postgres

USER_77 = SlowQuery("SELECT * FROM orders WHERE user_id = 77", calls=10, mean_exec_time_ms=50.0)

STATE = (
    "SELECT count(*) FROM hypopg_list_indexes",
    "SELECT count(*) FROM pg_prepared_statements",
    "SELECT string_agg(name || setting, ',' ORDER BY name) FROM pg_settings WHERE source = 'session'",
    "SELECT current_setting('search_path'), current_setting('statement_timeout'), current_setting('lock_timeout')",
    "SELECT count(*) FROM pg_class",
    "SELECT count(*) FROM pg_statistic_ext",
    "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation > 16383",
    "SELECT count(*) FROM pg_class WHERE relpersistence = 't'",
)


def state(connection: Connection) -> list[object]:
    return [connection.execute(query.encode(), prepare=False).fetchone() for query in STATE]


def test_leaves_no_trace(watch: Connection) -> None:
    before = state(watch)
    for golden in GOLDEN:
        advise(watch, SlowQuery(golden.text, samples=golden.samples), system="shop")
        assert watch.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert state(watch) == before


def test_leaves_no_trace_inside_a_transaction(shop: Database) -> None:
    with psycopg.connect(shop.dsn("trimtab_watch")) as connection:
        connection.execute("SET LOCAL statement_timeout = '3s'")
        advise(connection, SlowQuery("SELECT * FROM old_orders WHERE user_id = 1"), system="shop")
        advise(connection, SlowQuery("SELECT * FROM users WHERE date(created_at) = $1"), system="shop")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.execute("SHOW statement_timeout").fetchone() == ("3s",)
        assert connection.execute("SELECT count(*) FROM hypopg_list_indexes").fetchone() == (0,)


@pytest.fixture(scope="module")
def empty_shop(cluster: Cluster) -> Iterator[Database]:
    """The shop's tables without rows: every index builds at once."""
    cluster.execute("CREATE DATABASE advise_empty")
    made = Database(cluster, "advise_empty")
    parts = [part for part in SHOP_SQL.read_text().split(";\n") if part.strip()]
    made.execute(*(part for part in parts if "INSERT INTO" not in part and not part.startswith("VACUUM")))
    yield made
    cluster.execute("DROP DATABASE advise_empty WITH (FORCE)")


CONDITIONS = {
    "orders o": (
        "o.user_id = 7", "o.status = 'pending'", "o.total > 5", "o.created_at >= '2025-05-01'", "o.paid_at IS NULL",
        "o.paid_at IS NOT NULL", "o.status IN ('done', 'disputed')", "lower(o.note) = 'x'", "o.note LIKE 'x%'",
        "date(o.placed_on) = '2025-01-05'", "date(o.created_at) = '2025-01-05'", "o.total - o.weight > 3",
        "o.weight <> 4",
        "(o.weight = 3 OR o.channel = 'app')", "o.total_cents BETWEEN 1 AND 5", "coalesce(o.weight, 0) = 1",
        "o.id = ANY ('{1,2,3}')", "now() - o.created_at > '1 day'", "(o.tenant_id, o.id) > (1, 2)", "o.note ~ 'x'",
        "o.weight::text = '5'", "o.channel || o.status = 'webdone'", "extract(year from o.created_at) = 2025",
        "EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.price > 50)", "NOT o.status = 'done'",
    ),
    "events o": (
        "o.payload->>'path' = '/p/1'", "o.payload @> '{}'", "o.tags = ARRAY['x']", "o.payload = '{}'", "o.kind = 'buy'",
        "(o.payload->>'level')::int > 2", "o.tags[1] = 't1'", "array_length(o.tags, 1) = 1", "md5(o.kind) = 'x'",
        "o.at > now() - interval '1 day'", "o.at AT TIME ZONE 'UTC' < '2026-01-05'", "o.user_id + 1 = 5",
        "random() < 0.5",
        "length(o.payload::text) > 5", "o.kind COLLATE \"C\" = 'x'", "o.user_id IS DISTINCT FROM 4",
    ),
    '"Big Shop"."Order Lines" o': (
        """o."User" = 'u1'""", """o."select" > 5""", """upper(o."User") = 'U1'""", """o."order" < now()""",
        """o."Id" % 2 = 1""",
    ),
}  # fmt: skip
ORDERS = {
    "orders o": (
        "created_at DESC",
        "weight NULLS FIRST",
        "total, id",
        "lower(o.note)",
        "1",
        "user_id DESC, created_at",
    ),
    "events o": ("at DESC NULLS LAST", "payload->>'path'", "kind, at DESC", "2"),
    '"Big Shop"."Order Lines" o': ('"order"', 'o."User" DESC, o."select"'),
}


@st.composite
def statements(draw: st.DrawFn) -> str:
    table = draw(st.sampled_from(sorted(CONDITIONS)))
    where = draw(st.lists(st.sampled_from(CONDITIONS[table]), min_size=0, max_size=4, unique=True))
    order = draw(st.one_of(st.none(), st.sampled_from(ORDERS[table])))
    text = f"SELECT * FROM {table}"
    text += f" WHERE {' AND '.join(where)}" if where else ""
    text += f" ORDER BY {order}" if order else ""
    return text + draw(st.sampled_from(["", " LIMIT 10"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=statements())
def test_every_priced_candidate_really_builds(watch: Connection, empty_shop: Database, text: str) -> None:
    before = state(watch)
    advice = advise(watch, SlowQuery(text, calls=10, mean_exec_time_ms=50.0), system="shop", writes=NO_WRITES)
    assert advice.proposals or advice.reason
    with psycopg.connect(empty_shop.dsn()) as builder:
        for line in advice.considered:
            if line.predicted_ratio is None:
                continue
            name = index_name(line.index, "c1")
            builder.execute(create_statement(line.index, name, concurrently=False).encode())
            assert line.index.predicate is None or "$" not in line.index.predicate
        builder.rollback()
    assert state(watch) == before


def test_says_what_is_missing(cluster: Cluster, database: Database) -> None:
    database.execute("CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 50000) i", "CREATE ROLE nobody LOGIN")
    query = SlowQuery("SELECT * FROM t WHERE a = 1")
    try:
        with (
            Reference.parse(database.dsn("nobody")).connect() as connection,
            pytest.raises(PermissionMissing) as refused,
        ):
            advise(connection, query, system="shop")
        assert refused.value.facts["sql"]
        database.execute("DROP EXTENSION hypopg")
        with (
            Reference.parse(database.dsn("trimtab_watch")).connect() as connection,
            pytest.raises(ExtensionMissing) as missing,
        ):
            advise(connection, query, system="shop")
        assert missing.value.facts["sql"] == "CREATE EXTENSION hypopg"
    finally:
        cluster.execute("DROP ROLE nobody")


def test_hypopg_in_another_schema_and_name_outside_the_path(database: Database) -> None:
    database.execute(
        "DROP EXTENSION hypopg",
        'CREATE SCHEMA "What If"',
        'CREATE EXTENSION hypopg SCHEMA "What If"',
        'GRANT USAGE ON SCHEMA "What If" TO trimtab_watch',
        "CREATE SCHEMA far",
        "CREATE TABLE far.t AS SELECT i AS a FROM generate_series(1, 50000) i",
        "ANALYZE far.t",
    )
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        advice = advise(connection, SlowQuery("SELECT * FROM t WHERE a = 1", mean_exec_time_ms=9), system="shop")
    assert [readable(p.index) for p in advice.proposals] == ["far.t (a)"]


def test_a_lost_connection_is_said(database: Database) -> None:
    database.execute("CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 50000) i")
    connection = Reference.parse(database.dsn("trimtab_watch")).connect()
    database.execute(
        f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)",
    )
    with pytest.raises(ServerUnreachable):
        advise(connection, SlowQuery("SELECT * FROM t WHERE a = 1"), system="shop")
    connection.close()


def test_a_locked_table_does_not_hold_it_up(database: Database) -> None:
    database.execute("CREATE TABLE t AS SELECT i AS a FROM generate_series(1, 50000) i")
    with (
        psycopg.connect(database.dsn()) as holder,
        Reference.parse(database.dsn("trimtab_watch")).connect(lock_timeout_ms=200) as connection,
    ):
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ServerUnreachable):
            advise(connection, SlowQuery("SELECT * FROM t WHERE a = 1"), system="shop")
        assert connection.execute("SELECT count(*) FROM hypopg_list_indexes").fetchone() == (0,)


def test_what_if_calls_are_bounded(watch: Connection) -> None:
    text = (
        "SELECT id FROM orders WHERE tenant_id = 1 AND user_id = 2 AND status = 'x' AND weight > 3 ORDER BY created_at"
    )
    for bound in (1, 3, 7):
        advice = advise(watch, SlowQuery(text), system="shop", settings=AdviseSettings(what_if_calls_max=bound))
        assert advice.what_if_calls == bound
        assert any("stopped after" in note for note in advice.notes)
    none = advise(watch, SlowQuery(text), system="shop", settings=AdviseSettings(what_if_calls_max=0))
    assert none.proposals == ()
    assert "too few" in (none.reason or "")
    few = advise(watch, SlowQuery(text), system="shop", settings=AdviseSettings(candidates_max=2))
    assert len([line for line in few.considered if not line.index.include]) <= 2


def test_writes_are_weighed_against_the_gain(watch: Connection) -> None:
    rare = SlowQuery(USER_77.text, calls=1, window_s=3600, mean_exec_time_ms=20.0)
    busy = {"public.orders": TableWrites(inserts_per_s=500, updates_per_s=300, hot_updates_per_s=300, source="test")}
    advice = advise(watch, rare, system="shop", writes=busy)
    assert advice.proposals == ()
    assert "of reading and cost" in (advice.reason or "")
    (line,) = [c for c in advice.considered if readable(c.index) == "public.orders (user_id)"]
    assert line.write_cost_ms_per_s is not None
    assert line.gain_ms_per_s is not None
    assert line.write_cost_ms_per_s > 1 > line.gain_ms_per_s
    still = {"public.orders": TableWrites(updates_per_s=300, hot_updates_per_s=300, updated_columns={"note": 1.0})}
    (best, *_) = advise(watch, rare, system="shop", writes=still).proposals
    assert best.write_cost_ms_per_s == 0


def test_updated_columns_come_from_the_statements_seen(shop: Database, watch: Connection) -> None:
    shop.execute("SELECT pg_stat_statements_reset()")
    shop.execute(*["UPDATE archive.old_orders SET note = 'y' WHERE id = 1"] * 3)
    shop.execute("UPDATE archive.old_orders SET status = 'x', weight = 5 WHERE id = 1")
    from trimtab.advise.index.write_cost import updated_columns
    from trimtab.sql.catalog_reader import read_catalog
    from trimtab.sql.trees import single_statement

    tree = single_statement("SELECT * FROM archive.old_orders")
    tables = list(read_catalog(watch, [tree]).tables.values())
    assert updated_columns(watch, tables) == {"archive.old_orders": {"note": 0.75, "status": 0.25, "weight": 0.25}}


def test_a_varying_literal_never_makes_a_partial_index(watch: Connection) -> None:
    for samples in (VARYING, VARYING[:2], QUEUE[:7]):
        advice = advise(watch, SlowQuery(samples[0], mean_exec_time_ms=50, samples=samples[1:]), system="shop")
        assert advice.considered
        assert all(line.index.predicate is None for line in advice.considered)


def test_a_bound_parameter_leaves_the_literals_beside_it_constant(watch: Connection) -> None:
    text = "SELECT id FROM orders WHERE status = $1 AND weight = $2"
    sent = "SELECT id FROM orders WHERE status = 'disputed' AND weight = $1"
    advice = advise(watch, SlowQuery(text, mean_exec_time_ms=50, samples=(sent,)), system="shop", writes=NO_WRITES)
    assert {line.index.predicate for line in advice.considered} == {None, "(status = 'disputed')"}
    advice = advise(watch, SlowQuery(text, mean_exec_time_ms=50), system="shop", writes=NO_WRITES)
    assert {line.index.predicate for line in advice.considered} == {None}


def test_residuals_of_the_ledger_make_the_interval(watch: Connection) -> None:
    few = advise(watch, USER_77, system="shop", residuals=[0.1] * (RESIDUALS_MIN - 1)).proposals[0]
    assert few.interval_source.startswith(
        "44 index proposals measured by trimtab's authors on test databases, not on this server"
    )
    residuals = [0.01 * n for n in range(-10, 20)]
    own = advise(watch, USER_77, system="shop", residuals=residuals).proposals[0]
    assert "30 changes that were measured here" in own.interval_source
    low, high = (bound / own.predicted_ratio for bound in own.predicted_interval_90)
    assert low == pytest.approx(2.718**-0.10, rel=0.01)
    assert high == pytest.approx(2.718**0.19, rel=0.01)


def test_a_bet_on_an_early_limit_is_proposed_with_high_risk(watch: Connection) -> None:
    text = "SELECT * FROM orders WHERE total > weight * 2 ORDER BY created_at DESC LIMIT 20"
    (best, *_) = advise(watch, SlowQuery(text, calls=10, mean_exec_time_ms=50.0), system="shop").proposals
    assert readable(best.index) == "public.orders (created_at)"
    assert best.risk is Risk.HIGH
    assert "the plan relies on LIMIT stopping early through a filter" in best.not_verified
    assert best.predicted_interval_90[1] > 1


def test_an_unanalysed_table_is_a_high_risk(watch: Connection) -> None:
    query = SlowQuery("SELECT * FROM never_analysed WHERE a = 5", calls=10, mean_exec_time_ms=50.0)
    (best, *_) = advise(watch, query, system="shop", writes=NO_WRITES).proposals
    assert best.risk is Risk.HIGH
    assert any("ANALYZE" in text for text in best.not_verified)


def test_an_invalid_twin_is_no_reason_to_stay_away(database: Database) -> None:
    database.execute(
        "CREATE TABLE t AS SELECT i % 5000 AS a FROM generate_series(1, 50000) i",
        "ANALYZE t",
        "CREATE INDEX broken ON t (a)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
    )
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        query = SlowQuery("SELECT * FROM t WHERE a = 1", calls=100, mean_exec_time_ms=9)
        (best, *_) = advise(connection, query, system="shop", writes={"public.t": TableWrites()}).proposals
    assert readable(best.index) == "public.t (a)"
    assert any("broken" in text for text in best.risk_reasons)


def test_like_needs_an_operator_class_outside_the_c_collation(database: Database) -> None:
    database.execute(
        'CREATE TABLE t (a text COLLATE "und-x-icu", b varchar(40) COLLATE "und-x-icu")',
        "INSERT INTO t SELECT md5(i::text), md5(i::text) FROM generate_series(1, 30000) i",
        "ANALYZE t",
    )
    said = []
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        for where in ("a LIKE 'ab1%'", "lower(a) LIKE 'ab1%'", "b LIKE 'ab1%'", "a = 'x'"):
            query = SlowQuery(f"SELECT * FROM t WHERE {where}", calls=10, mean_exec_time_ms=50.0)
            said.append(readable(advise(connection, query, system="shop").proposals[0].index))
    assert said == [
        "public.t (a text_pattern_ops)",
        "public.t ((lower(a)) text_pattern_ops)",
        "public.t (b varchar_pattern_ops)",
        "public.t (a)",
    ]


def test_literals_stay_out_of_what_is_said(watch: Connection) -> None:
    text = "SELECT * FROM users WHERE lower(email) = 'very-secret@example.org' AND name = 'also-secret'"
    advice = advise(watch, SlowQuery(text, calls=10, mean_exec_time_ms=50.0), system="shop")
    assert advice.proposals
    assert "secret" not in repr(advice)
