"""Pages that know several stores: one is chosen, or all; each result says whose it is; who does not answer is told."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator, Sequence
from html import unescape

import pytest

from tests.cli.receivers import traces_protobuf
from tests.store.logs.requests import record, request
from tests.web.markup import refused_by_policy
from tests.web.site import Site, open_site
from trimtab.app.sources.beside import ask_beside
from trimtab.app.sources.sources import Sources
from trimtab.extend.sources import (
    Address,
    FoundEvent,
    FoundLog,
    FoundLogs,
    FoundOperation,
    FoundSpan,
    LogQuestion,
    Sent,
    SourceError,
    TraceQuestion,
)
from trimtab.model.integrations import IntegrationsPolicy

pytestmark = pytest.mark.store

TRACE = "ef" * 16
ODD_ID = 'a/b?"<c>'


@functools.cache
def at_ns() -> int:
    """Half a minute before the first test."""
    return time.time_ns() // 1_000_000 * 1_000_000 - 30_000_000_000


def lines() -> tuple[FoundLog, ...]:
    """What the other store has logged."""
    return (
        FoundLog(ODD_ID, at_ns(), "elsewhere <b>older</b>", "WARN", "shop", TRACE, "12" * 8, {"http.route": "/cart"}),
        FoundLog("2", at_ns() + 20_000_000_000, "elsewhere newer", "INFO", "shop"),
    )


def spans() -> tuple[FoundSpan, ...]:
    """Its one trace."""
    return (
        FoundSpan(
            TRACE, "1" * 16, "", "GET /far", 2, at_ns(), at_ns() + 5_000_000, 2, "no", resource={"service.name": "far"}
        ),
        FoundSpan(
            TRACE,
            "2" * 16,
            "1" * 16,
            "query",
            3,
            at_ns() + 1_000_000,
            at_ns() + 2_000_000,
            attributes={"peer": "needle in a span"},
            resource={"service.name": "far"},
            events=(FoundEvent(at_ns() + 1_500_000, "retry"),),
        ),
    )


class Far:
    """A store of logs and traces in memory; one named `broken` does not answer."""

    def __init__(self, address: Address) -> None:
        self._name = address.name

    def _check(self) -> None:
        if self._name == "broken":
            raise SourceError(f"the source {self._name} did not answer as it should", source=self._name)

    def search(self, question: LogQuestion | TraceQuestion) -> FoundLogs | tuple[tuple[FoundSpan, ...], ...]:
        self._check()
        if isinstance(question, TraceQuestion):
            return (spans(),) if question.service in ("", "far") else ()
        inside = [one for one in lines() if question.from_ms <= one.at_ns // 1_000_000 < question.to_ms]
        return FoundLogs(tuple(sorted(inside, key=lambda one: -one.at_ns)))

    def trace(self, trace_id: str) -> tuple[FoundSpan, ...]:
        self._check()
        return spans() if trace_id == TRACE else ()

    def services(self) -> tuple[str, ...]:
        self._check()
        return ("far",)

    def operations(self, service: str) -> Sequence[FoundOperation]:
        return (FoundOperation("GET /far", "server"),)

    def write(self, _body: object, _count: int = 0) -> Sent:
        raise AssertionError("nothing is written")

    def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("elsewhere")) as opened:
        own = [record("own line between", at_ns() + 10_000_000_000, {}, severity_number=9)]
        opened.service.telemetry.logs.append_otlp(request(*own))
        opened.service.telemetry.append_otlp_traces(traces_protobuf("near", range(1)))
        opened.service.telemetry.flush()
        policy = IntegrationsPolicy(
            logs=("far=x+http://h", "broken=x+http://h"), traces=("far=x+http://h", "broken=x+http://h"), pause_s=0
        )
        opened.service.sources = Sources(policy, factories=lambda: {"x": Far})
        yield opened


def read(site: Site, address: str, status: int = 200) -> str:
    answer = site.visitor().get(address)
    assert answer.status_code == status, answer.text[:2000]
    assert refused_by_policy(answer.text) == []
    return unescape(answer.text)


def test_one_store_of_logs(site: Site) -> None:
    page = read(site, "/logs?source=far")
    assert 'aria-label="Store that is asked"' in page
    assert "elsewhere newer" in page
    assert "own line between" not in page
    assert "<b>older</b>" not in site.visitor().get("/logs?source=far").text
    assert "are of trimtab's own store" in page
    assert "<tt-chart" not in page
    assert '"/logs?q=x&source=far"' in read(site, "/logs?q=x")  # the chooser keeps the search


def test_all_stores_of_logs_together(site: Site) -> None:
    page = read(site, "/logs?source=all")
    places = [page.index(text) for text in ("elsewhere newer", "own line between", "elsewhere <b>older</b>")]
    assert places == sorted(places)
    assert "Broken: the source broken did not answer" in page or "broken: the source broken did not answer" in page
    assert "What is shown is partial" in page
    assert page.count('<b class="store">far</b>') == 2
    assert page.count('<b class="store">trimtab</b>') == 1


def test_who_hangs_is_not_waited_for_long() -> None:
    go_on = threading.Event()
    found = ask_beside({"": lambda: "own", "slow": lambda: str(go_on.wait(60)), "old": lambda: "old"}, 0.5)
    go_on.set()
    assert found.answers == {"": "own", "old": "old"}
    assert found.missing == ("slow: no answer within 0.5 s",)


def test_a_store_that_does_not_answer_or_is_not_there(site: Site) -> None:
    assert "did not answer as it should" in read(site, "/logs?source=broken")
    assert "no source of logs is named 'nobody'" in read(site, "/logs?source=nobody").replace("No source", "no source")
    assert "did not answer as it should" in read(site, "/traces?source=broken", 503)
    assert "is named" in read(site, "/traces?source=nobody", 400)
    assert "own line between" in read(site, "/logs")


def test_a_record_elsewhere_has_a_page(site: Site) -> None:
    answer = site.visitor().get("/logs/-", params={"source": "far", "id": ODD_ID, "at": str(at_ns() // 1_000_000)})
    page = unescape(answer.text)
    assert answer.status_code == 200
    assert "http.route" in page
    assert f"/traces/{TRACE}?source=far&at=" in page
    assert f"/traces/{TRACE}?at=" in page
    assert "What was logged there then" in page
    part = {"source": "far", "id": ODD_ID, "at": str(at_ns() // 1_000_000), "fragment": "record"}
    assert "/cart" in site.visitor().get("/logs/-", params=part).text
    assert site.visitor().get("/logs/-", params={**part, "id": "other"}).status_code == 404
    assert site.visitor().get("/logs/-", params={**part, "at": "x"}).status_code == 400


def test_one_store_of_traces(site: Site) -> None:
    page = read(site, "/traces?source=far&service=far")
    assert f"/traces/{TRACE}?at={at_ns() // 1_000_000}&source=far" in page
    assert "in <b>far</b>" in page
    assert "GET /far" in read(site, "/traces/words?source=far&service=far")
    assert "far" in read(site, "/traces/words?source=far&of=services")


def test_all_stores_of_traces_together(site: Site) -> None:
    to_ms = time.time_ns() // 1_000_000 + 600_000
    page = read(site, f"/traces?source=all&from={at_ns() // 1_000_000 - 3_600_000}&to={to_ms}")
    assert "in <b>far</b>" in page
    assert "in <b>trimtab</b>" in page
    assert "broken: the source broken did not answer" in page


def test_a_trace_elsewhere_is_shown_whole(site: Site) -> None:
    at = at_ns() // 1_000_000
    page = read(site, f"/traces/{TRACE}?source=far&at={at}")
    assert "<dt>Store</dt>" in page
    assert "Look in trimtab" in page
    assert f"/logs?trace_id={TRACE}" in page
    assert "Logs in far" in page
    assert "query" in read(site, f"/traces/{TRACE}?source=far&at={at}&view=table")
    assert "needle in a span" in read(site, f"/traces/{TRACE}?source=far&at={at}&span={'2' * 16}&fragment=span")
    columns = site.visitor().get(f"/traces/{TRACE}/spans?source=far&at={at}").json()
    assert (columns["ids"], columns["parents"], columns["event_names"]) == (["1" * 16, "2" * 16], [-1, 0], ["retry"])
    found = site.visitor().get(f"/traces/{TRACE}/having?source=far&at={at}&q=NEEDLE").json()
    assert found["ids"] == ["2" * 16]
    assert site.visitor().get(f"/traces/{TRACE}?at={at}").status_code == 404
    otlp = site.visitor().get(f"/api/trimtab/traces/{TRACE}/otlp?source=far").json()
    assert len(otlp["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2
    assert site.visitor().get(f"/traces/{'0' * 32}?source=far").status_code == 404


def test_the_api_asks_all_stores_together_too(site: Site) -> None:
    within = f"from={at_ns() // 1_000_000 - 3_600_000}&to={time.time_ns() // 1_000_000 + 600_000}"
    client = site.visitor()
    found = client.get(f"/api/trimtab/traces?source=all&{within}").json()
    assert {one["source"] for one in found["traces"]} == {"", "far"}
    began = [one["started_at_ns"] for one in found["traces"]]
    assert began == sorted(began, reverse=True)
    page = client.get(f"/api/trimtab/logs?source=all&{within}").json()
    told = [(one["source"], one["body_text"].split()[-1]) for one in page["records"] if "line" in one["body_text"]]
    assert told == [("", "between")]
    assert {one["source"] for one in page["records"]} == {"", "far"}
    written = [one["at_ns"] for one in page["records"]]
    assert written == sorted(written, reverse=True)
    for answer in (found, page):
        assert "broken: the source broken did not answer" in " ".join(answer["missing"])
    alone = client.get(f"/api/trimtab/traces?source=far&{within}").json()
    assert {one["source"] for one in alone["traces"]} == {"far"}
    refused = client.get(f"/api/trimtab/logs?source=all&{within}&cursor=x")
    assert (refused.status_code, "go on with one of them" in refused.text) == (400, True)
