"""Debian's Chromium without a window, and pages in it that write down what a page must not do.

Nothing but 127.0.0.1 can be reached: neither names nor other addresses are resolved (a flag of Chromium says so), and
what asks for one is noted. Requests are not intercepted: Chromium would then keep no file, and read every script anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    ViewportSize,
    sync_playwright,
)

EXECUTABLE = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
TIMEOUT_MS = 60_000
"""How long to wait for what must come: a crowded machine is slow, and what is there is not waited for."""
Scheme = Literal["light", "dark"]

_ELSEWHERE = re.compile(r"^(?!(https?|wss?)://127\.0\.0\.1[:/])(?!data:|blob:|about:)")
_LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Seen:
    """What a page did that it must not do."""

    elsewhere: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def problems(self, *, but: Sequence[str] = ()) -> list[str]:
        """Everything, except messages that contain one of `but`."""
        said = [
            *(f"asked for {address}" for address in self.elsewhere),
            *(f"console: {text}" for text in self.console),
            *(f"fault: {text}" for text in self.faults),
            *(f"dialog: {text}" for text in self.dialogs),
        ]
        return [line for line in said if not any(part in line for part in but)]

    def forget(self) -> None:
        """Begin anew."""
        for notes in (self.elsewhere, self.console, self.faults, self.dialogs):
            notes.clear()

    def listen(self, context: BrowserContext) -> None:
        """Note what every page of a visitor does."""
        context.add_init_script(_LISTEN)
        context.on("console", self._say)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def _request(self, request: Request) -> None:
        if _ELSEWHERE.match(request.url):
            self.elsewhere.append(request.url)

    def _say(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@dataclass
class Visitor:
    """Somebody with a browser of their own: cookies, settings, one tab."""

    context: BrowserContext
    page: Page
    seen: Seen


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start and stop; RuntimeError where there is none."""
    if not EXECUTABLE.exists():
        raise RuntimeError(f"{EXECUTABLE} is missing: scripts/install-chromium.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=FLAGS, timeout=TIMEOUT_MS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(
    browser: Browser,
    base_url: str,
    *,
    size: ViewportSize = WIDE,
    scheme: Scheme = "light",
    script: bool = True,
    zone: str = "Europe/Berlin",
    scale: float = 1,
    watched: bool = True,
) -> Iterator[Visitor]:
    """A visitor who is nobody yet; watching what the page does has its price, which benchmarks do not want to pay."""
    context = browser.new_context(
        base_url=base_url,
        viewport=size,
        color_scheme=scheme,
        java_script_enabled=script,
        timezone_id=zone,
        locale="en-GB",
        reduced_motion="reduce",
        device_scale_factor=scale,
    )
    context.set_default_timeout(TIMEOUT_MS)
    seen = Seen()
    if watched:
        seen.listen(context)
    try:
        yield Visitor(context, context.new_page(), seen)
    finally:
        try:
            context.close()
        except Error as error:
            if "closed" not in str(error):
                raise
