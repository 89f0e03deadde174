"""The page of clouds with something of everything, in both themes and at both widths: one visit."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW, WIDE, visit
from tests.browser.layout import layout_problems
from tests.browser.waiting import open_page, resize
from tests.integrations.clouds.fake_cloud import full, machine
from tests.web.site import open_site
from trimtab.app.clouds.clouds import Clouds
from trimtab.extend.clouds import CloudError, Health, Seen, Trouble
from trimtab.model.clouds import CloudsPolicy

pytestmark = [pytest.mark.browser, pytest.mark.store, pytest.mark.slow]

LONG = "an-endless-name-" * 12
SAID = "EndpointConnectionError: Could not connect to the endpoint URL: https://ec2.south-1.example/" + "x" * 120


@pytest.fixture
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in this process with an account in memory: names that are too long, a region that does not answer."""
    fake = full()
    fake.errors = {"south-1": CloudError(SAID, trouble=Trouble.UNREACHABLE)}
    fake.machines = Seen((*fake.machines.items, machine(LONG, Health.UNHEALTHY, LONG)), is_cut=True)
    fake.pools = Seen(tuple(replace(one, name=LONG) for one in fake.pools.items))
    with open_site(tmp_path_factory.mktemp("clouds") / "data") as made, socket.socket() as listening:
        service = made.service
        service.clouds = Clouds(
            CloudsPolicy(accounts=("prod=fake", "other=fake")),
            lambda: time.time_ns() // 1_000_000,
            metrics=lambda: getattr(service.telemetry, "metrics", None),
            kinds=lambda: {"fake": fake.kind()},
        )
        service.clouds.look(60.0)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(made.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        service.events.close()
        server.should_exit = True
        thread.join()


def test_clouds_have_nothing_wrong_with_them(browser: Browser, url: str) -> None:
    with visit(browser, url) as visitor:
        page = visitor.page
        open_page(page, "/infrastructure/cloud?from=now-5m")
        found: list[str] = []
        for size in (WIDE, NARROW):
            resize(page, size)
            found += [f"{size['width']}: {problem}" for problem in layout_problems(page)]
            page.emulate_media(color_scheme="light")
            found += [f"{size['width']} light: {problem}" for problem in violations(page)]
            page.emulate_media(color_scheme="dark")
            found += [f"{size['width']} dark: {problem}" for problem in violations(page, only_colours=True)]
        assert found == []
        expect(page.locator("tt-chart[data-state=ready]")).to_have_count(4, timeout=60_000)
        page.get_by_role("searchbox").fill("shop")
        page.get_by_label("Account", exact=True).select_option("other")
        page.get_by_role("button", name="Search").click()
        page.wait_for_url("**account=other**")
        assert page.locator("#databases tbody tr").count() == 1
        assert visitor.seen.problems() == []
