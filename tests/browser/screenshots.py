"""Photographs every page and every state of it, in both themes and on a phone, for the documentation.

    python -m tests.browser.screenshots [--only NAME] [--around | --analysis] [--folder docs/screenshots]

Writes PAGE-{light,dark}.png, PAGE-light-390.png and, when all were taken, `docs/pages.md`, which shows them. Look at
them: a test can say that nothing overlaps, not that it is clear.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import cast

import httpx2
from PIL import Image
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect
from playwright.sync_api import Error as PlaywrightError

from tests.browser.analysis import analysis_server
from tests.browser.around import AroundServer, around_server
from tests.browser.chromium import NARROW, TIMEOUT_MS, WIDE, Scheme, open_browser, visit
from tests.browser.log_lines import bodies
from tests.browser.places import PLACES
from tests.browser.servers import DayServer, day_server, healthy_server, log_in, team_server
from tests.browser.waiting import drawn, open_page, resize
from trimtab.model.access import Role

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/screenshots"
PAGE = ROOT / "docs/pages.md"
HEIGHT_MAX = {WIDE["width"]: 1150, NARROW["width"]: 1200}
"""Longer pages are cut: what is below looks like what is above."""
COLOURS, COLOURS_EXACT = 64, 28
FILE_BYTES_MAX = 120_000
ALL_BYTES_MAX = 12_500_000
KINDS: tuple[tuple[Scheme, ViewportSize], ...] = (("light", WIDE), ("dark", WIDE), ("light", NARROW))
"""A dark phone has the layout of the light one and the colours of the dark desk: tests look at it, pictures do not."""


@dataclass(frozen=True)
class Shot:
    """One picture: on which server, how to get there, and what it shows.

    `role`: who has to be logged in; `part`: only this element.
    """

    name: str
    about: str
    server: str
    prepare: Callable[[Page], None]
    role: Role | None = None
    part: str | None = None


_HELD: list[Route] = []
"""Requests that were not answered while the picture was taken."""


def _hold(route: Route) -> None:
    _HELD.append(route)


def goes(path: str) -> Callable[[Page], None]:
    """Just open it."""
    return lambda page: open_page(page, path)


def _with_series(page: Page, path: str, message: str | None) -> None:
    """Numbers that fail with a message, or do not come."""

    if message is None:
        page.route("**/series?*", _hold)
        page.goto(path)
        expect(page.locator("tt-chart[data-state=loading]").first).to_be_visible()
        return
    page.route("**/series?*", lambda route: route.fulfill(status=503, json={"error": {"message": message}}))
    open_page(page, path)


def _without_stream(page: Page, path: str) -> None:
    page.route("**/events*", lambda route: route.abort())
    open_page(page, path)
    expect(page.locator("#stream-note")).to_be_visible(timeout=TIMEOUT_MS)


def _wrong_password(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("not this one, sorry")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def _pressed(path: str, key: str, dialog: str) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        open_page(page, path)
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()

    return prepare


def _as_table(path: str) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        open_page(page, path)
        page.get_by_role("button", name="View as table").first.click()

    return prepare


def _searched(page: Page) -> None:
    open_page(page, "/queries?from=now-24h&to=now")
    page.keyboard.press("/")
    page.keyboard.type("warehouses")
    page.wait_for_url("**q=warehouses*")
    expect(page.locator("#results tbody tr").first).to_contain_text("warehouses")


def _opened(page: Page) -> None:
    open_page(page, "/logs?q=payment+failed")
    page.locator("#lines summary").first.click()
    expect(page.locator("#lines .fact-table").first).to_be_visible()
    drawn(page)


def _tailed(day: DayServer) -> Callable[[Page], None]:
    def prepare(page: Page) -> None:
        open_page(page, "/logs?tail=1")
        expect(page.locator("tt-tail")).to_have_attribute("data-state", "live")
        for body in bodies(400, time.time_ns() // 1_000_000, 60_000):
            headers = {"Content-Type": "application/x-protobuf"}
            httpx2.post(f"{day.url}/v1/logs", content=body, headers=headers, timeout=60).raise_for_status()
        expect(page.locator("tt-tail")).to_contain_text("400 lines came")
        drawn(page)

    return prepare


def shots(day: DayServer, around: AroundServer) -> Sequence[Shot]:
    """All of them, in the order in which they are shown."""
    query = f"/queries/shop/{day.rolled_back_shape}?from={day.start_ms}&to={day.end_ms}"
    of_analysis = {shot.name for shot in analysis_shots()}
    of_team = {"settings-people", "settings-tokens", "settings-audit", "settings-you"}
    found = [
        Shot(
            place.name,
            place.about,
            "healthy" if place.name in ("overview", "settings-systems") else "team" if place.name in of_team else "day",
            goes(place.address(day)),
            Role.ADMIN if place.name in of_team else None,
        )
        for place in PLACES
        if place.name not in of_analysis
    ]
    more = [
        Shot("queries-searched", "The same, searched as one types.", "day", _searched),
        Shot(
            "logs-opened",
            "A line opened in the list: every field with its type, one click from a filter.",
            "day",
            _opened,
        ),
        Shot(
            "logs-tail",
            "The live tail: lines as they come in, up to a bound, and what was left out.",
            "day",
            _tailed(day),
        ),
        Shot("query-as-table", "Every picture can be seen as a table.", "day", _as_table(query)),
        Shot(
            "plans",
            "The plan before a change and the one after it: where the time goes, where estimates were wrong.",
            "day",
            goes(query),
            part="#plans",
        ),
        Shot(
            "effect",
            "What a change did: predicted beside measured, against untouched queries of the same time.",
            "day",
            goes(f"/cases/{day.cases['kept']}"),
            part="#effect-panel",
        ),
        Shot("range", "The time range, quick or exact; keys do it too.", "day", _pressed(query, "t", "Time range")),
        Shot("keys", "All keys.", "day", _pressed("/cases", "?", "Keys")),
        Shot("login", "Who comes from another machine signs in.", "team", goes("/login")),
        Shot("login-refused", "A wrong name or password.", "team", _wrong_password),
        Shot("loading", "Numbers that are still to come.", "day", lambda page: _with_series(page, query, message=None)),
        Shot(
            "error-chart",
            "Numbers that could not be had; the rest of the page stands.",
            "day",
            lambda page: _with_series(page, query, message="The store is busy: try again in a moment."),
        ),
        Shot(
            "stale",
            "trimtab does not answer any more: the page says so.",
            "day",
            lambda page: _without_stream(page, "/cases"),
        ),
        Shot("unreachable", "A server that does not answer: what is shown is as old as it says.", "day", goes("/")),
        Shot("forbidden", "What a role may not see.", "team", goes("/settings?tab=people"), Role.VIEWER),
        Shot("empty-overview", "A server that was just started.", "team", goes("/"), Role.ADMIN),
        Shot("empty-queries", "No query ran yet.", "team", goes("/queries"), Role.ADMIN),
        Shot("empty-logs", "No log line came in yet.", "team", goes("/logs"), Role.ADMIN),
        Shot("empty-cases", "Nothing was found to be slow.", "team", goes("/cases"), Role.ADMIN),
        Shot("empty-changes", "Nothing waits, nothing is in flight.", "team", goes("/changes"), Role.ADMIN),
        Shot("empty-ledger", "Nothing was ever applied.", "team", goes("/ledger"), Role.ADMIN),
        Shot("empty-settings-systems", "Nothing is watched yet.", "team", goes("/settings?tab=systems"), Role.ADMIN),
    ]
    return [*found, *around_shots(around), *analysis_shots(), *more]


def _what_if(page: Page) -> None:
    open_page(page, "/capacity")
    page.get_by_label("Traffic").fill("+30%")
    page.get_by_role("button", name="Look").click()
    page.wait_for_url("**traffic=**")
    drawn(page)


def analysis_shots() -> Sequence[Shot]:
    """What is found in series, on a server with weeks of them."""

    def shot(name: str, path: str, about: str) -> Shot:
        return Shot(name, about, "analysis", goes(path))

    return [
        shot(
            "anomalies",
            "/anomalies",
            "What is not as usual: a lane for each series, what was expected, and what began together.",
        ),
        shot(
            "anomaly", "/anomalies/1", "One episode: seen and expected, what began with it, and whether it is normal."
        ),
        shot("change-points", "/change-points", "When series moved to another level, and what stands beside it."),
        shot("change-point", "/change-points/1", "One change: both levels, by how much, by chance how often."),
        shot(
            "patterns", "/patterns", "What repeats, leaks, bursts, lags and saturates, with what would follow from it."
        ),
        shot("patterns-knee", "/patterns?kind=knee", "Latency against load: from which load on it is twice as slow."),
        shot("forecasts", "/forecasts", "Limits that will be crossed, with what to do, and every forecast's record."),
        Shot(
            "capacity",
            "When resources are full, as a range, under growth that one knows of; the workload ahead.",
            "analysis",
            _what_if,
        ),
        Shot(
            "bands",
            "Every chart has its forecast, if wanted: ahead of now, and what had been forecast of the past.",
            "analysis",
            goes("/infrastructure/hosts/node/web2?from=now-2d&to=now&ahead=past"),
            part="#host-cpu",
        ),
    ]


def _refused(page: Page) -> None:
    open_page(page, "/dashboards")
    page.get_by_label("or its JSON").fill('{"title": "Machines", "panels": {"type": "stat"}}')
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#bring-trouble")).to_be_visible()
    page.locator("#bring").scroll_into_view_if_needed()
    drawn(page)


def around_shots(around: AroundServer) -> Sequence[Shot]:
    """What stands around the database."""

    def shot(name: str, path: str, about: str) -> Shot:
        return Shot(name, about, "around", goes(path))

    return [
        shot("hosts", around.address("/infrastructure"), "Machines, what is wrong or busy first."),
        shot(
            "host",
            around.address("/infrastructure/hosts/node/db1"),
            "One machine: what is busy, what waits, what went wrong, who does it, and the same over time.",
        ),
        shot("containers", "/infrastructure/containers", "Containers: health, limits, throttling, memory, restarts."),
        shot("cloud", "/infrastructure/cloud", "Accounts of clouds: what is wrong, what could not be read and why."),
        shot("quality", "/quality", "Scores of data with their parts, and the probes behind them."),
        shot("probe", "/quality/probes/orders-fresh", "One probe: what it found, over time, and what exactly is run."),
        shot("pipelines", "/quality/pipelines", "Pipelines, whoever runs them: how many runs succeed, the newest."),
        shot("cost", "/quality/cost", "What processing costs this month: budget, forecast, by system and by query."),
        shot("satisfaction", "/quality/satisfaction", "How content users are, by each source on its own scale."),
        shot("dashboards", "/dashboards", "Dashboards that come with trimtab, and those of a Grafana."),
        Shot(
            "dashboards-refused",
            "A file that is no dashboard: which place in it is wrong.",
            "around",
            _refused,
            part="#bring",
        ),
        shot("dashboard", around.address("/dashboards/trimtab-host"), "A dashboard that comes with trimtab."),
        shot(
            "dashboard-brought",
            around.address("/dashboards/shop-machines"),
            "A Grafana's dashboard as it was exported; what is not drawn says why.",
        ),
        shot(
            "dashboard-numbers",
            around.address("/dashboards/shop-machines?numbers=1"),
            "The same as tables of numbers, without a script.",
        ),
        shot("monitoring", "/settings?tab=monitoring", "What was set up in one call, and how each metric stands."),
    ]


def photograph(page: Page, size: ViewportSize, part: str | None) -> bytes:
    """The page from its top, as far as HEIGHT_MAX, or a part of it; in few colours."""
    if part is not None:
        return _small(page.locator(part).screenshot(animations="disabled", caret="hide"))
    height = int(str(page.evaluate("() => document.documentElement.scrollHeight")))
    resize(page, {"width": size["width"], "height": max(size["height"], min(height, HEIGHT_MAX[size["width"]]))})
    page.evaluate("() => document.fonts.ready")
    taken = page.screenshot(animations="disabled", caret="hide")
    resize(page, size)
    return _small(taken)


def _small(png: bytes) -> bytes:
    """With a palette: the colours that fill areas as they are, the rest (edges of letters) as near as a few allow."""
    with Image.open(io.BytesIO(png)) as picture:
        whole = picture.convert("RGB")
    counted = sorted(whole.getcolors(whole.width * whole.height) or [], key=lambda one: -one[0])
    exact = [channel for _, colour in counted[:COLOURS_EXACT] for channel in cast("tuple[int, int, int]", colour)]
    rest = whole.quantize(COLOURS - COLOURS_EXACT, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*exact, *rest][: 3 * COLOURS])
    packed = io.BytesIO()
    whole.quantize(palette=palette, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def take(browser: Browser, urls: dict[str, str], wanted: Sequence[Shot], folder: Path) -> list[str]:
    """Every picture in both themes and on a phone, into `folder`; what could not be taken is told, the others are."""
    failed: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    kinds = dict.fromkeys((shot.server, shot.role) for shot in wanted)
    for (scheme, size), (server, role) in product(KINDS, kinds):
        with visit(browser, urls[server], size=size, scheme=scheme) as somebody:
            if role is not None:
                log_in(somebody.page, role, TEAM[role])
            for shot in wanted:
                if (shot.server, shot.role) != (server, role):
                    continue
                name = file_name(shot.name, scheme, size)
                try:
                    shot.prepare(somebody.page)
                    (folder / name).write_bytes(photograph(somebody.page, size, shot.part))
                except (PlaywrightError, AssertionError) as error:
                    failed.append(f"{name}: {str(error).strip().splitlines()[0]}")
                while _HELD:
                    _HELD.pop().abort()
                somebody.page.unroute_all(behavior="ignoreErrors")
        print(f"{scheme} {size['width']} {server} {role or ''}", flush=True)
    return failed


TEAM = {Role.ADMIN: "anna", Role.OPERATOR: "ben", Role.VIEWER: "carla"}


def file_name(name: str, scheme: Scheme, size: ViewportSize) -> str:
    """PAGE-{light,dark}[-390].png."""
    return f"{name}-{scheme}{'' if size == WIDE else '-390'}.png"


def text(wanted: Sequence[Shot]) -> str:
    """`docs/pages.md`."""
    lines = [
        "# The pages",
        "",
        "Every page and every state of it, in both themes on a desk, and on a phone: taken by `make screenshots` from",
        "servers with a made-up day of data and ten thousand query shapes. Long pages are cut.",
        "",
    ]
    for shot in wanted:
        light, dark, narrow = (f"screenshots/{file_name(shot.name, scheme, size)}" for scheme, size in KINDS)
        title = shot.name.replace("-", " ").capitalize()
        lines += [
            f"## {title}",
            "",
            shot.about,
            "",
            f"![{title}, light]({light})",
            "",
            f"[Dark]({dark}), [on a phone]({narrow})",
            "",
        ]
    return "\n".join(lines)


def problems(folder: Path) -> list[str]:
    """Files that are too large."""
    sizes = {file.name: file.stat().st_size for file in folder.glob("*.png")}
    found = [f"{name}: {size:,} bytes" for name, size in sizes.items() if size > FILE_BYTES_MAX]
    total = sum(sizes.values())
    print(f"{len(sizes)} pictures, {total:,} bytes, the largest {max(sizes.values(), default=0):,}")
    return found + ([f"all together {total:,} bytes"] if total > ALL_BYTES_MAX else [])


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[tuple[DayServer, dict[str, str]]]:
    """All that is photographed, but for what stands around."""
    with (
        day_server(folder / "day", slice_ms=15_000) as day,
        healthy_server(folder / "healthy") as healthy,
        team_server(folder / "team", TEAM) as team,
    ):
        yield day, {"day": day.url, "healthy": healthy, "team": team}


def take_analysis(browser: Browser, folder: Path, only: str, data: Path) -> list[str]:
    """Pictures of what is under Analysis. Its server is in this process: no other may be."""
    wanted = [shot for shot in analysis_shots() if re.search(only, shot.name)]
    if not wanted:
        return []
    with analysis_server(data) as url:
        return take(browser, {"analysis": url}, wanted, folder)


def take_others(browser: Browser, folder: Path, only: str, data: Path, *, just_around: bool) -> list[str]:
    """All the others; `docs/pages.md`, where all were taken."""
    with contextlib.ExitStack() as running:
        day = None if just_around else running.enter_context(servers(data))
        # the last: its engine is in this process, which can have one at a time, and the others fill theirs here, too
        around = running.enter_context(around_server(data / "around"))
        every = around_shots(around) if day is None else shots(day[0], around)
        urls = {**({} if day is None else day[1]), "around": around.url}
        wanted = [shot for shot in every if shot.server in urls and re.search(only, shot.name)]
        failed = take(browser, urls, wanted, folder)
    if not only and not just_around and folder == FOLDER:
        PAGE.write_text(text(every))
    return failed


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="a regular expression for names")
    parser.add_argument("--around", action="store_true", help="only what stands around the database, which is quick")
    parser.add_argument("--analysis", action="store_true", help="only what is under Analysis, which is quick")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trimtab-shots-") as data, open_browser() as browser:
        if not (given.only or given.around or given.analysis):
            for old in given.folder.glob("*.png"):
                old.unlink()
        failed: list[str] = []
        if not given.analysis:
            failed += take_others(browser, given.folder, given.only, Path(data), just_around=given.around)
        if not given.around:
            failed += take_analysis(browser, given.folder, given.only, Path(data) / "analysis")
    if wrong := [*failed, *problems(given.folder)]:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
