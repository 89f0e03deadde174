"""How quickly pages appear: first paint with a day of data and 10,000 shapes, script on the wire, and panning.

    python -m benchmarks.page [--data DIRECTORY] [--rounds 5]

Each page is opened in a new, empty browser profile (nothing in its cache), once as it is and once with the processor
throttled four times; figures are medians. Script is counted as it is sent, compressed, also what is fetched after the
paint. "Server" is the time until the page's answer, asked without a browser. Then twelve charts of 10,000 points each
are dragged for two seconds with real mouse events, and a trace of ten thousand spans is scrolled from its first to its
last for three: the figures are the times between frames. Exits with 1 where a limit is broken. Figures of a machine
that is busy with something else say little: its load is printed too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx2
import numpy as np
from playwright.sync_api import Browser, Page, expect

from benchmarks.day_of_data import SYSTEM, Day, fill_day
from tests.browser.chromium import TIMEOUT_MS, open_browser, visit
from tests.browser.frames import record_frames, recorded_ms, scrolled_ms
from tests.browser.log_lines import send_lines
from tests.browser.servers import running
from tests.browser.traces import BIG_SPANS, SentTraces, send_traces
from trimtab.store.state import State
from trimtab.store.state_database import STATE_FILE

PAINT_MS_MAX = 300.0
SCRIPT_BYTES_MAX = 60 * 1024
FRAME_MS_MAX = 50.0
"""Twenty frames a second, for 19 of 20 frames."""
THROTTLE = 4
CHARTS, POINTS, PAN_S = 12, 10_000, 2.0
SCROLL_S = 3.0
STEP_MS = 10_000
LOG_LINES = 200_000
"""Of the last hour, for the logs pages."""
ACCEPT = {"Accept": "text/html", "Accept-Encoding": "gzip"}

_PAINT = """
() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  const isReady = "ready" in document.documentElement.dataset;
  const sent = new Map(performance.getEntriesByType("resource")
    .filter((one) => new URL(one.name).pathname.endsWith(".js")).map((one) => [one.name, one.transferSize]));
  return [paint && isReady ? paint.startTime : null, [...sent.values()].reduce((sum, size) => sum + size, 0)];
}
"""
_TWELVE = """
(keys) => {
  for (const old of document.querySelectorAll("tt-chart")) old.remove();
  for (const [number, key] of keys.entries()) {
    const chart = document.createElement("tt-chart");
    Object.assign(chart.dataset, { title: `Chart ${number}`, unit: "ms", kind: "area", marks: "lines" });
    chart.dataset.keys = JSON.stringify([key]);
    document.querySelector(".charts").append(chart);
  }
}
"""
_POINTS = """
() => [...document.querySelectorAll("tt-chart")].reduce((sum, one) => sum + one.points[0].values.length, 0)
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """One page, opened once."""

    paint_ms: float
    script_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One page, all rounds."""

    path: str
    server_ms: float
    page_bytes: int
    paint_ms: float
    throttled_ms: float
    script_bytes: int

    @property
    def broken(self) -> list[str]:
        """Limits that do not hold."""
        found = []
        if self.paint_ms > PAINT_MS_MAX:
            found.append(f"{self.path}: first paint {self.paint_ms:.0f} ms, the limit is {PAINT_MS_MAX:.0f} ms")
        if self.script_bytes > SCRIPT_BYTES_MAX:
            found.append(f"{self.path}: {self.script_bytes:,} bytes of script, the limit is {SCRIPT_BYTES_MAX:,}")
        return found


def paths_of(data_dir: Path) -> list[str]:
    """Every page, with a case of each sort that takes most to draw."""
    with State.open(data_dir / STATE_FILE) as state:
        cases = state.cases(limit=500)
    by_verdict = {str(case.verdict): case for case in cases}
    shape = by_verdict["rolled_back"].fingerprint
    return [
        "/",
        "/queries",
        "/queries?from=now-24h&to=now",
        "/queries?from=now-24h&to=now&q=orders&sort=mean",
        f"/queries/{SYSTEM}/{shape}",
        f"/queries/{SYSTEM}/{shape}?from=now-24h&to=now",
        "/cases",
        f"/cases/{by_verdict['rolled_back'].id}",
        f"/cases/{by_verdict['kept'].id}",
        "/changes",
        "/ledger",
        "/ledger?tab=entries",
        "/explore",
        "/logs",
        "/logs?q=payment+failed",
        "/logs?tab=patterns",
        *(f"/settings?tab={tab}" for tab in ("systems", "policy", "people", "tokens", "audit", "configuration", "you")),
        "/self",
    ]


def open_once(browser: Browser, url: str, path: str, throttle: int) -> Opened:
    """In a profile of its own."""
    with visit(browser, url, watched=False) as somebody:
        page = somebody.page
        if throttle > 1:
            somebody.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": throttle})
        page.goto(path, wait_until="load")
        give_up_at = time.monotonic() + TIMEOUT_MS / 1000
        while True:
            paint_ms, script_bytes = cast("tuple[float | None, int]", page.evaluate(_PAINT))
            if paint_ms is not None:
                return Opened(paint_ms, script_bytes)
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"{path} was never painted, or its script never ran")
            page.wait_for_timeout(20)


def server_times(url: str, path: str, rounds: int) -> tuple[float, int]:
    """Median time until the whole answer is there, and its size on the wire."""
    times, size = [], 0
    with httpx2.Client(base_url=url, headers=ACCEPT, timeout=TIMEOUT_MS / 1000) as client:
        for _ in range(rounds):
            begun = time.perf_counter()
            with client.stream("GET", path) as answer:
                size = sum(len(part) for part in answer.iter_raw())
                answer.raise_for_status()
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times), size


def measure(browser: Browser, url: str, path: str, rounds: int) -> Row:
    """All rounds of one page."""
    server_ms, page_bytes = server_times(url, path, rounds)
    plain = [open_once(browser, url, path, 1) for _ in range(rounds)]
    slow = [open_once(browser, url, path, THROTTLE) for _ in range(rounds)]
    return Row(
        path,
        server_ms,
        page_bytes,
        statistics.median(one.paint_ms for one in plain),
        statistics.median(one.paint_ms for one in slow),
        max(one.script_bytes for one in plain),
    )


def pan(browser: Browser, url: str, keys: list[str], end_ms: int) -> tuple[list[float], int]:
    """Times between frames while twelve charts are dragged, in ms, and how many points they had in all."""
    with visit(browser, url, watched=False, size={"width": 1440, "height": 1800}) as somebody:
        page = somebody.page
        shape, start_ms = keys[0].split("/")[2], end_ms - (POINTS - 1) * STEP_MS
        page.goto(f"/queries/{SYSTEM}/{shape}?from={start_ms}&to={end_ms}&points={POINTS}")
        page.evaluate(_TWELVE, keys)
        drawn = page.locator("tt-chart:is([data-state=ready], [data-state=stale])")
        expect(drawn).to_have_count(CHARTS, timeout=TIMEOUT_MS)
        points = int(str(page.evaluate(_POINTS)))
        return _drag(page), points


def _drag(page: Page) -> list[float]:
    over = page.locator("tt-chart .u-over").first
    box = over.bounding_box()
    if box is None:
        raise RuntimeError("the chart is not visible")
    middle = box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.9 * box["width"], middle)
    page.mouse.down()
    record_frames(page)
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < PAN_S:
        page.mouse.move(box["x"] + (0.9 - 0.8 * gone / PAN_S) * box["width"], middle)
    frames = recorded_ms(page)
    page.mouse.up()
    page.keyboard.up("Shift")
    return frames


def scroll(browser: Browser, url: str, sent: SentTraces) -> list[float]:
    """Times between frames while a trace of ten thousand spans is scrolled, in ms."""
    with visit(browser, url, watched=False) as somebody:
        page = somebody.page
        page.goto(sent.big_path)
        expect(page.locator("tt-trace")).to_have_attribute("data-state", "ready", timeout=TIMEOUT_MS)
        return scrolled_ms(page, ".fall-rows", SCROLL_S)


def keys_of(data_dir: Path) -> tuple[list[str], int]:
    """Twelve series of busy shapes, and when the data ends."""
    with State.open(data_dir / STATE_FILE) as state:
        cases = state.cases(limit=500)
    shapes = list(dict.fromkeys(case.fingerprint for case in cases))
    return [f"shape/{SYSTEM}/{shape}/mean_ms" for shape in shapes[:CHARTS]], cases[0].finding.noticed_at_ms


def trace_paths(sent: SentTraces) -> list[str]:
    """The pages of traces."""
    within = f"from={sent.from_ms}&to={sent.to_ms}"
    return [
        f"/traces?{within}",
        f"/traces?{within}&service=orders&attribute=db.system%3Dpostgresql&order=slowest&limit=200",
        f"/traces/map?{within}",
        "/traces/services/orders",
        sent.failed_path,
        sent.big_path,
    ]


def show(rows: list[Row], frames: list[float], points: int, scrolled: list[float]) -> list[str]:
    """Print the tables; the limits that are broken."""
    print(f"{'page':54} {'server':>8} {'page':>9} {'paint':>8} {f'paint /{THROTTLE}':>9} {'script':>9}")
    for row in rows:
        print(
            f"{row.path[:54]:54} {row.server_ms:6.0f} ms {row.page_bytes / 1024:6.1f} KB {row.paint_ms:5.0f} ms"
            f" {row.throttled_ms:6.0f} ms {row.script_bytes / 1024:6.1f} KB"
        )
    median, p95 = statistics.median(frames), float(np.percentile(frames, 95))
    print(
        f"\npanning {CHARTS} charts, {points:,} points in all, {PAN_S:g} s: {len(frames)} frames, "
        f"median {median:.1f} ms, p95 {p95:.1f} ms, longest {max(frames):.0f} ms"
    )
    scroll_p95 = float(np.percentile(scrolled, 95))
    print(
        f"scrolling {BIG_SPANS:,} spans, {SCROLL_S:g} s: {len(scrolled)} frames, median"
        f" {statistics.median(scrolled):.1f} ms, p95 {scroll_p95:.1f} ms, longest {max(scrolled):.0f} ms"
    )
    broken = [line for row in rows for line in row.broken]
    if scroll_p95 > FRAME_MS_MAX:
        broken.append(f"scrolling: p95 of frames is {scroll_p95:.1f} ms, the limit is {FRAME_MS_MAX:.0f} ms")
    if p95 > FRAME_MS_MAX:
        broken.append(f"panning: p95 of frames is {p95:.1f} ms, the limit is {FRAME_MS_MAX:.0f} ms")
    return broken


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="a directory that benchmarks.day_of_data has filled")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only pages whose address has this in it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trimtab-page-") as folder:
        data_dir = given.data or Path(folder) / "day"
        if given.data is None:
            day: Day = fill_day(data_dir)
            print(f"# {day.executions_count:,} rows of {len(day.shapes):,} shapes, {day.spans_count:,} spans, 24 h")
        paths = [path for path in paths_of(data_dir) if given.only in path]
        keys, end_ms = keys_of(data_dir)
        load_before = os.getloadavg()[0]
        with running(data_dir) as server, open_browser() as browser:
            send_lines(server.url, LOG_LINES)
            sent = send_traces(server.url)
            paths += [path for path in trace_paths(sent) if given.only in path]
            rows = [measure(browser, server.url, path, given.rounds) for path in paths]
            frames, points = pan(browser, server.url, keys, end_ms)
            scrolled = scroll(browser, server.url, sent)
        print(f"# load of the machine: {load_before:.1f} before, {os.getloadavg()[0]:.1f} after; {os.cpu_count()} CPUs")
        broken = show(rows, frames, points, scrolled)
    for line in broken:
        print(f"LIMIT BROKEN: {line}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
