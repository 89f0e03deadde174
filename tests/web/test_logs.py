"""The logs pages over HTTP: the address says it all, parts can be had alone, what is wrong is said at its place."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest
from starlette.testclient import TestClient

from tests.store.logs.requests import record, request
from tests.web.conftest import PATIENT_MS
from tests.web.markup import refused_by_policy, tags_of
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE, Stories
from trimtab.model.errors import StoreError
from trimtab.store.logs.answers import LogContext, LogPage, LogQuery
from trimtab.web.pages import meanwhile
from trimtab.web.pages.logs.download import lines
from trimtab.web.pages.logs.facts import levels_in_explorer
from trimtab.web.pages.logs.tail import stream
from trimtab.web.pages.logs.wish import Wish

pytestmark = pytest.mark.store

NOW_MS = time.time_ns() // 1_000_000
TRACE, SPAN = "ab" * 16, "cd" * 8
RANGE = {"from": str(NOW_MS - 3_600_000), "to": str(NOW_MS + 60_000)}
STATEMENT = "SELECT note FROM orders WHERE customer_id = 17"


def at(seconds: float) -> int:
    """So many seconds before the newest line."""
    return int((NOW_MS - 1000 * seconds) * 1_000_000)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with 250 lines of one service, and some of others that are worth a look."""
    with open_site(tmp_path_factory.mktemp("logs") / "data") as site:
        shop = [
            record(
                f"order {number} took {number * 3} ms", at(1000 + number), {"user": f"u{number % 3}"}, severity_number=9
            )
            for number in range(250)
        ]
        shop.append(
            record(
                "payment timed out\nafter 3000 ms",
                at(100),
                {"error.type": "Timeout", "tries": 3, "host": {"a": (1, 2)}, "host.name": "not-the-host"},
                severity_number=17,
                severity_text="ERR",
                trace_id=bytes.fromhex(TRACE),
                span_id=bytes.fromhex(SPAN),
            )
        )
        odd = [
            record(HOSTILE, at(200), {HOSTILE: HOSTILE, "long": "z" * 5000}, severity_number=13),
            record("", at(201), severity_number=0, event_name="cart.emptied"),
            record("x" * 9000, at(202), severity_number=5),
        ]
        store = site.service.telemetry.logs
        store.append_otlp(request(*shop, service="shop", resource={"host.name": "node-1"}))
        store.append_otlp(request(*odd, service=HOSTILE))
        store.append_otlp(request(record(f"duration: 3 ms  statement: {STATEMENT}", at(50)), service="db/shop"))
        site.service.telemetry.flush(60)
        yield site


@pytest.fixture(scope="module")
def client(filled: Site) -> TestClient:
    """A browser without script."""
    return filled.visitor()


def page(client: TestClient, path: str = "/logs", **parameters: str | list[str]) -> str:
    """A page of the hour in which everything was logged."""
    answer = client.get(path, params={**RANGE, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.text


def texts(html: str) -> list[str]:
    """The lines of a list, as one reads them."""
    found = re.findall(r'<span class="text">(.*?)</span></summary>', html, re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>", "", one)) for one in found]


def record_id(filled: Site, text: str) -> str:
    """The newest record that fits."""
    query = LogQuery(NOW_MS - 3_600_000, NOW_MS + 60_000, text)
    return filled.service.logs.search(query).records[0].id


def test_lines_are_shown_newest_first_and_what_was_looked_for_is_marked(client: TestClient) -> None:
    html = page(client, q="order 17*")
    assert texts(html)[0] == "order 17 took 51 ms"
    assert "<mark>order</mark> <mark>17</mark> took" in html
    assert "<mark>order</mark> 57 took <mark>171</mark> ms" in html
    seventeens = [17, *range(170, 180)]
    for order, expected in (("newest", seventeens), ("oldest", seventeens[::-1])):
        html = page(client, q="/order 17[0-9]? /", order=order)
        assert texts(html) == [f"order {number} took {number * 3} ms" for number in expected]


def test_a_regular_expression_is_marked_and_a_field_is_not(client: TestClient) -> None:
    html = page(client, q="/took [0-9]+ ms/ user:u1 order 1")
    assert "<mark>took 3 ms</mark>" in html
    assert "u1</mark>" not in html


def test_levels_and_services_are_chosen_together_with_a_search_that_has_a_choice(client: TestClient) -> None:
    html = page(client, q="payment OR order", level=["error", "warn"], service="shop")
    assert texts(html) == ["payment timed out\nafter 3000 ms"]
    chosen = [attributes for tag, attributes in tags_of(html) if tag == "a" and attributes.get("class") == "choice"]
    assert [unquote(one["href"] or "") for one in chosen if "aria-current" in one] == [
        f"/logs?q=payment OR order&service=shop&level=warn&from={RANGE['from']}&to={RANGE['to']}",
        f"/logs?q=payment OR order&service=shop&level=error&from={RANGE['from']}&to={RANGE['to']}",
        f"/logs?q=payment OR order&level=error&level=warn&from={RANGE['from']}&to={RANGE['to']}",
    ]


def test_counts_say_what_else_could_be_chosen(client: TestClient) -> None:
    html = page(client, level="error", fragment="counts")
    assert re.findall(r'data-level="(\w+)">\w+</span><span class="num muted">([\d,]+)', html) == [
        ("error", "1"),
        ("warn", "1"),
        ("info", "250"),
        ("debug", "1"),
        ("unknown", "2"),
    ]
    assert "shop</span>" in html
    assert HOSTILE not in html


def test_counts_that_take_long_come_by_themselves(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go_on = threading.Event()
    right = filled.service.logs.attribute_values

    def slow(*given: object) -> object:
        go_on.wait(30)
        return right(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(filled.service.logs, "attribute_values", slow)
    monkeypatch.setattr(meanwhile, "PATIENCE_S", 0.1)
    try:
        html = page(client)
        assert len(texts(html)) == 100, "lines do not wait for them"
        side = html.split('id="counts"')[1].split(">")[0]
        assert 'hx-trigger="load, ' in side
        assert "fragment=counts" in side
    finally:
        go_on.set()
    assert "shop" in page(client, fragment="counts")


def test_further_lines_are_a_link_and_a_fragment(client: TestClient) -> None:
    html, seen = page(client, q="order"), []
    for number in (2, 3, None):
        seen += texts(html)
        more = re.search(r'id="more-lines"><a class="button" href="([^"]+)" hx-get="([^"]+)"', html)
        if number is None:
            assert more is None
            assert "No older line in this range" in html
            break
        assert more is not None
        assert f"n={number}" in more[1]
        rows = client.get(unescape(more[2])).text
        assert rows.strip().startswith('<li class="line"')
        html = client.get(unescape(more[1])).text
        assert texts(html) == texts(rows)
    assert seen == [f"order {number} took {number * 3} ms" for number in range(250)]


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("order (took", "This ( is not closed", 7),
        ('a "b', "This quote is not closed", 3),
        ("a ) b", "This ) closes nothing", 3),
        ("/[/", "No regular expression", 1),
    ],
)
def test_what_is_wrong_is_said_at_its_column(client: TestClient, text: str, said: str, column: int) -> None:
    html = page(client, q=text, level="error", service="shop")
    trouble = html.split('id="trouble"')[1].split("</div>")[0]
    assert said in trouble
    assert f"column {column}" in trouble
    assert f"{unescape(trouble).split('<code>')[1].count('^')}" == "1"
    assert texts(html) == []


def test_while_one_writes_what_is_wrong_leaves_the_lines_alone(client: TestClient) -> None:
    answer = client.get("/logs", params={**RANGE, "q": "a (", "fragment": "results"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-retarget"] == "#trouble"
    assert answer.text.strip().startswith('<div id="trouble" class="trouble"')
    answer = client.get("/logs", params={**RANGE, "q": "a", "fragment": "results"}, headers={"HX-Request": "true"})
    assert "hx-retarget" not in answer.headers
    assert '<div id="trouble" hx-swap-oob="true"></div>' in answer.text


def test_a_store_that_does_not_answer_is_told_and_the_page_stands(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_query: LogQuery) -> LogPage:
        raise StoreError("the engine has stopped")

    monkeypatch.setattr(filled.service.logs, "search", broken)
    html = page(client)
    assert "The engine has stopped." in html
    assert 'id="search"' in html


def test_a_partial_answer_says_which_shard_is_missing(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = filled.service.logs.search

    def partial(query: LogQuery) -> LogPage:
        found = right(query)
        return LogPage(found.records, found.next_cursor, ("shard two did not answer: no route",))

    monkeypatch.setattr(filled.service.logs, "search", partial)
    html = page(client)
    assert "Shard two did not answer: no route. What is shown is partial." in html
    assert len(texts(html)) == 100


def test_a_search_that_was_out_of_time_can_be_gone_on_with(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = filled.service.logs.search
    limits_ms = []

    def cut(query: LogQuery) -> LogPage:
        limits_ms.append(query.effort_ms)
        return LogPage(right(query).records[:3], "1-2-3", (), NOW_MS - 1_200_000)

    monkeypatch.setattr(filled.service.logs, "search", cut)
    html = page(client)
    assert len(texts(html)) == 3
    assert "Looked back to" in html
    assert "cursor=1-2-3" in html
    assert "No older line" not in html
    nothing = page(client, q="nothing-like-it")
    assert "No line fits" not in nothing
    assert "cursor=1-2-3" in nothing
    assert "Looked up to" in page(client, order="oldest")
    assert set(limits_ms) == {PATIENT_MS}


@pytest.mark.parametrize("wrong", ["level=loud", "order=best", "tab=cinema", "n=two", "cursor=x", "from=yesterday"])
def test_what_cannot_be_is_refused(client: TestClient, wrong: str) -> None:
    assert client.get(f"/logs?{wrong}").status_code == 400


def test_with_script_the_answer_says_its_address(client: TestClient) -> None:
    script = {"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1/logs?q=a"}
    assert client.get("/logs?q=b&tab=lines", headers=script).headers["hx-push-url"] == "/logs?q=b"
    assert "hx-push-url" not in client.get("/logs?q=a", headers=script).headers, "nothing that Back should undo"
    typed = client.get("/logs?q=b&cursor=&n=&fragment=results", headers={**script, "HX-Source": "input#search"})
    assert typed.headers["hx-replace-url"] == "/logs?q=b"


def test_links_of_traces_become_a_search_that_can_be_seen(client: TestClient) -> None:
    html = page(client, trace_id=TRACE, span_id=SPAN)
    assert texts(html) == ["payment timed out\nafter 3000 ms"]
    assert f'value="trace_id:{TRACE} span_id:{SPAN}"' in html


def test_a_record_has_all_its_fields_with_types_and_terms_that_find_it(filled: Site, client: TestClient) -> None:
    html = page(client, f"/logs/{record_id(filled, 'payment')}", q="payment OR x", fragment="record")
    assert re.search(r'<th scope="row">tries <small>int</small></th><td><code>3</code>', html)
    assert re.search(r'<th scope="row">host <small>map</small></th><td><code>\{&#34;a&#34;:\[1,2\]\}', html)
    assert "time_unix_nano" in html
    terms = [
        attributes["data-term"] or "" for tag, attributes in tags_of(html) if tag == "a" and "data-term" in attributes
    ]
    assert "attributes.host.name:not-the-host" in terms, "the resource's own is another one"
    for term in (one for one in terms if not one.startswith("-")):
        found = filled.service.logs.search(Wish("payment").narrowed(term).query(filled.service.read.range(**range_())))
        assert [one.body_text for one in found.records] == ["payment timed out\nafter 3000 ms"], term
    hrefs = [unquote(attributes["href"] or "") for tag, attributes in tags_of(html) if tag == "a"]
    assert any("q=(payment OR x) error.type:Timeout&" in href for href in hrefs)


def range_() -> dict[str, str]:
    return {"from_text": RANGE["from"], "to_text": RANGE["to"]}


def test_a_record_leads_to_its_trace_its_service_and_its_levels_at_that_instant(
    filled: Site, client: TestClient
) -> None:
    html = page(client, f"/logs/{record_id(filled, 'payment')}", fragment="record")
    hrefs = {unescape(text): attributes for text, attributes in anchors(html)}
    middle_ms = at(100) // 1_000_000
    window = f"from={middle_ms - 300_000}&to={middle_ms + 300_000}"
    assert hrefs["Its trace"] == f"/traces/{TRACE}?at={middle_ms}&span={SPAN}&{window}"
    assert hrefs["This service then"] == f"/logs?service=shop&{window}"
    assert hrefs["All lines of the trace"] == f"/logs?q={quote(f'trace_id:{TRACE}')}&order=oldest&{window}"
    assert hrefs["Its levels as metrics"].startswith("/explore?q=")
    assert window in hrefs["Its levels as metrics"]


def anchors(html: str) -> list[tuple[str, str]]:
    """Texts and addresses of links."""
    found = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', html)
    return [(re.sub(r"<[^>]+>", "", text), unescape(href)) for href, text in found]


def test_a_line_of_a_statement_leads_to_its_query_and_one_of_a_server_to_its_queries(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.sql.fingerprint import shape_of

    stories = Stories(filled.service.state, NOW_MS)
    stories.watch("db/shop")
    path = f"/logs/{record_id(filled, 'statement')}"
    assert "/queries?system=db%2Fshop&amp;from=" in page(client, path, fragment="record")
    shape = shape_of("db/shop", STATEMENT)
    monkeypatch.setattr(filled.service.read.texts, "of", lambda system: {shape.fingerprint: shape})
    assert f"/queries/db%2Fshop/{shape.fingerprint}?from=" in page(client, path, fragment="record")


def test_the_page_of_a_record_shows_what_was_before_and_after(filled: Site, client: TestClient) -> None:
    thirty = record_id(filled, '"order 30 took"')
    path = f"/logs/{thirty}"
    html = page(client, path)
    assert texts(html) == [f"order {number} took {number * 3} ms" for number in range(50, 9, -1)]
    assert html.count("data-here") == 1
    assert "50 before and after" in html
    assert "Nothing newer yet" in page(client, path, count="50")
    assert HOSTILE[:10] not in texts(page(client, path, count="50", of="all"))[-1]
    assert len(texts(page(client, path, count="50", of="all"))) == 51 + 35, "30 orders, 5 others"
    assert client.get(f"{path}?count=7").status_code == 400
    assert client.get("/logs/1-2-3").status_code == 404
    assert client.get("/logs/nothing").status_code == 400
    assert client.get("/logs/" + "a" * 80).status_code == 404


def test_a_record_that_a_missing_shard_may_have_is_said_to_be_so(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = LogContext(None, (), (), ("shard two did not answer",))
    monkeypatch.setattr(filled.service.logs, "around", lambda *_, **__: gone)
    answer = client.get("/logs/1-2-3")
    assert answer.status_code == 404
    assert "shard two did not answer" in answer.text.lower()


def test_patterns_are_grouped_with_their_share_and_filter_by_a_click(client: TestClient) -> None:
    html = page(client, tab="patterns", q="took")
    assert 'order <i class="var" title="differs">*</i> took <i class="var" title="differs">*</i> ms</a>' in html
    assert "100 %" in html
    assert 'class="spark"' in html
    href = next(href for text, href in anchors(html) if text.startswith("order"))
    assert "pattern:" in unquote(href)
    assert len(texts(client.get(href).text)) == 100


def test_fields_have_their_values_with_shares(client: TestClient) -> None:
    html = page(client, tab="fields", q="took")
    field = html.split('aria-label="user"')[1].split("</section>")[0]
    assert field.count("<li>") == 3
    assert "33.6 %" in field
    assert "3 values" in field


def test_text_of_logs_is_text(filled: Site, client: TestClient) -> None:
    one = record_id(filled, "level:warn")
    for path, more in (
        ("/logs", {}),
        ("/logs", {"tab": "patterns"}),
        ("/logs", {"tab": "fields"}),
        ("/logs", {"q": HOSTILE, "service": HOSTILE}),
        ("/logs", {"q": f'"{HOSTILE}', "service": HOSTILE}),
        (f"/logs/{one}", {}),
        (f"/logs/{one}", {"fragment": "record"}),
    ):
        html = page(client, path, **more)
        assert HOSTILE not in html
        assert refused_by_policy(html) == []
        assert not [attributes for tag, attributes in tags_of(html) if tag == "img"]


def test_a_long_line_is_cut_in_the_list_and_whole_in_its_record(filled: Site, client: TestClient) -> None:
    assert texts(page(client, q="level:debug"))[0] == "x" * 2000 + " …"
    assert "x" * 9000 in page(client, f"/logs/{record_id(filled, 'level:debug')}", fragment="record")


def test_a_line_without_text_says_its_event(client: TestClient) -> None:
    assert texts(page(client, q="event:cart.emptied")) == ["cart.emptied"]


def test_empty_ranges_and_searches_say_what_to_do(client: TestClient) -> None:
    assert "No line fits" in page(client, q="nothing-like-it")
    answer = client.get("/logs", params={"from": str(NOW_MS - 9 * 3_600_000), "to": str(NOW_MS - 8 * 3_600_000)})
    assert "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" in answer.text


def test_the_chart_has_a_series_for_each_level_and_stands_alone(client: TestClient) -> None:
    def series(key: str, **more: str) -> dict[str, object]:
        answer = client.get("/series", params={"key": key, **RANGE, "points": "600", **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = json.loads(answer.text)
        return found

    found = series("logs/q=took%20OR%20payment")
    told = {one["name"]: one for one in found["series"]}  # type: ignore[attr-defined]
    assert list(told) == ["info", "error"]
    assert told["info"]["total"] == sum(told["info"]["values"]) == 250
    assert told["error"]["slot"] == 2
    assert (found["to_ms"] - found["from_ms"]) == found["step_ms"] * len(told["info"]["values"])  # type: ignore[operator]
    wrong = series("logs/q=(")
    assert wrong["series"] == []
    assert "column 1: this ( is not closed" in str(wrong["notes"])
    assert client.get("/series?key=logs/&key=self/x").status_code == 400


def test_a_change_of_trimtab_is_marked_in_the_chart(filled: Site, client: TestClient) -> None:
    stories = Stories(filled.service.state, filled.service.now_ms())
    stories.watching(stories.watch("marked"))
    answer = client.get("/series", params={"key": "logs/", **RANGE, "to": str(filled.service.now_ms() + 60_000)})
    assert "change" in {one["kind"] for one in json.loads(answer.text)["marks"]}


def test_a_download_is_all_that_was_found_as_lines_of_json(client: TestClient) -> None:
    answer = client.get("/logs/download", params={**RANGE, "q": "took", "order": "oldest"})
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["body_text"] for one in found] == [
        f"order {number} took {number * 3} ms" for number in range(249, -1, -1)
    ]
    assert "250-lines.jsonl" in answer.headers["content-disposition"]
    assert client.get("/logs/download?q=(").status_code == 400


def test_a_download_has_a_limit_and_says_when_the_store_stops(filled: Site) -> None:
    logs = filled.service.logs
    query = LogQuery(NOW_MS - 3_600_000, NOW_MS + 60_000, "took", limit=100)

    async def read(first: LogPage, lines_max: int) -> list[bytes]:
        return b"".join([part async for part in lines(logs, query, first, lines_max)]).splitlines()

    first = logs.search(query)
    assert len(asyncio.run(read(first, 150))) == 150
    assert len(asyncio.run(read(first, 1000))) == 250
    with pytest.MonkeyPatch.context() as patch:

        def broken(_query: LogQuery) -> LogPage:
            raise StoreError("gone")

        patch.setattr(logs, "search", broken)
        assert json.loads(asyncio.run(read(first, 1000))[-1]) == {"error": "gone"}


def test_a_tail_sends_lines_drawn_as_in_the_list(filled: Site) -> None:
    store = filled.service.telemetry

    async def read() -> str:
        with filled.service.logs.tail(LogQuery(0, 1, "fresh")) as tail:
            events = stream(tail, Wish("fresh"), beat_s=20)
            assert await anext(events) == b"event: beat\ndata: {}\n\n"
            store.logs.append_otlp(request(record("not this"), record("fresh one"), record("fresh two")))
            while b"lines" not in (found := await anext(events)):
                pass
            return found.decode()

    told = asyncio.run(read())
    assert told.startswith("event: lines\n")
    payload = json.loads(told.split("data: ")[1])
    assert (payload["count"], payload["left_out"]) == (2, 0)
    assert sorted(texts(payload["html"])) == ["fresh one", "fresh two"]
    assert "<mark>fresh</mark>" in payload["html"]


def test_a_tail_of_a_wrong_search_is_refused(client: TestClient) -> None:
    assert client.get("/logs/tail?q=(").status_code == 400


def test_a_case_leads_to_the_logs_around_it(filled: Site, client: TestClient) -> None:
    case = Stories(filled.service.state, NOW_MS).noticed()
    href = dict(anchors(client.get(f"/cases/{case.id}").text))["logs around it"]
    window = dict(parse_qsl(urlsplit(href).query))
    assert int(window["from"]) < case.finding.noticed_at_ms <= int(window["to"])
    assert client.get(href).status_code == 200


def test_the_levels_of_services_are_asked_for_by_their_names() -> None:
    assert 'service_name="a \\"b\\""' in unquote(levels_in_explorer(('a "b"',)))
    assert 'service_name=~"shop|db\\\\.1"' in unquote(levels_in_explorer(("shop", "db.1")))
