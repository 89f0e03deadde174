"""Advice on clones, on real servers: what helps is kept, what harms is withdrawn, nothing stays, nobody's system is
touched."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.cluster import Cluster
from tests.conftest import Database
from trimtab.advise.verify import copying
from trimtab.advise.verify.answers import Measured, Trial
from trimtab.advise.verify.clone import Clone, check_clone, named_clone
from trimtab.advise.verify.copying import made_clone
from trimtab.advise.verify.private_server import programs_dir
from trimtab.advise.verify.trials import trials_of
from trimtab.advise.verify.verify import VerifySettings, verify
from trimtab.advise.workload.statements import read_statements
from trimtab.model.errors import InputError, MissingError, ProgramMissing
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.connect import Connection, Reference

pytestmark = pytest.mark.postgres

BY_USER = IndexDefinition("public", "orders", (IndexKey("user_id"), IndexKey("created_at", descending=True)))
BY_TIME = IndexDefinition("public", "skewed", (IndexKey("at"),))
NOT_THERE = IndexDefinition("public", "orders", (IndexKey("no_such_column"),))
ROOT = Path(__file__).parents[3]
QUICK = VerifySettings(time_max_s=120, call_max_s=60)

WORKLOAD = """
-- name: of a user
-- calls: 50
SELECT id, total FROM orders WHERE user_id = 711 ORDER BY created_at DESC LIMIT 10;
-- name: any user
SELECT count(*) FROM orders WHERE user_id = $1;
-- name: count
SELECT count(*) FROM users;
-- name: pays
UPDATE orders SET user_id = user_id + 1 WHERE id BETWEEN 100 AND 150;
-- name: nowhere
SELECT * FROM not_there;
-- name: ddl
DROP TABLE orders;
-- name: misled
SELECT id FROM skewed WHERE flag = 1 ORDER BY at LIMIT 5;
"""

SKEWED = (
    "CREATE TABLE skewed (id int, at int, flag int, filler text)",
    """INSERT INTO skewed SELECT i, at, (at > 29700)::int, repeat('x', 200)
         FROM (SELECT i, (i::bigint * 7919 % 30000)::int AS at FROM generate_series(1, 30000) i) s""",
    "ANALYZE skewed",
)
"""Rows with the flag are the last by time: a LIMIT that hopes to stop early reads everything, out of order."""


SYSTEM = (
    "CREATE EXTENSION hypopg",
    "CREATE TABLE users (id int PRIMARY KEY, email text)",
    "CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int, tenant_id int, created_at timestamptz, n text)",
    "INSERT INTO users SELECT i, 'u' || i FROM generate_series(1, 6000) i",
    """INSERT INTO orders SELECT i, i % 5000, i % 900, i % 7, timestamptz '2026-01-01' + i * interval '1 min',
         repeat('n', 60) FROM generate_series(1, 40000) i""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[Database]:
    """A small system to make clones of."""
    cluster.execute("CREATE DATABASE to_clone")
    made = Database(cluster, "to_clone")
    made.execute(*SYSTEM)
    yield made
    cluster.execute("DROP DATABASE to_clone WITH (FORCE)")


@pytest.fixture(scope="module")
def original(shop: Database) -> Iterator[Connection]:
    """What a clone is made of."""
    with Reference.parse(shop.dsn("trimtab_watch")).connect("trimtab/advise") as connection:
        yield connection


@pytest.fixture(scope="module")
def clone(original: Connection) -> Iterator[Clone]:
    """One clone for all tests here; each leaves it as it was."""
    with made_clone(original) as made:
        for statement in SKEWED:
            made.connection.execute(statement.encode())
        yield made


def by_name(statements: tuple[Measured, ...]) -> dict[str, Measured]:
    return {one.name: one for one in statements}


def test_what_helps_is_kept_what_harms_is_withdrawn_and_nothing_stays(clone: Clone, original: Connection) -> None:
    trials, left = trials_of(clone.connection, read_statements(WORKLOAD)[0])
    assert left == []
    before = clone.connection.execute("SELECT count(*) FROM pg_index").fetchone()
    found = verify(clone, trials, (BY_USER, BY_TIME, NOT_THERE), original=original, settings=QUICK)
    measured = by_name(found.statements)
    assert found.unit == "processor time of the server's process"
    assert "whole database" in found.clone
    for name in ("of a user", "any user"):
        assert measured[name].interval_90[0] <= measured[name].ratio <= measured[name].interval_90[1] < 0.3, name
        assert measured[name].plan_agrees
        assert (measured[name].buffers_before or 0) > 20 * (measured[name].buffers_after or 1)
    assert measured["count"].interval_90 == (1.0, 1.0)
    assert measured["count"].note == "the plan stays as it is"
    assert measured["pays"].blocks >= 1
    assert {name for name, _ in found.not_tried} == {"nowhere", "ddl"}
    withdrawn = {one.definition: one for one in found.withdrawn}
    assert set(withdrawn) == {BY_TIME, NOT_THERE}
    assert withdrawn[BY_TIME].statement == "misled"
    assert withdrawn[BY_TIME].interval_90[0] > 1.10
    assert "no_such_column" in withdrawn[NOT_THERE].reason
    assert [one.definition for one in found.indexes] == [BY_USER]
    assert 800_000 < found.indexes[0].size_bytes < 3_000_000
    assert measured["misled"].ratio == 1.0
    assert found.interval_90[0] <= found.ratio <= found.interval_90[1] < 0.5
    assert clone.connection.execute("SELECT count(*) FROM pg_index").fetchone() == before


def test_a_rewrite_is_tried_beside_the_old_form(clone: Clone) -> None:
    old = "SELECT count(*) FROM orders o WHERE o.total > (SELECT avg(i.total) FROM orders i WHERE i.tenant_id = 3)"
    worse = f"{old} AND (SELECT sum(length(md5(x.id::text))) FROM users x WHERE x.id < 5000) > 0"
    found = verify(clone, [Trial("rewritten", 1.0, (old,), (worse,))], (), settings=QUICK)
    assert found.statements[0].is_harmed
    assert found.ratio > 1.10
    assert found.notes[-1] == "slower, and no new index is to blame: rewritten"


def test_a_call_that_never_ends_says_what_it_is_at_least(clone: Clone) -> None:
    slow = (
        "SELECT sum(length(md5((a.g * b.g)::text))) FROM generate_series(1, 3000) a(g), generate_series(1, 3000) b(g)"
    )
    found = verify(
        clone,
        [Trial("cut short", 1.0, (slow,), ("SELECT 1",)), Trial("both", 1.0, (slow,), (slow,))],
        (),
        settings=VerifySettings(time_max_s=1, call_max_s=0.15),
    )
    quick, both = found.statements
    assert quick.note == "the old form took over 0.15 s"
    assert quick.interval_90[0] == 0.0
    assert quick.ratio == quick.interval_90[1] < 0.5
    assert both.ratio == 1.0


def test_a_sample_keeps_together_what_belongs_together(shop: Database, original: Connection) -> None:
    shop.execute(
        "CREATE SCHEMA drawn",
        "CREATE TABLE drawn.parent (id bigint PRIMARY KEY, filler text)",
        "CREATE TABLE drawn.child (id int PRIMARY KEY, parent bigint REFERENCES drawn.parent, filler text)",
        "CREATE INDEX ON drawn.child (parent)",
        "INSERT INTO drawn.parent SELECT i, repeat('p', 400) FROM generate_series(1, 8000) i",
        """INSERT INTO drawn.child SELECT i, CASE WHEN i % 10 > 0 THEN 1 + i % 8000 END, repeat('c', 200)
             FROM generate_series(1, 16000) i""",
        "ANALYZE drawn.parent",
        "ANALYZE drawn.child",
    )
    try:
        with made_clone(original, copy_bytes_max=7_000_000) as made:
            assert "sample" in made.told
            count = "SELECT count(*) FROM drawn.parent"
            parents = made.connection.execute(count.encode()).fetchone()
            orphans = made.connection.execute(
                b"""SELECT count(*) FILTER (WHERE parent IS NOT NULL), count(*) FILTER (WHERE parent IS NULL),
                           count(*) FILTER (WHERE parent IS NOT NULL
                                            AND NOT EXISTS (SELECT FROM drawn.parent p WHERE p.id = parent))
                      FROM drawn.child"""
            ).fetchone()
            kept = made.connection.execute(
                b"SELECT contype::text FROM pg_constraint WHERE conname = 'child_parent_fkey'"
            )
            assert parents is not None
            assert orphans is not None
            assert 500 < parents[0] < 6_000
            assert orphans[0] / 14_400 == pytest.approx(parents[0] / 8_000, rel=0.15)
            assert orphans[1] / 1_600 == pytest.approx(parents[0] / 8_000, rel=0.35)
            assert orphans[2] == 0
            assert kept.fetchone() == ("f",)
            assert any("rows on the clone" in note for note in made.notes)
    finally:
        shop.execute("DROP SCHEMA drawn CASCADE")


def test_what_is_no_clone_is_not_built_on(shop: Database, original: Connection, database: Database) -> None:
    with pytest.raises(InputError, match="is the system itself"), named_clone(Reference.parse(shop.dsn()), original):
        pass
    with (
        psycopg.connect(database.dsn()),
        pytest.raises(InputError, match="1 other session uses"),
        named_clone(Reference.parse(database.dsn()), original),
    ):
        pass


def test_a_named_clone_is_left_as_it_was(database: Database, original: Connection) -> None:
    database.execute(
        "CREATE TABLE orders (id int, user_id int, created_at timestamptz)",
        "INSERT INTO orders SELECT i, i % 5000, now() FROM generate_series(1, 50000) i",
    )
    trial = Trial("of a user", 1.0, *((("SELECT id FROM orders WHERE user_id = 7",),) * 2))
    with named_clone(Reference.parse(database.dsn()), original) as clone:
        found = verify(clone, [trial], (BY_USER,), settings=QUICK)
    assert found.ratio < 0.5
    assert database.name in found.clone
    with psycopg.connect(database.dsn()) as look:
        assert look.execute("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'").fetchone() == (0,)


def test_without_programs_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIMTAB_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(ProgramMissing, match=r"install postgresql-15, .*--clone DSN"):
        programs_dir(15)


MAKER = """
import sys
from trimtab.advise.verify.private_server import private_database
with private_database(15) as connection:
    print(connection.info.host, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="without setpriv the kernel is not told")
def test_a_server_ends_with_who_made_it_and_its_folder_goes_with_the_next() -> None:
    place = Path(tempfile.mkdtemp(prefix="trimtab-left-", dir="/var/tmp"))  # where the server's user gets to
    place.chmod(0o755)
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as maker:
        assert maker.stdout is not None
        folder = Path(maker.stdout.readline().strip())
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        maker.kill()
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists(), "the server outlives who made it"
    assert folder.exists()
    code = "from trimtab.advise.verify.private_server import remove_left_behind; remove_left_behind()"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not folder.exists()
    place.rmdir()


def test_a_clone_needs_room(original: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "DISK_FACTOR", math.inf)
    with pytest.raises(MissingError, match="set TMPDIR"), made_clone(original):
        pass


def test_the_check_asks_the_server_that_answers(original: Connection) -> None:
    with pytest.raises(InputError, match="the system itself"):
        check_clone(original, original, "what was named")
