"""What a DBA found wrong with advice on a service's tables: soft deletes, a queue, writers, small things."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.advisor import advise
from trimtab.advise.index.candidates import Candidate, composite
from trimtab.advise.index.covering import covering
from trimtab.advise.index.plans import Node
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.candidates import block_ranges
from trimtab.advise.workload.costs import Answer
from trimtab.advise.workload.faults import GuardedTimes
from trimtab.advise.workload.inverted_size import sampled_size
from trimtab.advise.workload.outlook import outlook
from trimtab.advise.workload.statements import read_statements
from trimtab.cli.main import main
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import Column, ColumnStatistics, Table
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.conditions import Condition, Match, TableUse, Term
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import single_statement

pytestmark = pytest.mark.postgres

INBOX = "SELECT id, subject FROM tickets WHERE tenant_id = {} AND status = {} AND deleted_at IS NULL"
INBOX += " ORDER BY created_at DESC LIMIT 20"
QUEUE = "SELECT id, payload FROM jobs WHERE state = $1 AND run_at <= now() ORDER BY run_at LIMIT 1"
QUEUE += " FOR UPDATE SKIP LOCKED"


@pytest.fixture(scope="module")
def service(cluster: Cluster) -> Iterator[Database]:
    cluster.execute("CREATE DATABASE advise_service")
    made = Database(cluster, "advise_service")
    made.execute(
        "CREATE EXTENSION pg_stat_statements",
        "CREATE EXTENSION hypopg",
        """CREATE TABLE tickets AS SELECT i AS id, i % 110 AS tenant_id, i % 4001 AS user_id,
             CASE WHEN i % 3 = 0 THEN 'open' ELSE 'closed' END AS status, md5(i::text) AS subject,
             timestamptz '2026-01-01 00:00Z' + i * interval '1 minute' AS created_at,
             CASE WHEN i % 20 = 1 THEN now() END AS deleted_at FROM generate_series(1, 30000) i""",
        """CREATE TABLE users AS SELECT i AS id, 'U' || i AS email, repeat('n', 40) AS name
             FROM generate_series(1, 4000) i""",
        """CREATE TABLE jobs AS SELECT i AS id, CASE WHEN i > 29997 THEN 'queued' ELSE 'done' END AS state,
             timestamptz '2026-01-01 00:00Z' + i * interval '1 minute' AS run_at, '{"a":1}'::jsonb AS payload
             FROM generate_series(1, 30000) i""",
        "VACUUM ANALYZE tickets, users, jobs",
        "CREATE TABLE empty_never (id int PRIMARY KEY, a int, b text)",
        "CREATE INDEX ON empty_never (a)",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO trimtab_watch",
    )
    yield made
    cluster.execute("DROP DATABASE advise_service WITH (FORCE)")


@pytest.fixture
def watching(service: Database) -> Iterator[Connection]:
    with Reference.parse(service.dsn("trimtab_watch")).connect("trimtab/advise") as connection:
        yield connection


def advised(connection: Connection, text: str) -> WorkloadAdvice:
    return advise_workload(connection, *read_statements(text), settings=WorkloadSettings(time_max_s=60))


def definitions(advice: WorkloadAdvice) -> list[str]:
    return [one.ddl.partition(" USING btree ")[2] for one in advice.indexes]


def test_what_must_be_null_does_not_break_an_order(watching: Connection) -> None:
    for values in ((7, "'open'"), ("$1", "$2")):  # a third is open: one value of many, not a state that few rows have
        found = definitions(advised(watching, INBOX.format(*values)))
        assert [one.replace(" INCLUDE (id, subject)", "") for one in found] == [
            "(tenant_id, status, created_at) WHERE deleted_at IS NULL"
        ]
    one = advise(watching, SlowQuery(INBOX.format("$1", "$2"), calls=500, window_s=100.0), system="s")
    keys = [key.sql for key in one.proposals[0].index.keys]
    assert keys[:3] == ["tenant_id", "status", "created_at"]
    assert one.proposals[0].predicted_interval_90[1] < 1
    join = "SELECT t.id FROM tickets t JOIN users u ON u.id = t.user_id WHERE u.id = 5 AND t.deleted_at IS NULL"
    tree = single_statement(join)
    catalog = read_catalog(watching, [tree])
    keys_found = [one.definition.keys for use in analyse(tree, catalog).uses for one in composite(use, catalog)]
    assert not [keys for keys in keys_found if keys[0].sql == "deleted_at"]


def test_a_queue_is_never_walked_past_what_is_done(watching: Connection) -> None:
    """Another statement's index on the order alone is none for the queue, though LIMIT 1 makes it look cheap."""
    advice = advised(watching, f"-- name: queue\n{QUEUE};\n-- name: all\nSELECT id FROM jobs ORDER BY run_at LIMIT 1;")
    served = {one.ddl.partition(" USING btree ")[2]: one.statements for one in advice.indexes}
    assert [keys for keys, names in served.items() if "queue" in names] == ["(state, run_at)"]
    said = next(one for one in advice.statements if one.name == "queue")
    assert "early_stop" not in said.rests_on
    one = advise(watching, SlowQuery(QUEUE, calls=500, window_s=100.0), system="s")
    assert [[key.sql for key in proposal.index.keys][:2] for proposal in one.proposals[:1]] == [["state", "run_at"]]


def test_the_interval_of_an_early_stop_reaches_to_its_loss() -> None:
    walk: Node = {
        "Node Type": "Index Scan",
        "Index Name": "i",
        "Filter": "(a = 1)",
        "Total Cost": 900.0,
        "Plan Rows": 99,
    }
    plan: Node = {"Node Type": "Limit", "Total Cost": 1.0, "Plan Rows": 1, "Plans": [walk]}
    today: Node = {"Node Type": "Seq Scan", "Total Cost": 1000.0, "Plan Rows": 1}
    table = Table(1, "public", "t", "r", 1e5, 1000, 8_192_000, 1.0, True, {}, ())
    candidate = Candidate(IndexDefinition("public", "t", (IndexKey("b"),)), table, "t", "a test")
    before, after = Answer(1000.0, frozenset(), frozenset(), today), Answer(1.0, frozenset({0}), frozenset({0}), plan)
    said = outlook("one", [(before, after)], [(10.0, 0.01)], [candidate], ())
    assert said.rests_on == ("early_stop",)
    assert said.predicted_ratio < 0.01
    assert said.interval_90[1] >= 0.9


def test_an_empty_table_and_a_fault_of_ours_leave_the_rest(
    watching: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = """-- name: empty
              SELECT a.b FROM empty_never a JOIN empty_never b ON a.id = b.id WHERE a.a = 3 AND b.b = 'nm3';
              -- name: good
              SELECT id FROM tickets WHERE subject = 'x';"""
    advice = advised(watching, text)
    assert advice.left == ()
    assert [one.statements for one in advice.indexes] == [("good",)]

    plain = GuardedTimes.of

    def broken(self: GuardedTimes, place: int, answer: Answer) -> float:
        if place == 0:
            monkeypatch.setattr(self._times, "of", lambda *_: 1 / 0)
            try:
                return plain(self, place, answer)
            finally:
                monkeypatch.delattr(self._times, "of")
        return plain(self, place, answer)

    monkeypatch.setattr(GuardedTimes, "of", broken)
    advice = advised(watching, text)
    assert [one.name for one in advice.left] == ["empty"]
    assert "a fault of trimtab itself: ZeroDivisionError" in advice.left[0].reason
    assert [one.name for one in advice.statements] == ["good"]
    assert [one.statements for one in advice.indexes] == [("good",)]
    assert "division by zero" in caplog.text


def test_what_writers_pay_is_told(service: Database, tmp_path: Path) -> None:
    file = tmp_path / "workload.sql"
    file.write_text(f"""-- name: next
        -- calls: 50
        {QUEUE};
        -- name: finish
        -- calls: 40
        UPDATE jobs SET state = 'done' WHERE id = 77;
        -- name: add
        -- calls: 30
        INSERT INTO jobs VALUES (1, 'queued', now(), '{{}}'), (2, 'queued', now(), '{{}}');""")
    arguments = ["advise", service.dsn("trimtab_watch"), "--workload", str(file)]
    done = CliRunner().invoke(main, [*arguments, "--format", "json"], catch_exceptions=False)
    said = json.loads(done.stdout)
    queue = next(one for one in said["indexes"] if "(state, run_at)" in one["ddl"])
    assert queue["write_cost_ms"] == pytest.approx((30 * 2 + 40) * 0.003)
    per_query = {one["query"]: one for one in said["per_query"]}
    low, high = per_query["add"]["interval_90"]
    assert 1 < low < per_query["add"]["predicted_ratio"] < high
    assert "writes" in per_query["finish"]["rests_on"]
    assert said["notes"] == list(dict.fromkeys(said["notes"]))
    text = CliRunner().invoke(main, arguments, catch_exceptions=False).stdout
    assert "writers of public.jobs pay 0.3 ms in all their calls" in text
    notes = [line.strip().removeprefix("note: ") for line in text.splitlines() if "no advice was measured" in line]
    assert len(notes) == 1


def test_a_key_that_brings_nothing_is_left_away(watching: Connection) -> None:
    """The index of one statement serves another in which the table bears another name."""
    advice = advised(
        watching,
        """-- calls: 50
           SELECT id, name FROM users WHERE lower(email) = 'u77';
           -- calls: 20
           SELECT t.id FROM tickets t JOIN users u ON u.id = t.user_id WHERE lower(u.email) = 'u9';""",
    )
    assert [one for one in definitions(advice) if "lower" in one] == ["((lower(email)))"]


def test_what_a_predicate_says_is_not_included(watching: Connection) -> None:
    tree = single_statement(INBOX.format(7, "'open'"))
    use = analyse(tree, read_catalog(watching, [tree])).uses[0]
    use.table = replace(use.table, visible_share=1.0)
    keys = (IndexKey("tenant_id"), IndexKey("created_at"))
    constants = tuple(c.predicate for c in use.conditions if c.predicate and c.term.sql in {"status", "deleted_at"})
    partial = Candidate(
        IndexDefinition("public", "tickets", keys, predicate="status"), use.table, use.alias, "", constants
    )
    made = covering(partial, use, AdviseSettings(include_columns_max=4, include_width_bytes_max=200))
    assert [one.definition.include for one in made] == [("id", "subject"), ("deleted_at", "id", "status", "subject")]


@pytest.mark.parametrize(
    ("pages", "correlation", "count"), [(3_334, 1.0, 1), (3_334, 0.97, 0), (900, 1.0, 0), (9_000, -0.96, 1)]
)
def test_ranges_of_blocks_pay_on_smaller_tables_that_lie_in_order(pages: int, correlation: float, count: int) -> None:
    statistics = ColumnStatistics(0.0, 8, -1.0, correlation=correlation)
    at = Column("at", "timestamp with time zone", "D", True, False, True, True, statistics)
    table = Table(1, "public", "events", "r", 4e5, pages, pages * 8192, 1.0, True, {"at": at}, ())
    use = TableUse(table, "events", [Condition(Term("at", False, ("at",)), Match.RANGE, ">")])
    assert len(block_ranges(use)) == count


def test_the_size_of_an_inverted_index_comes_from_a_sample_of_its_keys(service: Database) -> None:
    """Sixty thousand keys of 603 values take one to three bytes a row, not the width of the document."""
    tree = single_statement("SELECT payload FROM documents")
    with psycopg.connect(service.dsn()) as builder:
        builder.execute(
            """CREATE TABLE documents AS SELECT i AS id, jsonb_build_object('src', i % 3,
                 'tag', md5((i % 600)::text)) AS payload FROM generate_series(1, 30000) i"""
        )
        builder.execute("ANALYZE documents")
        table = read_catalog(builder, [tree]).find(None, "documents")
        assert table is not None
        keys = (IndexKey("payload", opclass="jsonb_path_ops"),)
        definition = IndexDefinition("public", "documents", keys, method="gin")
        predicted = sampled_size(builder, table, definition)
        builder.execute("CREATE INDEX inverted_probe ON documents USING gin (payload jsonb_path_ops)")
        row = builder.execute("SELECT pg_relation_size('inverted_probe')").fetchone()
        builder.rollback()
    assert predicted is not None
    assert row is not None
    assert 0.5 < predicted / row[0] < 2, (predicted, row[0])
