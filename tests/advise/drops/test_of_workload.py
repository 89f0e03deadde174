"""`trimtab advise` names what could go of the tables that a workload uses, by the same judgement as the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import Database
from trimtab.advise.drops.judge import DAY_MS
from trimtab.advise.workload.drops import Reads, drops_of, read_reads
from trimtab.app.advising import looks_at_standbys
from trimtab.model.errors import InputError
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog_reader import read_catalog
from trimtab.sql.connect import Reference
from trimtab.sql.trees import single_statement

pytestmark = pytest.mark.postgres


def test_only_tables_of_the_workload_and_what_its_plans_do_not_read(database: Database) -> None:
    database.execute(
        "CREATE TABLE lines (id int PRIMARY KEY, a int, b int, c text)",
        "CREATE TABLE other (a int)",
        "INSERT INTO lines SELECT i, i, i, repeat('c', 20) || i FROM generate_series(1, 60000) i",
        "CREATE INDEX lines_a ON lines (a)",
        "CREATE INDEX lines_a_b ON lines (a, b)",
        "CREATE INDEX lines_c ON lines (c)",
        'CREATE INDEX lines_c_c ON lines (c COLLATE "C")',
        "CREATE INDEX other_1 ON other (a)",
        "CREATE INDEX other_2 ON other (a)",
    )
    with Reference.parse(database.dsn("trimtab_watch")).connect("trimtab/advise") as watch:
        look = read_reads(watch).look
        assert look is not None
        tables = list(read_catalog(watch, [single_statement("SELECT * FROM lines")]).tables.values())
    now = drops_of(tables, Reads(look), set())
    assert [(one.name, one.kind) for one in now] == [("lines_a", "prefix")]
    assert now[0].ddl == "DROP INDEX public.lines_a"
    later_ms = look.at_ms - 40 * DAY_MS
    later = Reads(replace(look, counted_since_ms=later_ms))
    found = {one.name: one.kind for one in drops_of(tables, later, {"lines_c"})}
    assert found == {"lines_a": "prefix", "lines_a_b": "unused", "lines_c_c": "unused"}
    followed = Reads(replace(look, counted_since_ms=later_ms, standbys=1))
    assert [one.name for one in drops_of(tables, followed, set())] == ["lines_a"], "what a standby reads is not known"
    quiet = replace(look, counted_since_ms=later_ms, identity=replace(look.identity, in_recovery=True), standbys=0)
    everywhere = {one.name for one in drops_of(tables, replace(followed, standbys=(quiet,)), set())}
    assert everywhere == {"lines_a", "lines_a_b", "lines_c", "lines_c_c"}, "nobody reads them, on the standby neither"
    busy = replace(quiet, indexes=tuple(replace(one, scans=7) for one in quiet.indexes))
    assert [one.name for one in drops_of(tables, replace(followed, standbys=(busy,)), set())] == ["lines_a"]
    assert len(drops_of(tables, later, set(), cycle_days=41)) == 1, "forty days are no cycle of forty-one"
    wider = IndexDefinition("public", "lines", (IndexKey("c"), IndexKey("b")))
    replaced = drops_of(tables, Reads(look), {"lines_c"}, advised={"lines_c_b": wider})
    assert {one.name: one.kind for one in replaced} == {"lines_a": "prefix", "lines_c": "replaced"}
    assert replaced[0].reason.startswith("lines_c_b begins with its keys")
    partial = replace(wider, predicate="a IS NULL")
    assert [one.name for one in drops_of(tables, Reads(look), set(), advised={"new": partial})] == ["lines_a"]


def test_who_is_no_standby_is_refused(database: Database) -> None:
    here, nowhere = Reference.parse(database.dsn("trimtab_watch")), Reference.parse(database.cluster.dsn("postgres"))
    assert looks_at_standbys(here, []) == ()
    with pytest.raises(InputError, match="no standby: it takes writes"):
        looks_at_standbys(here, [here])
    with pytest.raises(InputError, match="another database"):
        looks_at_standbys(here, [nowhere])
