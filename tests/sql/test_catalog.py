"""The catalogue as a real server tells it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Database
from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Catalog, ColumnStatistics
from trimtab.sql.catalog_reader import RELATIONS_MAX, read_catalog
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.trees import single_statement

pytestmark = pytest.mark.postgres

SETUP = (
    "SET synchronous_commit = on",  # else VACUUM finds no page all-visible yet
    "CREATE TYPE mood AS ENUM ('sad', 'glad')",
    "CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0)",
    "CREATE TABLE t (id int PRIMARY KEY, s text, m mood, p price, j jsonb,"
    " twice int GENERATED ALWAYS AS (id * 2) STORED,"
    ' gone int, tags text[], "Odd Name" varchar(10) COLLATE "C", n text)',
    "ALTER TABLE t DROP COLUMN gone",
    'INSERT INTO t (id, s, m, p, j, tags, "Odd Name") '
    "SELECT i, CASE WHEN i % 10 = 0 THEN 'rare' ELSE 'common' END, 'glad',"
    " i, '{}', ARRAY['a'], 'x' FROM generate_series(1, 1000) i",
    "CREATE INDEX t_s ON t (lower(s), id DESC) INCLUDE (p) WHERE s <> 'common'",
    "VACUUM ANALYZE t",
    "CREATE VIEW v AS SELECT id, s FROM t",
    "CREATE VIEW vv AS SELECT id FROM v",
    "CREATE SCHEMA far",
    "CREATE TABLE far.only_here (a int)",
    "CREATE TABLE far.twice_here (a int)",
    "CREATE SCHEMA other",
    "CREATE TABLE other.twice_here (a int)",
    "CREATE TABLE part (a int, at date) PARTITION BY RANGE (at)",
    "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
    "CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    "INSERT INTO part SELECT i, date '2026-01-01' + i % 59 FROM generate_series(1, 5000) i",
    "ANALYZE part",
    "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t",
    "CREATE FUNCTION mine(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
    "CREATE FUNCTION mine(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1'",
)


@pytest.fixture
def watch(database: Database) -> Iterator[Connection]:
    database.execute(*SETUP)
    with Reference.parse(database.dsn("trimtab_watch")).connect() as connection:
        yield connection


def catalog_of(watch: Connection, text: str) -> Catalog:
    return read_catalog(watch, [single_statement(text)])


def test_tables_columns_statistics_indexes(watch: Connection) -> None:
    catalog = catalog_of(watch, "SELECT * FROM t, part, mv")
    t, part, mv = (catalog.find(None, name) for name in ("t", "part", "mv"))
    assert t is not None
    assert part is not None
    assert mv is not None
    assert (t.relation, t.kind, t.rows, t.readable, t.leaves_count) == ("public.t", "r", 1000.0, True, 0)
    assert t.pages > 0
    assert t.size_bytes == t.pages * 8192
    assert t.visible_share == 1.0
    assert list(t.columns) == ["id", "s", "m", "p", "j", "twice", "tags", "Odd Name", "n"]
    assert t.columns["p"].type_name == "numeric"
    assert t.columns["m"].category == "E"
    assert t.columns["twice"].generated
    assert t.columns["id"].not_null
    assert t.columns["Odd Name"].c_collation
    s = t.columns["s"].statistics
    assert s is not None
    assert dict(s.most_common) == pytest.approx({"common": 0.9, "rare": 0.1})
    assert s.share_of("rare") == pytest.approx(0.1)
    identity = t.columns["id"].statistics
    assert identity is not None
    assert len(identity.histogram) == 101
    assert identity.distinct_count(1000) == 1000
    n = t.columns["n"].statistics
    assert n is not None
    assert n.null_share == 1.0
    assert {i.name: (i.is_unique, i.is_constraint, i.is_valid) for i in t.indexes} == {
        "t_pkey": (True, True, True),
        "t_s": (False, False, True),
    }
    assert (part.kind, part.leaves_count, part.rows) == ("p", 2, 5000.0)
    assert part.columns["a"].statistics is not None
    assert (mv.kind, mv.rows) == ("m", None)
    assert "rare" not in repr(catalog)


def test_names_are_resolved_as_the_session_does(watch: Connection) -> None:
    catalog = catalog_of(watch, "SELECT * FROM vv, only_here, twice_here, nowhere, other.twice_here, far.nothing")
    for name, relation in (("vv", "public.vv"), ("only_here", "far.only_here")):
        found = catalog.find(None, name)
        assert found is not None
        assert found.relation == relation
    behind = catalog.find(None, "t")
    assert behind is not None
    assert catalog.find(None, "twice_here") is None
    assert catalog.find("other", "twice_here") is not None
    assert catalog.missing == ("far.nothing", "nowhere", "twice_here")
    assert catalog.extra_schemas == ("far",)


def test_functions_and_server(watch: Connection) -> None:
    catalog = catalog_of(watch, "SELECT lower(s), now(), random(), mine(1), sum(id), no_such(1) FROM t")
    assert catalog.volatility == {
        "lower": frozenset("i"),
        "now": frozenset("s"),
        "random": frozenset("v"),
        "mine": frozenset("iv"),
        "sum": frozenset("a"),
    }
    assert [catalog.may_be_immutable(f) for f in ("lower", "now", "random", "mine", "sum", "no_such")] == [
        True, False, False, True, False, True,
    ]  # fmt: skip
    assert catalog.server_version >= 150000
    assert catalog.role == "trimtab_watch"
    assert catalog.hypopg_schema == "public"


def test_a_fresh_tables_filling_is_no_write_rate(watch: Connection, database: Database) -> None:
    table = catalog_of(watch, "SELECT * FROM t").find(None, "t")
    assert table is not None
    assert table.writes.inserts_per_s == 0
    assert "filling" in table.writes.source


def test_too_many_relations_are_refused(watch: Connection) -> None:
    text = "SELECT 1 FROM " + ", ".join(f"t{n}" for n in range(RELATIONS_MAX + 1))
    with pytest.raises(StatementRefused):
        catalog_of(watch, text)


def test_equality_share_counts_heavy_values_more() -> None:
    even = ColumnStatistics(0.0, 4, 100.0)
    skewed = ColumnStatistics(0.0, 4, 100.0, (("x", 0.5),))
    assert even.equality_share(10_000) == pytest.approx(0.01)
    assert skewed.equality_share(10_000) == pytest.approx(0.25 + 0.25 / 99)
