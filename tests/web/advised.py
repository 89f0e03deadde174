"""A site that watches a real database with one query worth advice; and advice as it looks when all of it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg

from demo.cluster import Cluster
from tests.conftest import Database
from tests.web.site import Site, open_site
from trimtab.app.query_advice.asking import RewriteAdvice
from trimtab.app.watched import Watched
from trimtab.model.estimates import Estimate

SYSTEM = "shop/one"
QUERY = "SELECT id, note FROM lines WHERE customer = {customer} ORDER BY at DESC LIMIT 10"
WAIT_S = 90.0

STATEMENTS = (
    "CREATE EXTENSION pg_stat_statements",
    "CREATE EXTENSION hypopg",
    "CREATE TABLE lines (id int PRIMARY KEY, customer int, at int, note text)",
    "INSERT INTO lines SELECT i, i % 3000, i, 'note ' || i FROM generate_series(1, 60000) i",
    "CREATE INDEX lines_at ON lines (at)",
    "CREATE INDEX lines_at_twin ON lines (at)",
    "CREATE INDEX lines_note ON lines (note)",
    "ANALYZE lines",
)

REWRITE = RewriteAdvice(
    "SELECT l.id FROM lines AS l WHERE EXISTS (SELECT FROM lines AS k WHERE k.at = l.at AND k.customer = $1)",
    ("in-to-exists",),
    ("public.lines has the key lines_pkey", "public.lines.at is NOT NULL"),
    ("the order of rows without ORDER BY may differ",),
    0.2,
    (0.07, 1.05),
    "the planner's costs of both forms",
    is_advised=True,
    certificate={
        "holds": True,
        "complete": False,
        "proof": [],
        "cost_before": 4200.0,
        "cost_after": 830.0,
        "checks": [
            {
                "data": data,
                "outcome": outcome,
                "compared": "multiset",
                "rows": rows,
                "hashes": ["a", "a"],
                "seed": seed,
                "why": why,
            }
            for data, outcome, rows, seed, why in (
                ("generated data", "same", 412, 1, ""),
                ("clone with NULLs", "same", 37, None, ""),
                ("real data", "not possible", 0, None, "policy does not let trimtab run queries (plans.analyze)"),
            )
        ],
        "measured": None,
        "notes": [],
    },
)


@dataclass(frozen=True)
class There:
    """A site that watches one database, and one query of it."""

    site: Site
    system: str
    fingerprint: str

    @property
    def address(self) -> str:
        """The page of advice on the query."""
        return f"/queries/{quote(self.system, safe='')}/{self.fingerprint}/advice"

    def fill(self) -> None:
        """Ask, and put a certified rewrite and what was measured beside what was found."""
        book = self.site.service.advice
        found = book.ask(self.system, self.fingerprint)
        book._kept[self.system, self.fingerprint] = replace(found, rewrites=(REWRITE, *found.rewrites))
        now_ms = self.site.service.now_ms()
        index = found.indexes[0].proposal
        made = Estimate(
            "change/c1-1",
            now_ms - 86_400_000,
            self.system,
            self.fingerprint,
            "index/plain",
            "public.lines (customer, at)",
            0.04,
            0.04,
            (0.01, 0.2),
            0,
            0.06,
            (0.05, 0.08),
            now_ms,
            "watch",
            "rolled_back",
        )
        book.record.record.keep([made, replace(made, key="clone", measured_by="clone", outcome="verified")])
        assert index.predicted_ratio > 0


@contextmanager
def advised_site(cluster: Cluster, folder: Path, database: str, *, login_needed: bool = False) -> Iterator[There]:
    """Made, watched, seen to run its query; the database is dropped in the end."""
    cluster.execute(f"CREATE DATABASE {database}")
    made = Database(cluster, database)
    try:
        made.execute(*STATEMENTS)
        with open_site(folder, login_needed=login_needed) as site:
            site.service.watch_system(made.dsn("trimtab_watch"), SYSTEM, None)
            watched = site.service._systems._watched[SYSTEM]
            yield There(site, SYSTEM, _seen(made, watched))
    finally:
        cluster.execute(f"DROP DATABASE {database} WITH (FORCE)")


def _seen(made: Database, watched: Watched) -> str:
    """Run the query until the watch knows its shape."""
    until = time.monotonic() + WAIT_S
    with psycopg.connect(made.dsn("shop_app"), autocommit=True) as application:
        while time.monotonic() < until:
            for customer in range(20):
                application.execute(QUERY.format(customer=customer).encode(), prepare=False).fetchall()
            known = [shape for shape in watched.shapes().values() if "FROM lines WHERE customer" in shape.text]
            if known:
                return known[0].fingerprint
            time.sleep(0.2)
    raise AssertionError(f"the query was not seen within {WAIT_S:g} s")
