"""Pages of advice on a real watched database: every index with its advice, one query's advice from asking to the
record; and one visit by a browser, in both themes and widths, with and without script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

import httpx2
import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from demo.cluster import Cluster
from tests.api.serving import running
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import log_in
from tests.browser.waiting import open_page, resize
from tests.web.advised import QUERY, There, advised_site
from trimtab import QueryOptimizer
from trimtab.model.access import Role
from trimtab.model.errors import InputError, NotAllowed

pytestmark = [pytest.mark.store, pytest.mark.postgres]

PICTURES = os.environ.get("TRIMTAB_TEST_PICTURES")
"""A folder for pictures, for whoever wants to look."""


@pytest.fixture(scope="module")
def there(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    with advised_site(cluster, tmp_path_factory.mktemp("advised"), "advised", login_needed=True) as made:
        yield made


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
    story = viewer.get(there.address.removesuffix("/advice")).text
    assert "No plan was taken yet" not in story, "the plan that advice was made of is kept"
    assert "lines" in story.partition('id="plans"')[2]
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


def test_by_the_python_face(there: There) -> None:
    access = there.site.service.access
    _, token = access.create_token("test", "ci", Role.OPERATOR)
    _, weak = access.create_token("test", "reader", Role.VIEWER)
    query = QUERY.format(customer=7)
    with running(there.site.app) as url:
        optimizer = QueryOptimizer(system=there.system, server=url, token=token)
        found = optimizer.optimize_query_performance([query])
        assert found[0].index_recommendations[0].predicted_ratio < 0.5
        assert found[0].improvement_estimate.interval_90 is not None
        with pytest.raises(NotAllowed):
            QueryOptimizer(system=there.system, server=url, token=weak).optimize_query_performance([query])
        with pytest.raises(InputError, match="nowhere"):
            QueryOptimizer(system="nowhere", server=url, token=token).optimize_query_performance([query])


def ask(client: TestClient, there: There) -> httpx2.Response:
    return client.post(there.address, data={"csrf_token": client.headers["X-CSRF-Token"]})


@pytest.mark.browser
def test_pages_of_advice_have_nothing_wrong_with_them(browser: Browser, there: There) -> None:
    there.fill()
    with running(there.site.app) as url:
        with visit(browser, url) as visitor:
            log_in(visitor.page, Role.OPERATOR)
            look(visitor.page, "indexes", "/indexes")
            assert len(places_of_fields(visitor.page)) == 5, "each field in the same place from row to row"
            resize(visitor.page, WIDE)
            since = visitor.page.locator(".indexes .since")
            heights = since.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
            assert 10 < max(heights) < 26, "one line"
            look(visitor.page, "advice", there.address)
            visitor.page.get_by_text("lines_pkey").first.wait_for()
            assert visitor.seen.problems() == []
        with visit(browser, url, script=False) as visitor:
            log_in(visitor.page, Role.OPERATOR)
            visitor.page.goto("/indexes")
            visitor.page.get_by_role("link", name="Drop").click()
            visitor.page.get_by_text("lines_at_twin").first.click()
            assert visitor.page.get_by_text("DROP INDEX CONCURRENTLY").first.is_visible()
            visitor.page.goto(there.address)
            visitor.page.get_by_role("button", name="Look again").click()
            assert visitor.page.get_by_text("CREATE INDEX CONCURRENTLY trimtab_lines").first.is_visible()


def places_of_fields(page: Page) -> set[tuple[str, int]]:
    """Where fields of the table of indexes begin, from the left."""
    boxes = page.locator(".indexes td").evaluate_all(
        "all => all.map(td => [td.dataset.label, td.getBoundingClientRect().x])"
    )
    return {(label, round(x)) for label, x in boxes}


def look(page: Page, name: str, path: str) -> None:
    """One page, in both themes and at both widths."""
    page.emulate_media(color_scheme="light")
    open_page(page, path)
    found: list[str] = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for size in (WIDE, NARROW):
        resize(page, size)
        found += [f"{name} {size['width']}: {problem}" for problem in layout_problems(page)]
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)
            only_colours = scheme == "dark"
            found += [f"{name} {size['width']} {scheme}: {one}" for one in violations(page, only_colours=only_colours)]
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{scheme}-{size['width']}.png", full_page=True)
    assert found == []
