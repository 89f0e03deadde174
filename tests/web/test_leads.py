"""From each thing to what belongs to it, at the same instant: metrics, traces, queries, logs, changes."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Iterator
from html import unescape

import pytest

from tests.cli.receivers import traces_protobuf
from tests.store.logs.requests import record, request
from tests.web.site import Site, open_site
from tests.web.stories import Stories
from trimtab.app.exploring.exemplars import dots_of
from trimtab.web.pages.query import line_search

pytestmark = pytest.mark.store

TRACE, SPAN = "ab" * 16, "cd" * 8
QUANTILE = "histogram_quantile(0.9, sum by (le) (rate(checkout_duration_seconds_bucket[5m])))"


@functools.cache
def now_ms() -> int:
    """A minute before the first test."""
    return time.time_ns() // 1_000_000 - 60_000


def histogram() -> dict[str, object]:
    """Three measurements of a checkout, each with its trace."""
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeMetrics": [
                    {
                        "metrics": [
                            {
                                "name": "checkout_duration_seconds",
                                "histogram": {
                                    "aggregationTemporality": 2,
                                    "dataPoints": [
                                        {
                                            "startTimeUnixNano": str((now_ms() - 60_000) * 10**6),
                                            "timeUnixNano": str(now_ms() * 10**6),
                                            "count": "3",
                                            "sum": 1.5,
                                            "bucketCounts": ["1", "1", "1"],
                                            "explicitBounds": [0.1, 1.0],
                                            "exemplars": [
                                                {
                                                    "timeUnixNano": str((now_ms() - 5000 * n) * 10**6),
                                                    "asDouble": value,
                                                    "traceId": TRACE,
                                                    "spanId": SPAN,
                                                }
                                                for n, value in ((1, 0.05), (2, 0.5), (3, 1.5))
                                            ],
                                        }
                                    ],
                                },
                            }
                        ]
                    }
                ],
            }
        ]
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("leads")) as opened:
        assert opened.visitor().post("/v1/metrics", json=histogram()).status_code == 200
        told = record(
            "duration: 12 ms statement: SELECT note FROM orders WHERE customer_id = 17 AND state = 'new'",
            now_ms() * 10**6,
        )
        opened.service.telemetry.logs.append_otlp(request(told, record("another line", now_ms() * 10**6)))
        opened.service.telemetry.append_otlp_traces(traces_protobuf("shop", range(1)))
        opened.service.telemetry.flush()
        yield opened


def read(site: Site, address: str) -> str:
    answer = site.visitor().get(address)
    assert answer.status_code == 200, answer.text[:2000]
    return unescape(answer.text)


def test_measurements_lead_to_traces(site: Site) -> None:
    within = {"from": str(now_ms() - 600_000), "to": str(now_ms() + 1)}
    key = f"promql/1000 * {QUANTILE}"
    answer = site.visitor().get("/exemplars", params={"key": [key, "self/x"], **within})
    [(told, dots)] = answer.json()["exemplars"].items()
    assert told == key
    assert (1500.0, 1.5) in [(dot["value"], dot["measured"]) for dot in dots]
    assert {(dot["trace_id"], dot["span_id"]) for dot in dots} == {(TRACE, SPAN)}
    plain = dots_of(site.service.querying, "rate(checkout_duration_seconds_bucket[5m])", now_ms() - 600_000, now_ms())
    assert [dot.value for dot in plain] == [None] * len(plain) != []
    assert dots_of(site.service.querying, "1 + 1", 0, 1) == ()
    for wrong in ("promql/sum(", "promql/nothing_there"):
        assert site.visitor().get("/exemplars", params={"key": wrong}).json() == {"exemplars": {wrong: []}}
    many = [f"promql/vector({n})" for n in range(9)]
    assert site.visitor().get("/exemplars", params={"key": many}).status_code == 400


def test_charts_ask_for_them(site: Site) -> None:
    assert " data-exemplars" in read(site, f"/explore?q={QUANTILE}")
    assert " data-exemplars" in read(site, "/traces/services/shop")


def test_a_series_leads_to_traces(site: Site) -> None:
    query = 'label_replace(label_replace(vector(1),"service_name","shop","",""),"span_name","GET /orders","","")'
    page = read(site, f"/explore?view=table&q={query}")
    assert re.search(r"/traces\?service=shop&operation=GET(%20|\+)/orders", page.replace("%2F", "/")), page[-3000:]
    assert "/logs?service=shop" in page
    page = read(
        site, f"/explore?view=both&q=checkout_duration_seconds_count&from={now_ms() - 600_000}&to={now_ms() + 60_000}"
    )  # as OpenTelemetry's metrics are: job="shop"
    assert re.search(r"/traces\?from=[^\"]*&service=shop\"", page)  # at the same time
    assert 'data-services="["shop"]"' in page
    nobody = 'label_replace(vector(1),"job","node","","")'
    assert "/traces?service=" not in read(site, f"/explore?view=table&q={nobody}").split("answer-table")[1]


def test_a_line_leads_to_metrics_and_traces(site: Site) -> None:
    [line] = re.findall(r'id="line-([0-9a-f-]+)"', read(site, "/logs?q=%22another line%22"))
    page = read(site, f"/logs/{line}")
    around = f"from={now_ms() - 300_000}&to={now_ms() + 300_000}"
    assert f"/traces?service=shop&{around}" in page
    assert f"/traces/services/shop?{around}" in page
    [metrics] = re.findall(r'href="(/explore[^"]*view=table[^"]*)"', page)
    named = read(site, metrics)
    assert 'aria-label="Chart of checkout_duration_seconds_count"' in named
    assert "&q=checkout_duration_seconds_count" in named


def test_a_query_finds_the_lines_in_which_it_stands(site: Site) -> None:
    search = line_search("SELECT note FROM orders WHERE customer_id = $1 AND state = $2")
    page = read(site, f"/logs?q={search}")
    assert "another line" not in page.split('id="lines"')[1]
    assert "customer_id" in page.split('id="lines"')[1]


def test_changes_and_the_ledger_lead_to_that_time(site: Site) -> None:
    stories = Stories(site.service.state, site.service.now_ms())
    stories.watch()
    change = stories.kept()
    for address in ("/changes", "/ledger", "/ledger?tab=entries"):
        page = read(site, address)
        logs = re.findall(r'href="/logs\?from=(\d+)&to=(\d+)"', page)
        traces = re.findall(r'href="/traces\?from=(\d+)&to=(\d+)"', page)
        assert logs == traces != [], address
        assert all(int(to) - int(from_) == 600_000 for from_, to in logs)
    page = read(site, f"/cases/{change.case_id}")
    assert "/traces?fingerprint=" in page
    assert "/logs?from=" in page
