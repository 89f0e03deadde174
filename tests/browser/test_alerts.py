"""The pages of alerts in a real browser, beside a real Alertmanager: an alert appears by itself, is silenced everywhere
with three presses, and is told again; the history is searched as one types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.alertmanager import QUIET as QUIET_ALERTMANAGER
from tests.alertmanager import running_alertmanager
from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, Visitor, visit
from tests.browser.layout import layout_problems
from tests.browser.servers import QUIET, running
from tests.browser.waiting import open_page, resize

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

PORTS = '[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\n'


@dataclass(frozen=True)
class Rung:
    """A server and its Alertmanager."""

    url: str
    alertmanager: str

    def trigger(self, name: str, length_s: float = 3600.0, **labels: str) -> None:
        """As a program would."""
        body = {"name": name, "labels": labels, "annotations": {"summary": f"{name} went wrong"}, "length_s": length_s}
        httpx2.post(f"{self.url}/api/trimtab/alerts/trigger", json=body, timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def rung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rung]:
    folder: Path = tmp_path_factory.mktemp("alerts")
    with running_alertmanager(folder / "alertmanager", QUIET_ALERTMANAGER) as alertmanager:
        notify = f'[notify]\nalertmanagers = ["main={alertmanager}"]\nresend_s = 1\n'
        with running(folder / "data", f"{QUIET}{PORTS}{notify}") as server:
            yield Rung(server.url, alertmanager)


@pytest.fixture
def somebody(browser: Browser, rung: Rung) -> Iterator[Visitor]:
    """At a desk, in the night."""
    with visit(browser, rung.url) as opened:
        yield opened
    assert opened.seen.problems() == []


def test_an_alert_appears_is_silenced_and_told_again(somebody: Visitor, rung: Rung) -> None:
    page = somebody.page
    open_page(page, "/alerts")
    rung.trigger("NightlyExport", severity="page", job="export")
    row = page.locator("#fires tr[data-alert]", has_text="NightlyExport went wrong")
    expect(row).to_be_visible(timeout=60_000)
    expect(row).to_contain_text("Alertmanager main", timeout=60_000)

    row.get_by_role("link", name="Silence …").click()
    expect(page.get_by_label("Alerts with these labels")).to_have_value(re.compile(r'alertname="NightlyExport"'))
    page.get_by_label("Alerts with these labels").fill('job="export"')
    page.get_by_role("button", name="See what fits").click()
    expect(page.locator(".fitting")).to_contain_text("1 alert fits now")
    page.get_by_label("Why").fill("Known since yesterday.")
    page.get_by_label("For", exact=True).select_option("30m")
    page.get_by_role("button", name="Make the silence").click()
    expect(page.get_by_text("The silence is made.")).to_be_visible()
    made = page.locator("#silences tr[data-silence]", has_text="Known since yesterday.")
    expect(made).to_have_count(2)
    found = httpx2.get(f"{rung.alertmanager}/api/v2/alerts", timeout=30).json()
    assert [one["status"]["state"] for one in found if one["labels"]["job"] == "export"] == ["suppressed"]

    open_page(page, "/alerts")
    expect(page.locator("#quiet")).to_contain_text("Known since yesterday. (local, until")
    open_page(page, "/alerts?tab=silences")
    for _ in range(2):
        page.get_by_role("button", name="End now").first.click()
        expect(page.get_by_text("The silence is ended")).to_be_visible()
        open_page(page, "/alerts?tab=silences")
    expect(page.get_by_role("button", name="End now")).to_have_count(0)
    open_page(page, "/alerts")
    expect(page.locator("#fires")).to_contain_text("NightlyExport")
    rung.trigger("NightlyExport", 0, severity="page", job="export")
    expect(page.locator("#fires")).to_have_count(0, timeout=60_000)


def test_the_history_is_searched_as_one_types_and_leads_to_each_alert(somebody: Visitor, rung: Rung) -> None:
    page = somebody.page
    for name in ("BackupFailed", "QueueGrows"):
        rung.trigger(name, severity="warning")
    open_page(page, "/alerts?tab=history")
    expect(page.locator("#past")).to_contain_text("BackupFailed", timeout=60_000)
    expect(page.locator("#past")).to_contain_text("QueueGrows", timeout=60_000)
    page.keyboard.press("/")
    page.keyboard.type("backup")
    expect(page.locator("#past tr[data-past]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"tab=history.*q=backup"))
    page.get_by_role("link", name="BackupFailed").click()
    expect(page.get_by_role("heading", name="BackupFailed", level=2)).to_be_visible()
    expect(page.locator("#when")).to_contain_text("it still fires")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("backup")


@pytest.mark.parametrize("path", ["/alerts", "/alerts?tab=history", "/alerts?tab=silences", "/alerts?tab=told"])
def test_nothing_is_wrong_with_the_pages_beside_an_alertmanager(somebody: Visitor, rung: Rung, path: str) -> None:
    rung.trigger("QueueGrows", severity="warning", url="https://a.example/" + "x" * 300)
    page = somebody.page
    open_page(page, path)
    found: list[str] = []
    for size in (WIDE, NARROW):
        resize(page, size)
        found += [f"{size['width']}: {problem}" for problem in layout_problems(page)]
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            wrong = violations(page, only_colours=scheme == "dark")
            found += [f"{size['width']} {scheme}: {problem}" for problem in wrong]
    assert found == []


def test_an_alertmanager_that_is_away_is_said_on_top(browser: Browser, tmp_path: Path) -> None:
    notify = '[notify]\nalertmanagers = ["main=http://127.0.0.1:1"]\n'
    with running(tmp_path / "data", f"{QUIET}{PORTS}{notify}") as server:
        away = Rung(server.url, "")
        away.trigger("Down", severity="page")
        with visit(browser, server.url) as opened:
            open_page(opened.page, "/alerts")
            note = opened.page.get_by_role("alert").filter(has_text="Alertmanager main is not told.")
            expect(note).to_be_visible(timeout=60_000)
            expect(opened.page.locator("#fires")).to_contain_text("not yet", timeout=60_000)
            assert opened.seen.problems() == []
