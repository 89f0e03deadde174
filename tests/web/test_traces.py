"""The pages of traces over HTTP: found by what the address says, one trace with every part of it, who calls whom."""

from __future__ import annotations

import html
import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from tests.store.traces.otlp import NOW_NS, Made, request, span_id, trace_id
from tests.web.conftest import PATIENT_MS
from tests.web.markup import ids_of, refused_by_policy, tags_of
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE
from trimtab.model.errors import StoreError
from trimtab.store.traces.answers import FoundTraces, ServiceMap, TraceQuery
from trimtab.web.pages import first_paint, meanwhile

pytestmark = pytest.mark.store

AT_MS = NOW_NS // 1_000_000
RANGE = f"from={AT_MS - 60_000}&to={AT_MS + 600_000}"
STATEMENT = "SELECT * FROM orders WHERE id = 5"


def checkout(trace: int, at_ms: float, took_ms: float, *, failed: bool = False) -> list[Made]:
    """A request to the gateway, which asks the orders, which ask a database."""
    status = "error" if failed else "unset"
    base = trace * 100
    return [
        Made(trace, base + 1, 0, "gateway", "POST /orders", "server", at_ms, took_ms, status),
        Made(trace, base + 2, base + 1, "gateway", "POST", "client", at_ms + 1, took_ms - 2),
        Made(
            trace,
            base + 3,
            base + 2,
            "orders",
            "POST /orders",
            "server",
            at_ms + 2,
            took_ms - 4,
            status,
            {"order.id": f"A-{trace}", "order.total": 12.5, "is_gift": True, "odd": HOSTILE},
            {"host.name": "node-1"},
        ),
        Made(
            trace,
            base + 4,
            base + 3,
            "orders",
            "SELECT",
            "client",
            at_ms + 3,
            took_ms / 2,
            "unset",
            {"db.system": "postgresql", "db.name": "shop", "db.statement": STATEMENT},
        ),
    ]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Five traces, ten seconds apart; the second failed, the fourth took longest. And one that is hostile."""
    with open_site(tmp_path_factory.mktemp("traces") / "data") as site:
        spans = [
            span
            for trace in range(1, 6)
            for span in checkout(trace, trace * 10_000, 900 if trace == 4 else 100, failed=trace == 2)
        ]
        spans += [Made(66, 6601, 0, HOSTILE, HOSTILE, "server", 60_000, 5, "error", {HOSTILE: HOSTILE})]
        site.service.telemetry.append_otlp_traces(request(spans).SerializeToString())
        site.service.telemetry.flush(60)
        yield site


@pytest.fixture(scope="module")
def client(filled: Site) -> TestClient:
    """A browser without script."""
    return filled.visitor()


def listed(client: TestClient, more: str = "") -> list[int]:
    """Numbers of the traces in the table, in their order."""
    answer = client.get(f"/traces?{RANGE}&{more}")
    assert answer.status_code == 200, answer.text
    table = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
    links = [str(attributes["href"]) for tag, attributes in tags_of(table) if attributes.get("class") == "row-link"]
    return [int(link.split("/traces/")[1].split("?")[0], 16) for link in links]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("service=orders", [5, 4, 3, 2, 1]),
        ("service=orders&order=slowest", [4]),
        ("service=gateway&status=error", [2]),
        ("operation=SELECT&min=300ms", [4]),
        ("service=gateway&operation=POST+%2Forders&max=0.5s", [5, 3, 2, 1]),
        ("attribute=order.id%3DA-3", [3]),
        ("attribute=order.total%3D12.5&attribute=order.id%3DA-1&attribute=", [1]),
        ("attribute=host.name%3Dnode-1&status=error", [2]),
        ("service=orders&beside=gateway&status=error", [2]),
        ("service=orders&beside=nobody", []),
        ("service=orders&peer=database:postgresql/shop&kind=client&min=400ms", [4]),
        ("peer=database:mysql", []),
    ],
)
def test_traces_are_found_by_the_address(client: TestClient, more: str, expected: list[int]) -> None:
    found = listed(client, more)
    assert (found[:1] if "slowest" in more else found) == expected


def test_the_picture_has_a_point_for_each_trace_that_leads_to_it(client: TestClient) -> None:
    text = client.get(f"/traces?{RANGE}&service=orders").text
    figure = text.partition('<figure class="scatter"')[2].partition("</figure>")[0]
    links = [str(attributes["href"]) for tag, attributes in tags_of(figure) if tag == "a"]
    assert len(links) == 5
    assert all(f"from={AT_MS - 60_000}" in link and "at=" in link for link in links), "the range goes along"
    assert figure.count('class="failed"') == 1


def test_how_far_back_was_looked_is_said(client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "The whole range was looked through" in client.get(f"/traces?{RANGE}&service=orders").text
    real = filled.service.traces.search

    def search(query: TraceQuery) -> FoundTraces:
        found = real(query)
        return FoundTraces(found.traces, AT_MS, ("shard 2: connection refused",))

    monkeypatch.setattr(filled.service.traces, "search", search)
    text = client.get(f"/traces?{RANGE}&service=orders").text
    assert "Only looked back to" in text
    assert "This is only a part." in text
    assert "shard 2: connection refused" in text


def test_a_search_that_was_out_of_time_can_be_gone_on_with(
    client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = filled.service.traces.search
    limits_ms = []

    def search(query: TraceQuery) -> FoundTraces:
        limits_ms.append(query.effort_ms)
        return FoundTraces(real(query).traces, AT_MS, (), is_cut=True)

    monkeypatch.setattr(filled.service.traces, "search", search)
    for more in ("service=orders", "service=nobody", "service=orders&order=slowest"):
        text = client.get(f"/traces?{RANGE}&{more}&tz=UTC").text
        assert "in the time that a search has" in text
        assert "The whole range was looked through" not in text
        assert "No trace fits, as far as was looked" in text if "nobody" in more else "No trace fits" not in text
        hrefs = [told.get("href") or "" for _, told in tags_of(text)]
        link = next(href for href in hrefs if f"&to={AT_MS}" in href and "/traces?" in href)
        assert f"from={AT_MS - 60_000}&to={AT_MS}" in link
        assert "tz=UTC" in link
    assert set(limits_ms) == {PATIENT_MS}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("min=soon", "a duration such as 250ms"),
        ("attribute=order.id", "KEY=VALUE"),
        ("peer=magic:x", "one of database, messaging, external"),
        ("status=great", "one of unset, ok, error"),
        ("limit=7", "one of 50, 200, 1000"),
    ],
)
def test_what_cannot_be_searched_is_said_and_the_form_stays(client: TestClient, more: str, said: str) -> None:
    answer = client.get(f"/traces?{RANGE}&service=orders&{more}")
    assert answer.status_code == 400
    assert said in answer.text
    assert 'name="service" value="orders"' in answer.text


def test_a_store_that_does_not_answer_is_said(
    client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the store is away")

    for name in ("search", "service_map"):
        monkeypatch.setattr(filled.service.traces, name, fail)
    for path in ("/traces", "/traces/map"):
        answer = client.get(f"{path}?{RANGE}")
        assert answer.status_code == 503
        assert "The store is away" in answer.text


def test_nothing_found_and_nothing_there_are_different(client: TestClient) -> None:
    assert "No trace fits" in client.get(f"/traces?{RANGE}&service=nobody").text
    text = client.get("/traces?from=1000000000000&to=1000003600000").text
    assert "No traces in this range" in text
    assert "/v1/traces" in text


def test_a_search_by_script_says_its_address(client: TestClient) -> None:
    answer = client.get(
        f"/traces?service=orders&operation=&attribute=&order=newest&limit=50&{RANGE}", headers={"HX-Request": "true"}
    )
    assert answer.headers["hx-push-url"] == f"/traces?service=orders&{RANGE}"
    shown = {"HX-Request": "true", "HX-Current-URL": f"http://127.0.0.1:9321/traces?service=orders&{RANGE}"}
    assert "hx-push-url" not in client.get(f"/traces?service=orders&{RANGE}", headers=shown).headers


def test_suggestions_come_from_the_store(client: TestClient) -> None:
    def words(more: str) -> list[str]:
        found: list[str] = json.loads(client.get(f"/traces/words?{RANGE}&{more}").text)
        return found

    assert words("of=services") == sorted(["gateway", "orders", HOSTILE])
    assert words("service=orders") == ["POST /orders", "SELECT"]
    assert words("attribute=order.") == ["order.id=", "order.total="]
    assert words("attribute=order.id%3DA-") == [f"order.id=A-{number}" for number in range(1, 6)]
    assert "host.name=node-1" in words("attribute=host.name%3D")


def one(client: TestClient, trace: int, more: str = "") -> str:
    answer = client.get(f"/traces/{trace_id(trace).hex()}?at={AT_MS + trace * 10_000}{more}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_trace_says_what_it_is_and_brings_no_spans_along(client: TestClient) -> None:
    text = one(client, 2, "&from=now-6h&to=now")
    assert "gateway POST /orders" in text
    assert "3 failed" not in text
    assert text.count("1 failed") == 2, "one of each service"
    assert "A-2" not in text
    assert f"/logs?trace_id={trace_id(2).hex()}&amp;from=" in text
    assert f"/api/trimtab/traces/{trace_id(2).hex()}/otlp" in text
    assert "/traces/services/orders?from=now-6h&amp;to=now" in text


def test_its_spans_are_columns(client: TestClient) -> None:
    answer = client.get(f"/traces/{trace_id(2).hex()}/spans?at={AT_MS + 20_000}")
    assert answer.headers["content-type"] == "application/json"
    sent = json.loads(answer.text)
    assert sent["ids"] == [span_id(number).hex() for number in (201, 202, 203, 204)]
    assert sent["parents"] == [-1, 0, 1, 2]
    assert [sent["services"][code] for code in sent["service"]] == ["gateway", "gateway", "orders", "orders"]
    assert len(sent["colours"]) == 2
    assert len(set(sent["colours"])) == 2


def test_a_span_has_all_of_it_and_leads_on(client: TestClient, filled: Site) -> None:
    text = one(client, 2, f"&span={span_id(203).hex()}&fragment=span")
    assert text.strip().startswith('<section class="panel" id="span"')
    assert "12.5</a> <small>double</small>" in text
    assert "true</a> <small>bool</small>" in text
    assert "attribute=order.id%3DA-2" in text, "an attribute leads to other traces with it"
    assert "node-1" in text, "its resource"
    assert f"span_id={span_id(203).hex()}" in text, "its logs"
    database = one(client, 2, f"&span={span_id(204).hex()}")
    assert "/traces?fingerprint=" in database
    assert "No system that is watched has run this statement" in database
    assert "= 5" not in database, "literals are never stored"
    again = client.get(f"/traces/{trace_id(2).hex()}?span=0000000000000001&fragment=span")
    assert again.status_code == 404
    assert "No such span" in one(client, 2, "&span=0000000000000001")


def test_the_spans_are_a_table_for_who_has_no_script(client: TestClient) -> None:
    text = one(client, 2, "&view=table")
    assert "<tt-trace" not in text
    assert [line for line in ("d0", "d1", "d2", "d3") if f'scope="row" class="{line}"' in text] == [
        "d0",
        "d1",
        "d2",
        "d3",
    ]
    assert "view=table" in one(client, 2), "the waterfall's place says where it is"


def test_texts_inside_of_a_trace_are_found(client: TestClient) -> None:
    found = json.loads(client.get(f"/traces/{trace_id(2).hex()}/having?q=order.id%3Da-2").text)
    assert found == {"ids": [span_id(203).hex()], "missing": []}
    assert client.get(f"/traces/{trace_id(2).hex()}/having?q=").status_code == 400


def test_a_trace_that_is_not_there(client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get(f"/traces/{trace_id(4000).hex()}").status_code == 404
    assert client.get(f"/traces/{trace_id(4000).hex()}/spans").status_code == 404
    assert client.get(f"/traces/{trace_id(2).hex()}?at=1000").status_code == 404, "looked for around another day"
    assert client.get("/traces/nonsense").status_code == 400
    assert client.get(f"/traces/{trace_id(2).hex()}?at=yesterday").status_code == 400
    assert client.get(f"/traces/{trace_id(2).hex()}?view=cinema").status_code == 400
    monkeypatch.setattr(filled.service.traces, "summary", lambda *_: (None, ("shard 2 is away",)))
    answer = client.get(f"/traces/{trace_id(2).hex()}")
    assert answer.status_code == 503
    assert "shard 2 is away" in answer.text


def test_the_map_says_who_calls_whom(client: TestClient) -> None:
    text = client.get(f"/traces/map?{RANGE}").text
    drawing = text.partition("<svg class=")[2].partition("</svg>")[0]
    assert drawing.count('class="edge"') == 2
    assert drawing.count('class="node"') == 3
    assert f"/traces?from={AT_MS - 60_000}&amp;to={AT_MS + 600_000}&amp;service=orders&amp;caller=gateway" in text
    assert "peer=database%3Apostgresql%2Fshop" in text
    rows = text.partition("Calls between services")[2].partition("</table>")[0]
    assert rows.count("<tr>") == 3, "the same as a table"


def test_a_map_of_a_part_says_so(client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = filled.service.traces.service_map(AT_MS, AT_MS + 600_000)

    def part(_from_ms: int, to_ms: int) -> ServiceMap:
        return ServiceMap(real.nodes, real.edges, AT_MS, to_ms, AT_MS + 5, ("shard 2 is away",))

    monkeypatch.setattr(filled.service.traces, "service_map", part)
    text = client.get(f"/traces/map?{RANGE}").text
    assert "Only looked back to" in text
    assert "shard 2 is away" in text


def test_a_service_has_its_operations_and_charts(client: TestClient, filled: Site) -> None:
    give_up_at = time.monotonic() + 60
    while "POST /orders" not in (text := client.get("/traces/services/orders").text):
        assert time.monotonic() < give_up_at, "its series never came"
        filled.service.telemetry.flush(60)
        time.sleep(0.2)
    assert text.count("<tt-chart ") == 3
    assert "named/p95/1000 * histogram_quantile(0.95" in text
    assert "/traces/services/orders?operation=SELECT" in text
    chosen = client.get("/traces/services/orders?operation=SELECT").text
    assert "span_name=&#34;SELECT&#34;" in chosen or "span_name=\\&#34;SELECT\\&#34;" in chosen
    assert client.get("/traces/services/nobody").status_code == 200


def test_lines_may_have_names(client: TestClient) -> None:
    answer = json.loads(client.get("/series?key=named/mine/vector(1)&key=promql/vector(1)&from=now-5m&to=now").text)
    assert next((line["key"], line["name"]) for line in answer["series"]) == ("named/mine/vector(1)", "mine")
    assert len(answer["series"]) == 2


def test_text_of_spans_is_text(client: TestClient) -> None:
    pages = [
        client.get(f"/traces?{RANGE}").text,
        client.get("/traces", params={"service": HOSTILE, "attribute": f"{HOSTILE}={HOSTILE}"}).text,
        client.get(f"/traces/map?{RANGE}").text,
        one(client, 66, f"&span={span_id(6601).hex()}"),
        one(client, 66, "&view=table"),
        one(client, 2, f"&span={span_id(203).hex()}"),
        client.get("/traces/services/x", params={"operation": HOSTILE}).text,
    ]
    for text in pages:
        assert HOSTILE not in text
        assert refused_by_policy(text) == []
        assert len(ids_of(text)) == len(set(ids_of(text)))


NAVIGATES = {"Sec-Fetch-Mode": "navigate"}
"""What a browser says where it draws a page anew."""


def held(may_go_on: threading.Event, real: Callable[..., object]) -> Callable[..., object]:
    """The same, once it may answer."""

    def waits(*given: object) -> object:
        assert may_go_on.wait(900)
        return real(*given)

    return waits


@pytest.mark.parametrize(
    ("path", "asked", "comes", "content"),
    [
        ("/traces", "search", "fragment=results&amp;late=1", "The whole range was looked through"),
        ("/traces/map", "service_map", "fragment=map&amp;late=1", "Calls between services"),
    ],
)
def test_a_first_paint_does_not_wait_for_what_is_late(
    client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch, path: str, asked: str, comes: str, content: str
) -> None:
    may_go_on, more = threading.Event(), f"from={AT_MS - 62_000}&to={AT_MS + 600_000}"
    monkeypatch.setattr(first_paint, "LATE_S", 900.0)
    monkeypatch.setattr(filled.service.traces, asked, held(may_go_on, getattr(filled.service.traces, asked)))
    with monkeypatch.context() as hasty:
        hasty.setattr(meanwhile, "PATIENCE_S", 0.1)  # all others here wait for as long as it takes
        page = client.get(f"{path}?{more}", headers=NAVIGATES)
    assert page.status_code == 200
    assert content not in page.text
    begin = next(str(tag["hx-get"]) for _, tag in tags_of(page.text) if "late=1" in str(tag.get("hx-get", "")))
    assert comes in html.escape(begin)
    assert 'hx-trigger="load, ' in page.text
    without_script = f'<noscript><meta http-equiv="refresh" content="0; url={path}?'
    assert without_script in page.text
    assert "whole=1" in page.text.partition(without_script)[2].partition(">")[0]
    may_go_on.set()
    rest = client.get(begin, headers={"HX-Request": "true"})
    assert content in rest.text
    assert "late=1" not in rest.text
    assert content in client.get(f"{path}?{more}&whole=1", headers=NAVIGATES).text


def test_what_is_late_and_fails_is_said_where_it_was_waited_for(
    client: TestClient, filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> object:
        raise StoreError("nobody is there")

    monkeypatch.setattr(first_paint, "LATE_S", 900.0)
    within = f"from={AT_MS - 61_000}&to={AT_MS + 600_000}"  # of its own: what others asked is kept for a moment
    for path, asked in (("/traces", "search"), ("/traces/map", "service_map")):
        monkeypatch.setattr(filled.service.traces, asked, fails)
        part = "results" if asked == "search" else "map"
        late = client.get(f"{path}?{within}&fragment={part}&late=1", headers={"HX-Request": "true"})
        assert (late.status_code, "Nobody is there" in late.text) == (200, True)
        assert client.get(f"{path}?{within}&fragment={part}").status_code == 503


def test_of_a_long_list_the_rest_comes_after_the_first_paint(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_paint, "ROWS", 2)
    monkeypatch.setattr(meanwhile, "PATIENCE_S", 900.0)
    monkeypatch.setattr(first_paint, "LATE_S", 900.0)
    page = client.get(f"/traces?{RANGE}&service=gateway&tz=utc", headers=NAVIGATES).text
    assert page.count('class="row-link"') == 2
    assert page.count('<path class="fine"') + page.count('<path class="failed"') == 5, "the picture has them all"
    begin = next(str(tag["hx-get"]) for _, tag in tags_of(page) if "late=1" in str(tag.get("hx-get", "")))
    assert client.get(begin).text.count('class="row-link"') == 5
