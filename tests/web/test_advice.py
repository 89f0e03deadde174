"""Pages of advice on a real watched database: every index with its advice, and one query's advice from asking to the
record."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from demo.cluster import Cluster
from tests.conftest import Database
from tests.web.site import Site, open_site
from trimtab.app.watched import Watched
from trimtab.model.access import Role

pytestmark = pytest.mark.postgres

QUERY = "SELECT id, note FROM lines WHERE customer = {customer} ORDER BY at DESC LIMIT 10"
WAIT_S = 60.0


@dataclass(frozen=True)
class There:
    """A site that watches one database, and one query of it."""

    site: Site
    system: str
    fingerprint: str

    @property
    def address(self) -> str:
        return f"/queries/{quote(self.system, safe='')}/{self.fingerprint}/advice"


@pytest.fixture(scope="module")
def there(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    cluster.execute("CREATE DATABASE advised")
    made = Database(cluster, "advised")
    made.execute(
        "CREATE EXTENSION pg_stat_statements",
        "CREATE EXTENSION hypopg",
        "CREATE TABLE lines (id int PRIMARY KEY, customer int, at int, note text)",
        "INSERT INTO lines SELECT i, i % 3000, i, 'note ' || i FROM generate_series(1, 60000) i",
        "CREATE INDEX lines_at ON lines (at)",
        "CREATE INDEX lines_at_twin ON lines (at)",
        "ANALYZE lines",
    )
    with open_site(tmp_path_factory.mktemp("advised"), login_needed=True) as site:
        site.service.watch_system(made.dsn("trimtab_watch"), "shop/one", None)
        watched = site.service._systems._watched["shop/one"]
        yield There(site, "shop/one", seen(made, watched))
    cluster.execute("DROP DATABASE advised WITH (FORCE)")


def seen(made: Database, watched: Watched) -> str:
    """Run the query until the watch knows its shape, and has seen it with literals."""
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


def test_every_index_is_listed_with_its_advice(there: There) -> None:
    viewer = there.site.logged_in(Role.VIEWER)
    page = viewer.get("/indexes")
    assert page.status_code == 200, page.text
    assert "lines_at_twin" in page.text
    assert "lines_at is the same index" in page.text
    assert "DROP INDEX CONCURRENTLY public.lines_at_twin;" in page.text
    assert "CREATE INDEX CONCURRENTLY lines_at_twin ON public.lines" in page.text
    assert "It is the primary key" in page.text
    assert "a whole cycle of 35 days without a read" in page.text
    drops = viewer.get("/indexes?advice=drop&sort=size")
    assert "lines_at_twin" in drops.text
    assert "lines_pkey" not in drops.text
    assert "No index fits" in viewer.get("/indexes?q=nothing+of+this").text
    assert viewer.get("/indexes?sort=colour").status_code == 400
    told = viewer.get("/api/trimtab/indexes", params={"advice": "drop"}).json()
    assert [one["facts"]["name"] for one in told[0]["indexes"]] == ["lines_at_twin"]
    assert told[0]["system"] == "shop/one"
    assert viewer.get("/api/trimtab/indexes", params={"advice": "sell"}).status_code == 400


def test_one_querys_advice_from_asking_to_the_record(there: There) -> None:
    viewer, operator = there.site.logged_in(Role.VIEWER), there.site.logged_in(Role.OPERATOR)
    before = viewer.get(there.address)
    assert before.status_code == 200, before.text
    assert "Nobody asked for advice on this query yet" in before.text
    assert "Look for advice now" not in before.text.partition("<form")[2], "a viewer may not ask"
    assert ask(viewer, there).status_code == 403
    answer = ask(operator, there)
    assert answer.status_code == 303, answer.text
    after = viewer.get(there.address).text
    assert "CREATE INDEX CONCURRENTLY trimtab_lines_customer" in after
    assert "holds 9 times in 10" in after
    assert "Costs writers" in after
    assert "Predicted and measured" in after
    assert "index/plain" in after
    assert "What its plan shows" in after
    told = viewer.get(f"/api/trimtab/advice/{quote(there.system, safe='')}/{there.fingerprint}").json()
    best = told["advice"]["indexes"][0]
    assert best["proposal"]["predicted_ratio"] < 0.5
    assert told["record"]["estimates"][0]["measured_ratio"] is None
    assert viewer.get(f"/queries/{quote(there.system, safe='')}/nosuch/advice").status_code == 404
    assert viewer.get("/queries/nowhere/ab12/advice").status_code == 404


def test_texts_that_somebody_sends(there: There) -> None:
    operator = there.site.logged_in(Role.OPERATOR)
    body = {
        "system": there.system,
        "queries": [
            {"text": QUERY.format(customer=7), "calls": 100},
            {"text": "SELEC 1"},
            {"text": "SELECT count(*) FROM not_there"},
        ],
    }
    found = operator.post("/api/trimtab/optimize", json=body)
    assert found.status_code == 200, found.text
    good, broken, nowhere = found.json()
    assert good["indexes"][0]["ddl"].startswith("CREATE INDEX CONCURRENTLY")
    assert broken["indexes"] == []
    assert broken["problems"]
    assert nowhere["indexes"] == []
    assert operator.post("/api/trimtab/optimize", json={**body, "system": "nowhere"}).status_code == 404
    viewer = there.site.logged_in(Role.VIEWER)
    assert viewer.post("/api/trimtab/optimize", json=body).status_code == 403


def ask(client: TestClient, there: There) -> httpx2.Response:
    return client.post(there.address, data={"csrf_token": client.headers["X-CSRF-Token"]})
