"""What a person does in the first minutes, on a real PostgreSQL under real load, with nothing but the page: watch a
server, find the slow query, open its case, approve the change, and see it kept, without ever reloading."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations
from tests.browser.chromium import visit
from tests.browser.layout import layout_problems
from tests.browser.servers import running
from tests.browser.waiting import begun, drawn, open_page
from tests.conftest import Database

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.store, pytest.mark.slow]

SOON_MS = 120_000
"""For what takes the loop a while, on a crowded machine; what is there sooner is not waited for."""
SLOW = "SELECT id, note FROM orders WHERE customer_id = %s"
OTHERS = [f"SELECT v FROM other_{n} WHERE id = %s" for n in range(4)]
QUICK = """
[watch]
slice_s = 0.5
baseline_slices_min = 36
settle_slices_min = 18
warm_up_slices = 2
watch_slices_max = 60
[detect]
window_s = 6
latency_objective_ms = 2
calls_min = 5
slices_min = 4
[advise]
samples_min = 0
[plans]
analyze = true
"""


@pytest.fixture
def shop(database: Database) -> Iterator[Database]:
    """Orders without the index they need, tables beside it, and an application that uses all of them."""
    database.execute(
        "SET ROLE shop_owner",
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text)",
        "INSERT INTO orders SELECT i, i % 20000, repeat('x', 60) FROM generate_series(1, 150000) i",
        *[f"CREATE TABLE other_{n} AS SELECT i AS id, i AS v FROM generate_series(1, 500) i" for n in range(4)],
        "ANALYZE",
    )
    stop = threading.Event()

    def load() -> None:
        with psycopg.connect(database.dsn("shop_app"), autocommit=True, cursor_factory=psycopg.ClientCursor) as app:
            number = 0
            while not stop.wait(0.04):
                number += 1
                for statement in (SLOW, *OTHERS):
                    app.execute(statement.encode(), (number % 500,))

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    yield database
    stop.set()
    thread.join(timeout=10)


def empty_pages_say_what_comes_first(page: Page) -> None:
    """A server that was just started."""
    for path in ("/", "/queries", "/cases", "/changes", "/ledger"):
        open_page(page, path)
        assert page.locator("[data-state=empty]:visible").count() > 0, path
        assert violations(page) == []
        assert layout_problems(page) == []
    open_page(page, "/")
    page.get_by_role("link", name="Watch a system").click()
    page.wait_for_url("**/settings?tab=systems")


def watch(page: Page, database: Database) -> None:
    """Fill in the form: first wrongly, then rightly."""
    form = page.get_by_role("form", name="Watch a PostgreSQL")
    form.get_by_label("Connection to look with").fill("postgresql://trimtab_watch@127.0.0.1:1/shop")
    form.get_by_role("button", name="Watch").click()
    expect(form.get_by_role("alert")).to_contain_text("connect")
    form.get_by_label("Connection to look with").fill(database.dsn("trimtab_watch"))
    form.get_by_label("Name").fill("shop")
    form.get_by_label("Connection to change with").fill(database.dsn("trimtab_change"))
    form.get_by_role("button", name="Watch").click()
    expect(page.get_by_role("region", name="shop", exact=True)).to_contain_text("Looks with")


def test_from_nothing_to_a_kept_change(browser: Browser, shop: Database, tmp_path: Path) -> None:
    with running(tmp_path / "data", QUICK) as server, visit(browser, server.url) as somebody:
        page = somebody.page
        empty_pages_say_what_comes_first(page)
        watch(page, shop)
        assert somebody.seen.problems(but=["status of 4"]) == []
        somebody.seen.forget()

        page.get_by_role("link", name="Overview", exact=True).click()
        page.wait_for_url("**/")
        begun(page)  # until then forms and links work as without scripts
        page.evaluate("() => { window.neverReloaded = true; }")
        found = page.locator("#findings .row-link").first
        expect(found).to_contain_text("over the objective", timeout=SOON_MS)
        assert page.evaluate("() => window.neverReloaded") is True
        expect(page.locator("tt-chart").first).to_have_attribute("data-state", "ready", timeout=SOON_MS)
        expect(page.locator("#needs-yes")).to_contain_text("customer_id", timeout=SOON_MS)

        page.get_by_role("link", name="Queries", exact=True).first.click()
        page.wait_for_url("**/queries*")
        expect(page.locator("#results tbody tr").first).to_contain_text("customer_id = $1")
        page.locator("#results .row-link").first.click()
        page.wait_for_url("**/queries/shop/*")
        page.locator("#history a[href*='/cases/'], #cases a[href*='/cases/']").first.click()
        page.wait_for_url("**/cases/1*")
        begun(page)

        page.evaluate("() => { window.neverReloaded = true; }")
        approve = page.get_by_role("button", name="Approve this change")
        expect(approve).to_be_visible(timeout=SOON_MS)
        expect(page.locator("#statement")).to_contain_text("CREATE INDEX CONCURRENTLY")
        approve.click()
        expect(page.locator("#decision")).to_contain_text("local approved exactly this change")
        standing = page.locator("#case")
        expect(standing).to_have_attribute("data-standing", re.compile("watching|kept"), timeout=SOON_MS)
        expect(page.locator("#plans")).to_contain_text("Index Scan", timeout=SOON_MS)
        expect(standing).to_have_attribute("data-standing", "kept", timeout=SOON_MS)
        expect(page.locator(".outcome-figure")).to_contain_text("faster")
        expect(page.locator(".steps li").last).to_contain_text("Kept")
        assert page.evaluate("() => window.neverReloaded") is True, "all of that came by itself"
        drawn(page)
        assert layout_problems(page) == []
        assert violations(page) == []

        open_page(page, "/ledger")
        expect(page.locator("#applied tbody tr")).to_contain_text(["kept"])
        assert somebody.seen.problems() == []
        page.goto("about:blank")
    with psycopg.connect(shop.dsn()) as connection:
        names = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'orders'").fetchall()
    assert len([name for (name,) in names if name.startswith("trimtab_")]) == 1
