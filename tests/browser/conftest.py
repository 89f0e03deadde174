"""One browser, one server with a day of data and one that asks for a login, for all tests of this folder.

They end with the folder (`package`): while Playwright runs, nothing else can run an event loop on this thread.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.chromium import Visitor, open_browser, visit
from tests.browser.servers import DayServer, GuardedServer, day_server, guarded_server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="package")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DayServer]:
    """A day of data and 10,000 shapes, without a login."""
    with day_server(tmp_path_factory.mktemp("day") / "data") as server:
        yield server


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedServer]:
    """Hostile texts behind a login."""
    with guarded_server(tmp_path_factory.mktemp("guarded") / "data") as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, day: DayServer) -> Iterator[Visitor]:
    """Somebody at a desk, looking at the day. What their pages must not do is an error at the end."""
    with visit(browser, day.url) as opened:
        yield opened
    assert opened.seen.problems() == []


@pytest.fixture
def phone(browser: Browser, day: DayServer) -> Iterator[Visitor]:
    """Somebody with a phone, looking at the day."""
    with visit(browser, day.url, size=chromium.NARROW) as opened:
        yield opened
    assert opened.seen.problems() == []
