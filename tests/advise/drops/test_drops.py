"""Which indexes are advised to be dropped: on a real server for what they are, on counted looks for when it is time."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from tests.conftest import Database
from trimtab.advise.drops.fresh import fresh_sizes
from trimtab.advise.drops.judge import DAY_MS, IndexVerdict, JudgedIndex, Seen, Standbys, judge
from trimtab.advise.index.existing import covers
from trimtab.observe.postgres.indexes import IndexFacts, IndexLook, look_at_indexes
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import DatabaseIdentity, TargetIdentity

NOW_MS = 1_800_000_000_000
CYCLE = 35.0

TABLES = (
    "CREATE TABLE parent (id int PRIMARY KEY, code text UNIQUE, a int, b int, at timestamptz, EXCLUDE (b WITH =))",
    "CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent, note text)",
    "INSERT INTO parent SELECT i, 'c' || i, i % 7, i, now() FROM generate_series(1, 2000) i",
    "INSERT INTO child SELECT i, i, 'n' FROM generate_series(1, 2000) i",
    "CREATE INDEX read_often ON parent (a)",
    "CREATE INDEX twin_old ON parent (at)",
    "CREATE INDEX twin_new ON parent (at)",
    "CREATE INDEX prefix ON parent (a, b)",
    "CREATE INDEX prefix_wide ON parent (a, b DESC, at)",
    "CREATE INDEX like_the_key ON child (id)",
    "CREATE INDEX of_parent ON child (parent)",
    "CREATE INDEX shouted ON child (upper(note))",
    "CREATE INDEX of_some ON child (note) WHERE id > 100",
    "CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at)",
    "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    "CREATE INDEX parted_at ON parted (at)",
    "ANALYZE parent",
    "ANALYZE child",
)


@pytest.mark.postgres
def test_what_stands_on_an_index_is_seen(database: Database) -> None:
    database.execute(*TABLES)
    with psycopg.connect(database.dsn(), autocommit=True) as owner:
        owner.execute("SET enable_seqscan = off")
        for _ in range(3):
            owner.execute("SELECT count(*) FROM parent WHERE a = 3").fetchall()
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON parent (a)")
        owner.execute("SELECT pg_stat_force_next_flush()")
    with Reference.parse(database.dsn("trimtab_watch")).connect("trimtab/advise") as watch:
        look = look_at_indexes(watch)
        assert fresh_sizes(watch, look) == {}, "all are small"
    assert {one.schema for one in look.indexes} == {"public"}
    old = replace(look, counted_since_ms=look.at_ms - 40 * DAY_MS)
    found = {one.facts.name: one for one in judge("shop", old, Standbys(), {}, cycle_days=CYCLE)}
    for name, words in {
        "parent_pkey": "primary key",
        "parent_code_key": "UNIQUE",
        "parent_b_excl": "EXCLUDE",
        "parted_1_at_idx": "partitioned table",
    }.items():
        assert found[name].verdict is IndexVerdict.KEEP, name
        assert words in found[name].reason
        assert found[name].ddl == ""
    assert found["read_often"].verdict is IndexVerdict.DROP, "prefix can do all that it can, reads or not"
    assert found["read_often"].scans > 0
    assert "prefix" in found["read_often"].marks
    dropped = {name: one for name, one in found.items() if one.verdict is IndexVerdict.DROP}
    assert "twin_old is the same index" in dropped["twin_new"].reason
    assert found["twin_old"].verdict is IndexVerdict.DROP, "nobody read it for more than a cycle"
    assert "child_pkey is the same index" in dropped["like_the_key"].reason
    assert dropped["broken"].marks[0] == "invalid"
    assert dropped["broken"].ddl == "DROP INDEX CONCURRENTLY public.broken;"
    assert dropped["of_some"].undo.startswith("CREATE INDEX CONCURRENTLY of_some ON public.child")
    assert found["of_parent"].verdict is IndexVerdict.WAIT
    assert "foreign key" in found["of_parent"].missing[0]
    assert found["shouted"].verdict is IndexVerdict.WAIT
    assert "statistics of its expression" in found["shouted"].missing[0]
    with psycopg.connect(database.dsn(), autocommit=True) as owner:
        for one in (dropped["twin_new"], dropped["of_some"]):
            owner.execute(one.ddl.encode())
            owner.execute(one.undo.encode())


def facts(name: str, oid: int, **more: object) -> IndexFacts:
    """A plain B-tree that nobody reads and nothing stands on."""
    flags = dict.fromkeys(
        (
            *("is_unique", "is_primary", "is_exclusion", "is_replica_identity", "is_constraint", "is_referenced"),
            *("starts_foreign_key", "is_part", "is_being_built", "has_expression", "is_clustered"),
        ),
        False,
    )
    values: dict[str, object] = {
        **flags,
        "schema": "public",
        "table": "orders",
        "method": "btree",
        "statement": f"CREATE INDEX {name} ON public.orders USING btree ({name})",
        "size_bytes": 10_000_000,
        "last_read_ms": None,
        "is_valid": True,
        "is_ready": True,
        "table_rows": 1e6,
        **dict.fromkeys(("scans", "rows_inserted", "rows_updated", "rows_updated_hot"), 0),
    }
    return IndexFacts(oid=oid, name=name, **(values | more))  # type: ignore[arg-type]


def look(*indexes: IndexFacts, days: float = 100.0, standbys: int = 0, started: int = 1) -> IndexLook:
    identity = DatabaseIdentity(TargetIdentity("shop", 5, "7"), started, False)
    return IndexLook(identity, NOW_MS, NOW_MS - round(days * DAY_MS), standbys, indexes)


def judged(at: IndexLook, standbys: Standbys | None = None, seen: dict[int, Seen] | None = None) -> JudgedIndex:
    return judge("shop", at, standbys or Standbys(), seen or {}, cycle_days=CYCLE)[0]


def test_a_whole_cycle_must_have_passed() -> None:
    early = judged(look(facts("a", 1), days=34.0))
    assert early.verdict is IndexVerdict.WAIT
    assert early.missing == ("a whole cycle of 35 days without a read: 1 to go",)
    assert early.ddl == ""
    late = judged(look(facts("a", 1), days=35.5))
    assert late.verdict is IndexVerdict.DROP
    assert "nobody read it for 36 days" in late.reason


def test_our_own_looks_outlast_counters_that_began_anew() -> None:
    reset_yesterday = look(facts("a", 1), days=1.0)
    assert judged(reset_yesterday).verdict is IndexVerdict.WAIT
    known = {1: Seen(NOW_MS - 60 * DAY_MS)}
    assert judged(reset_yesterday, seen=known).verdict is IndexVerdict.DROP
    moved = {1: Seen(NOW_MS - 60 * DAY_MS, NOW_MS - 5 * DAY_MS)}
    assert judged(reset_yesterday, seen=moved).verdict is IndexVerdict.WAIT


def test_one_that_was_read_once_long_ago_can_be_dropped_where_we_looked_all_the_time() -> None:
    read = facts("a", 1, scans=12)
    assert judged(look(read)).verdict is IndexVerdict.KEEP
    assert judged(look(read), seen={1: Seen(NOW_MS - 90 * DAY_MS, NOW_MS - 50 * DAY_MS)}).verdict is IndexVerdict.DROP
    assert judged(look(read), seen={1: Seen(NOW_MS - 90 * DAY_MS, NOW_MS - 2 * DAY_MS)}).verdict is IndexVerdict.WAIT
    told = facts("a", 1, scans=12, last_read_ms=NOW_MS - DAY_MS // 2)
    assert judged(look(told), seen={1: Seen(NOW_MS - 90 * DAY_MS)}).verdict is IndexVerdict.KEEP


def test_every_standby_must_be_known() -> None:
    here = look(facts("a", 1), standbys=2)
    there = look(facts("a", 1), started=2)
    some = judged(here, Standbys(2, (there,)))
    assert some.verdict is IndexVerdict.WAIT
    assert some.missing == ("what 1 standby of 2 read: watch it, too",)
    assert judged(here, Standbys(2, (there, there))).verdict is IndexVerdict.DROP
    reading = look(facts("a", 1, scans=3), started=2)
    assert judged(here, Standbys(2, (there, reading))).verdict is IndexVerdict.KEEP
    fresh = look(facts("a", 1), started=2, days=2.0)
    assert judged(here, Standbys(2, (there, fresh))).verdict is IndexVerdict.WAIT, "its counters are two days old"
    alone = judged(here, Standbys(0, (), primary_is_unwatched=True))
    assert "what its primary reads" in alone.missing[0]


def test_who_takes_the_place_of_another_is_not_dropped_as_well() -> None:
    def of(name: str, oid: int, keys: str, scans: int) -> IndexFacts:
        return facts(name, oid, scans=scans, statement=f"CREATE INDEX {name} ON public.orders USING btree ({keys})")

    old, new = of("old", 1, "a", 0), of("new", 2, "a", 90)
    wide, narrow = of("wide", 3, "b, c", 0), of("narrow", 4, "b", 7)
    idle, idle_twin = of("idle", 5, "d", 0), of("idle_twin", 6, "d", 0)
    at = look(old, new, wide, narrow, idle, idle_twin)
    found = {one.facts.name: one for one in judge("shop", at, Standbys(), {}, cycle_days=CYCLE)}
    dropped = {name for name, one in found.items() if one.verdict is IndexVerdict.DROP}
    assert dropped == {"new", "narrow", "idle", "idle_twin"}
    assert found["old"].reason == "it was read 0 times; it takes the place of one that was read 90 times"
    assert "7 times" in found["wide"].reason


def test_what_costs_most_comes_first_and_bloat_is_told() -> None:
    busy = facts("busy", 1, rows_inserted=86_400_000, rows_updated=10_000, rows_updated_hot=10_000)
    idle = facts("idle", 2, size_bytes=900_000_000, scans=5)
    found = judge("shop", look(idle, busy), Standbys(), {}, cycle_days=CYCLE, fresh_bytes={2: 300_000_000})
    assert [one.facts.name for one in found] == ["busy", "idle"]
    assert found[0].write_ms_per_s == pytest.approx(10 * 0.003)
    assert found[1].verdict is IndexVerdict.REBUILD
    assert found[1].ddl == "REINDEX INDEX CONCURRENTLY public.idle;"
    assert "300 MB" in found[1].reason


@pytest.mark.parametrize(
    ("there", "wanted", "can"),
    [
        ("(a, b)", "(a)", True),
        ("(a)", "(a, b)", False),
        ("(b, a)", "(a)", False),
        ("(a DESC)", "(a)", True),
        ("(a, b)", "(a DESC)", True),
        ("(a, b)", "(a, b DESC)", False),
        ("(a) INCLUDE (b)", "(a)", True),
        ("(a)", "(a) INCLUDE (b)", False),
        ("(a, b)", "(a) INCLUDE (b)", True),
        ('(a COLLATE "C")', "(a)", False),
        ("(a text_pattern_ops)", "(a)", False),
        ("(a) WHERE b > 0", "(a)", False),
        ("(a)", "(a) WHERE b > 0", False),
        ("(a) WHERE b > 0", "(a) WHERE b > 0", True),
        ("(lower(a))", "(lower(a))", True),
        ("(a NULLS FIRST)", "(a)", False),
    ],
)
def test_what_one_index_can_do_for_another(there: str, wanted: str, can: bool) -> None:
    assert covers(f"CREATE INDEX x ON t USING btree {there}", f"CREATE INDEX y ON t USING btree {wanted}") is can


def test_other_methods_are_never_told_to_be_the_same() -> None:
    one = "CREATE INDEX x ON t USING gist (a)"
    assert not covers(one, one)
