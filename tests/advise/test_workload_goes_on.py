"""What happens to one table or statement while advice is made is said, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
import pytest

from tests.conftest import Database
from trimtab.advise.index.plans import Node
from trimtab.advise.index.session import LOCKED
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.asking import Asking
from trimtab.advise.workload.costs import Costs
from trimtab.advise.workload.hypothetical import Hypothetical
from trimtab.advise.workload.reading import NOT_PRICED
from trimtab.advise.workload.statements import read_statements
from trimtab.model.errors import ServerUnreachable
from trimtab.sql.connect import Reference

pytestmark = pytest.mark.postgres

ROWS = "SELECT g, g % 300, g % 7, now() - g * interval '1 minute' FROM generate_series(1, 30000) AS g"


@pytest.fixture
def desk(database: Database) -> Database:
    columns = "(id int PRIMARY KEY, tenant_id int, state int, at timestamptz)"
    database.execute(f"CREATE TABLE tasks {columns}", f"CREATE TABLE notes {columns}", "CREATE SCHEMA old")
    database.execute(
        f"CREATE TABLE old.tasks {columns}", "INSERT INTO old.tasks SELECT g, 1, 1 FROM generate_series(1, 9) g"
    )
    database.execute("CREATE TABLE seen (id int, at timestamptz) PARTITION BY RANGE (at)")
    database.execute("CREATE TABLE seen_2026 PARTITION OF seen FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    database.execute(
        "INSERT INTO seen SELECT g, timestamptz '2026-02-01' + g * interval '1 min' FROM generate_series(1, 90000) g"
    )
    database.execute(f"INSERT INTO tasks {ROWS}", f"INSERT INTO notes {ROWS}")
    database.execute(*(f"VACUUM ANALYZE {name}" for name in ("tasks", "notes", "old.tasks", "seen")))
    return database


def advised(desk: Database, text: str, calls_max: int = 6_000) -> WorkloadAdvice:
    with Reference.parse(desk.dsn("trimtab_watch")).connect("trimtab/advise") as watch:
        return advise_workload(watch, *read_statements(text), settings=WorkloadSettings(what_if_calls_max=calls_max))


def test_a_table_that_is_locked_meanwhile_stops_nothing(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """-- name: tasks
              SELECT id FROM tasks WHERE tenant_id = 7;
              -- name: notes
              SELECT id FROM notes WHERE tenant_id = 7;"""
    plain = Costs.start
    with psycopg.connect(desk.dsn("postgres")) as other:

        def start(self: Costs, plans: Sequence[Node] = ()) -> None:
            plain(self, plans)
            other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")

        monkeypatch.setattr(Costs, "start", start)
        advice = advised(desk, text)
    assert [one.statements for one in advice.indexes] == [("notes",)]
    assert [note for note in advice.notes if note.startswith("tasks: not every index could be priced")]


def test_a_locked_table_elsewhere_costs_no_more_than_the_word_on_indexes_that_go(desk: Database) -> None:
    with psycopg.connect(desk.dsn("postgres")) as other:
        other.execute("LOCK TABLE notes IN ACCESS EXCLUSIVE MODE")
        advice = advised(desk, "SELECT id FROM tasks WHERE tenant_id = 7;")
    assert [one.definition.keys[0].sql for one in advice.indexes] == ["tenant_id"]
    assert [note for note in advice.notes if note.startswith("no index is called unused or replaced: could not read")]


def test_a_partitioned_table_is_named_and_its_partitions_take_their_time(desk: Database) -> None:
    """Partitions are in no catalogue of the statement: what reading one takes is known by its cost."""
    text = """-- name: whole
              SELECT count(*) FROM seen WHERE id = 5 AND at < '2026-06-01';
              -- name: part
              SELECT count(*) FROM seen_2026 WHERE id < 5000 AND at < '2026-06-01';"""
    advice = advised(desk, text)
    assert [note for note in advice.notes if note.startswith("public.seen: partitioned, and nothing can be built")]
    ms = {one.name: one.before_ms for one in advice.statements}
    assert ms["whole"] == pytest.approx(ms["part"], rel=0.4)


def test_a_table_of_the_same_name_in_another_schema_is_another_table(desk: Database) -> None:
    alone = advised(desk, "SELECT id FROM tasks WHERE tenant_id = 7;").statements[0]
    both = advised(desk, "SELECT id FROM tasks WHERE tenant_id = 7; SELECT id FROM old.tasks WHERE state = 3;")
    assert both.statements[0].before_ms == alone.before_ms
    assert both.statements[1].before_ms < alone.before_ms / 4
    assert [one.definition.relation for one in both.indexes] == ["public.tasks"]


def test_two_tables_of_the_same_name_in_one_statement_are_told_apart(desk: Database) -> None:
    whole = "SELECT state FROM tasks WHERE tenant_id < 9000 UNION ALL SELECT state FROM old.tasks"
    two_large = "SELECT state FROM tasks WHERE tenant_id < 9000 UNION ALL SELECT state FROM notes"
    turned = "SELECT state FROM old.tasks UNION ALL SELECT state FROM tasks WHERE tenant_id < 9000"
    ms = [one.before_ms for one in advised(desk, f"{whole}; {turned}; {two_large}").statements]
    assert ms[0] == pytest.approx(ms[1], rel=0.01)
    assert ms[0] < ms[2] * 0.8, "the small one is no second large one"


def test_no_index_is_made_that_nobody_is_asked_about(desk: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time is up, making hypothetical indexes for each statement once more took twice as long again."""
    made: list[object] = []
    monkeypatch.setattr(Hypothetical, "have", lambda *wanted: made.append(wanted))
    text = "SELECT id FROM tasks WHERE tenant_id = 7; SELECT id FROM notes WHERE tenant_id = 7;"
    advice = advised(desk, text, calls_max=0)
    assert (made, advice.indexes, advice.what_if_calls) == ([], (), 0)


def test_what_no_index_was_priced_for_is_no_part_of_the_share(desk: Database) -> None:
    """One question is enough for one of two statements; of the other nothing is known with the index that came out."""
    text = """-- name: tasks
              -- calls: 3
              SELECT id FROM tasks WHERE tenant_id = 7;
              -- name: notes
              SELECT id FROM notes WHERE tenant_id = 7;"""
    advice = advised(desk, text, calls_max=1)
    assert [one.statements for one in advice.indexes] == [("tasks",)]
    assert advice.priced_share == pytest.approx(0.75, abs=0.01)
    assert [(one.name, one.reason) for one in advice.left] == [("notes", NOT_PRICED)]
    assert advised(desk, text).priced_share == 1.0


def test_what_was_asked_about_the_final_set_alone_is_no_part_of_the_share(
    desk: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def around(self: Asking, order: Sequence[int], share_of_time: float = 0.0) -> None:
        self._costs.of(order[0], self._costs.relevant[order[0]])

    monkeypatch.setattr(Asking, "around", around)
    monkeypatch.setattr(Asking, "more", lambda *_: None)
    text = """-- name: heavy
              -- calls: 3
              SELECT id FROM tasks WHERE tenant_id = 7;
              -- name: light
              SELECT id FROM tasks WHERE tenant_id = 9;"""
    advice = advised(desk, text)
    ratios = {one.name: one.predicted_ratio for one in advice.statements}
    assert ratios["light"] < 0.9, "it was asked about the index of the other one"
    assert advice.left == ()
    assert advice.priced_share == pytest.approx(0.75, abs=0.01)


def test_a_table_of_the_workload_that_is_locked_from_the_beginning_is_said(desk: Database) -> None:
    with psycopg.connect(desk.dsn("postgres")) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(
            ServerUnreachable, match="could not read the catalogue in time: another session holds a lock"
        ):
            advised(desk, "SELECT id FROM tasks WHERE tenant_id = 7;")


@pytest.mark.parametrize("others", [1, 14])
def test_of_a_workload_only_what_names_the_locked_table_is_left_and_with_that_reason(
    desk: Database, others: int
) -> None:
    texts = [f"-- name: n{n}\nSELECT id FROM notes WHERE tenant_id = {n};" for n in range(others)]
    text = "\n".join(["-- name: held\n-- calls: 99\nSELECT id FROM tasks WHERE tenant_id = 7;", *texts])
    with psycopg.connect(desk.dsn("postgres")) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        advice = advised(desk, text)
    assert [(one.name, one.reason) for one in advice.left] == [
        ("held", f"public.tasks could not be looked up: {LOCKED}")
    ]
    assert [one.definition.table for one in advice.indexes] == ["notes"]


def test_a_lock_below_a_view_is_called_a_lock(desk: Database) -> None:
    desk.execute("CREATE VIEW seen_tasks AS SELECT id, tenant_id FROM tasks", "GRANT SELECT ON seen_tasks TO PUBLIC")
    heavy = [f"-- name: n{n}\n-- calls: 9\nSELECT id FROM notes WHERE tenant_id = {n};" for n in range(12)]
    with psycopg.connect(desk.dsn("postgres")) as other:
        other.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        advice = advised(desk, "\n".join([*heavy, "-- name: view\nSELECT id FROM seen_tasks WHERE tenant_id = 7;"]))
    assert {one.reason for one in advice.left} == {f"its tables could not be looked up: {LOCKED}"}
    assert "view" in {one.name for one in advice.left}
