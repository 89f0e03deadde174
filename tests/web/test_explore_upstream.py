"""The Explorer page where metrics are another server's (`--metrics URL`): its JSON becomes the same page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from tests.web.site import Site
from trimtab.app.upstream import AUTHORIZATION, Upstream

pytestmark = pytest.mark.store

FROM_MS, TO_MS = 1_700_000_000_000, 1_700_000_600_000
SERIES = {"__name__": "took_seconds", "job": "api"}
BAD = 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'


class Prometheus(BaseHTTPRequestHandler):
    """Answers as Prometheus does to what the page asks, and remembers what it was asked."""

    seen: list[tuple[str, dict[str, list[str]], str]]

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.answer(path, parse_qs(query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(self.path, parse_qs(body.decode()))

    def answer(self, path: str, wanted: dict[str, list[str]]) -> None:
        self.seen.append((path, wanted, self.headers.get("authorization", "")))
        query = wanted.get("query", [""])[0]
        status, told = 200, self.data(path, wanted)
        if query == "sum(":
            status, told = 400, {"status": "error", "errorType": "bad_data", "error": BAD}
        body = b"<html>a proxy</html>" if query == "proxy" else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def data(self, path: str, wanted: dict[str, list[str]]) -> dict[str, object]:
        histogram = {"count": "3", "sum": "4.5", "buckets": [[0, "0.5", "1", "3"]]}
        found: object = ["took_seconds", "up"]
        if path == "/api/v1/query":
            series = [
                {"metric": SERIES, "value": [1, "0.25"]},
                {"metric": {"job": "odd"}, "value": [1, "+Inf"]},
                {"metric": {"job": "native"}, "histogram": [1, histogram]},
            ]
            found = {"resultType": "vector", "result": series}
        elif path == "/api/v1/query_range":
            start = float(wanted["start"][0])
            step = float(wanted["step"][0])
            values = [[start, "1"], [start + step, "NaN"]]
            if wanted["query"] == ["steady"]:
                count = round((float(wanted["end"][0]) - start) / step) + 1
                values = [[start + number * step, f"{50 + number % 3}"] for number in range(count)]
            found = {"resultType": "matrix", "result": [{"metric": SERIES, "values": values}]}
        elif path == "/api/v1/metadata":
            found = {}
        return {"status": "success", "data": found, "warnings": ["a warning from there"]}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, list[str]], str]]]:
    """The site with another server behind it; what that was asked."""
    monkeypatch.setenv(AUTHORIZATION, "Bearer of-this-test")
    seen: list[tuple[str, dict[str, list[str]], str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Prometheus,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    upstream = Upstream(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(site.service, "upstream", upstream)
    yield seen
    server.shutdown()
    server.server_close()


def page(site: Site, query: str) -> str:
    answer = site.visitor().get(f"/explore?q={query}&from={FROM_MS}&to={TO_MS}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.usefixtures("asked")
def test_a_table_is_made_from_its_json(site: Site) -> None:
    text = page(site, "took_seconds")
    assert '<span class="num" title="0.25">250 ms</span>' in text
    assert '<span class="num" title="+Inf">+Inf</span>' in text
    assert "3 observations, sum 4.5" in text
    assert "(0.5, 1]: 3" in text
    assert "a warning from there" in text
    assert "asks http://127.0.0.1:" in text


def test_it_is_asked_for_the_end_of_the_range_with_the_secret_that_is_not_shown(
    site: Site, asked: list[tuple[str, dict[str, list[str]], str]]
) -> None:
    text = page(site, "took_seconds")
    path, wanted, secret = next(one for one in asked if one[0] == "/api/v1/query")
    assert (path, wanted["query"], wanted["time"]) == ("/api/v1/query", ["took_seconds"], ["1700000600.000"])
    assert secret == "Bearer of-this-test"
    assert secret not in text


@pytest.mark.usefixtures("asked")
def test_the_place_that_it_names_is_shown(site: Site) -> None:
    text = page(site, "sum(")
    assert "unclosed left parenthesis" in text
    assert "line 1, column 5" in text
    assert "<tt-chart" not in text, "it could only say the same"


@pytest.mark.usefixtures("asked")
def test_what_only_the_other_server_understands_is_left_to_it(site: Site) -> None:
    assert "250 ms" not in page(site, "WITH (x = up) x")
    assert "observations" in page(site, "WITH (x = up) x")


@pytest.mark.usefixtures("asked")
def test_lines_stand_at_their_steps(site: Site) -> None:
    found = json.loads(site.visitor().get(f"/series?key=promql/x&from={FROM_MS}&to={TO_MS}&points=20").text)
    assert found["series"][0]["name"] == 'took_seconds{job="api"}'
    assert found["series"][0]["values"][:3] == [1.0, None, None]
    assert found["notes"]["promql/x"]["texts"] == ["a warning from there"]


@pytest.mark.usefixtures("asked")
def test_something_else_than_a_prometheus_is_said(site: Site) -> None:
    assert "something that is no Prometheus&#39; JSON" in page(site, "proxy")


def test_a_server_that_is_not_there_is_said(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.service, "upstream", Upstream("http://127.0.0.1:1"))
    assert "the metrics server http://127.0.0.1:1 cannot be asked" in page(site, "up")
    assert "The metrics cannot be asked" in site.visitor().get("/explore").text


def test_what_another_server_has_is_forecast_when_asked(site: Site, asked: list[object]) -> None:
    answer = site.visitor().get("/series/ahead?key=promql/steady&from=now-6h&to=now&past=1").json()
    (line,) = answer["lines"]
    assert line["about"] == 'took_seconds{job="api"}'
    assert all(49 <= value <= 53 for value in line["ahead"]["mean"])
    assert len(line["ahead"]["mean"]) == 72
    assert len(line["past"]) == 1
    assert len(asked) == 1
