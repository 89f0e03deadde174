"""The Explorer page over HTTP: its address says it all, each query has its own answer or its own trouble."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.web.markup import refused_by_policy, tags_of
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE
from trimtab.app.exploring.functions import AGGREGATION_HELP, HELP
from trimtab.store.metrics.contract import Metadata, Samples
from trimtab.store.promql.lexer import AGGREGATORS
from trimtab.store.promql.signatures import SIGNATURES

pytestmark = pytest.mark.store

NOW_MS = time.time_ns() // 1_000_000 // 15_000 * 15_000
STEPS = 40
MANY = 1_030


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a few metrics of the last ten minutes, and one with very many series."""
    with open_site(tmp_path_factory.mktemp("explore") / "data") as site:
        moments = [NOW_MS - (STEPS - 1 - step) * 15_000 for step in range(STEPS)]
        for number, job in enumerate(("api", "db")):
            own = {"job": job}
            write(site, {"__name__": "up", **own}, [(at, 1.0) for at in moments])
            write(site, {"__name__": "sent_bytes_total", **own}, [(at, 30.0 * i) for i, at in enumerate(moments)])
            write(site, {"__name__": "queue", **own}, [(at, 7.5 - 5 * number) for at in moments])
        write(site, {"__name__": "odd", "job": HOSTILE}, [(at, float("nan")) for at in moments])
        for number in range(MANY):
            write(site, {"__name__": "many", "n": f"{number:04d}"}, [(moments[-1], float(number))])
        yield site


def write(site: Site, labels: Mapping[str, str], points: list[tuple[int, float]]) -> None:
    """Samples of one series, as if they had been received."""
    store = site.service.querying.store
    slots = store.register([tuple(sorted(labels.items()))]).slots
    at_ms = np.array([at for at, _ in points], np.int64)
    values = np.array([value for _, value in points], np.float64)
    told = [Metadata("sent_bytes_total", "counter", "bytes", "what was sent")]
    done = store.append(Samples(np.repeat(slots, len(points)).astype(np.int32), at_ms, values, metadata=told))
    assert not done.refused, done.first_refusals


@pytest.fixture(scope="module")
def client(filled: Site) -> TestClient:
    """A browser without script."""
    return filled.visitor()


def page(client: TestClient, *queries: str, **more: str) -> str:
    """The page with these queries, shown as it was one step before the newest sample."""
    pairs = [("q", query) for query in queries] + list(more.items())
    pairs += [("from", str(NOW_MS - 600_000)), ("to", str(NOW_MS))]
    answer = client.get("/explore?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs))
    assert answer.status_code == 200, answer.text
    return answer.text


def answer_of(text: str, letter: str) -> str:
    """The part of the page that belongs to one query."""
    part = text.split(f'id="query-{letter}"')[1]
    return part.split('<section class="panel')[0]


def test_an_address_is_shown_as_it_says(client: TestClient) -> None:
    text = page(client, "up", "rate(sent_bytes_total[1m])", "queue", unit="auto", off="c", view="table")
    assert ">\nup</textarea>" in text
    assert ">\nrate(sent_bytes_total[1m])</textarea>" in text
    assert "<tt-chart" not in text, "a table alone"
    assert 'value="view-table" formnovalidate aria-pressed="true"' in text
    assert "Show query C" in text
    assert "answer-table" not in answer_of(text, "c")
    assert "1.95 KiB/s" not in text
    assert "2 B/s" in answer_of(text, "b"), "the unit comes from the metric's name and from rate"


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("add", [("q", "a"), ("q", "b"), ("q", ""), ("unit", "s"), ("unit", "auto"), ("unit", "auto")]),
        ("remove-a", [("q", "b")]),
        ("hide-b", [("q", "a"), ("q", "b"), ("unit", "s"), ("unit", "auto"), ("off", "b")]),
        ("view-graph", [("q", "a"), ("q", "b"), ("unit", "s"), ("unit", "auto"), ("view", "graph")]),
    ],
)
def test_a_button_leads_to_the_address_of_what_it_did(
    client: TestClient, do: str, expected: list[tuple[str, str]]
) -> None:
    answer = client.get(f"/explore?q=a&q=b&unit=s&unit=auto&from=now-6h&to=now&do={do}")
    assert answer.status_code == 303
    found = parse_qsl(urlsplit(answer.headers["location"]).query, keep_blank_values=True)
    assert found == [*expected, ("from", "now-6h"), ("to", "now")]


def test_with_script_the_answer_says_its_address_itself(client: TestClient) -> None:
    answer = client.get("/explore?q=up&view=both&sort=&desc=0&do=add", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.headers["hx-push-url"] == "/explore?q=up&q="
    assert 'id="query-b"' in answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        "&".join(["q=up"] * 9),
        "q=up&unit=parsecs",
        "q=up&view=cinema",
        "q=up&sort=luck",
        "q=up&do=dance",
        "q=up&do=hide-z",
    ],
)
def test_what_cannot_be_is_refused(client: TestClient, wrong: str) -> None:
    assert client.get(f"/explore?{wrong}").status_code == 400


def test_a_wrong_query_shows_its_place_and_leaves_the_others_alone(client: TestClient) -> None:
    text = page(client, "sum(\n  rate(up[5m])", "queue")
    wrong, right = answer_of(text, "a"), answer_of(text, "b")
    assert "parse error: unclosed left parenthesis" in wrong
    assert 'aria-invalid="true" aria-describedby="trouble-a"' in wrong
    assert "line 2, column 15" in wrong
    lines = wrong.split("<code>")[1].split("</code>")[0].replace("<mark>", "").replace("</mark>", "").split("\n")
    assert lines == ["  rate(up[5m]) ", " " * 14 + "^"]
    assert "<tt-chart" not in wrong
    assert "<tt-chart" in right
    assert '<span class="num" title="7.5">7.5</span>' in right


def test_what_goes_wrong_while_it_is_evaluated_is_said_under_the_query(client: TestClient) -> None:
    text = page(client, "up + on(nothing) up", "up")
    assert "found duplicate series" in answer_of(text, "a")
    assert "answer-table" in answer_of(text, "b")


def test_warnings_and_infos_are_told(client: TestClient) -> None:
    assert "metric might not be a counter" in page(client, "rate(queue[1m])", view="table")


def test_a_query_has_a_limit_that_is_said_with_what_was_seen(client: TestClient) -> None:
    text = page(client, "x" * 10_001)
    assert "at most 10,000 characters here, this one has 10,001" in text


def test_an_address_may_be_longer_than_elsewhere_but_not_endless(client: TestClient) -> None:
    assert client.get("/explore?q=" + "x" * 9_990).status_code == 200
    assert client.get("/explore?q=" + "x" * 25_000).status_code == 414
    assert client.get("/queries?q=" + "x" * 9_990).status_code == 414


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["api", "db"]),
        ({"sort": "value", "desc": "0"}, ["db", "api"]),
        ({"sort": "value", "desc": "1"}, ["api", "db"]),
        ({"sort": "name", "desc": "1"}, ["db", "api"]),
    ],
)
def test_rows_are_sorted_by_name_and_by_value(client: TestClient, more: dict[str, str], expected: list[str]) -> None:
    text = answer_of(page(client, "queue", view="table", **more), "a")
    found = [job for row in text.split("<tr>")[2:] for job in ("api", "db") if f"&#34;{job}&#34;" in row]
    assert found == expected


def test_the_order_of_sort_is_kept(client: TestClient) -> None:
    text = answer_of(page(client, "sort_desc(queue)", view="table"), "a")
    assert text.index("&#34;api&#34;") < text.index("&#34;db&#34;")


def test_a_long_table_is_cut_and_says_so(client: TestClient) -> None:
    text = answer_of(page(client, "many", view="table"), "a")
    assert text.count("<tr>") == 1_001, "with the head"
    assert "1,030 series, the first 1,000 are shown" in text


def test_numbers_that_are_none_are_said(client: TestClient) -> None:
    text = answer_of(page(client, "odd", view="table"), "a")
    assert '<span class="num" title="NaN">NaN</span>' in text


def test_a_range_vector_is_a_table_and_no_chart(client: TestClient) -> None:
    text = answer_of(page(client, "up[1m]"), "a")
    assert "<tt-chart" not in text
    assert "range vector" in text
    assert text.count("<b>1</b>") == 8


def test_text_of_queries_and_labels_is_text(client: TestClient) -> None:
    text = page(client, "odd", HOSTILE, f'"{HOSTILE}', unit="auto")
    assert HOSTILE not in text
    assert refused_by_policy(text) == []
    assert not [attributes for tag, attributes in tags_of(text) if tag == "img"]
    assert "&lt;script&gt;" in answer_of(text, "a")


def test_one_answer_can_be_asked_for_alone(client: TestClient) -> None:
    alone = client.get("/explore?q=sum(&q=up&fragment=answer&which=b").text
    assert alone.strip().startswith('<div class="answer" id="answer-b"')
    assert "parse error" not in alone
    assert client.get("/explore?q=up&fragment=answer&which=b").status_code == 404
    assert client.get("/explore?q=up&fragment=nothing").status_code == 404


def lines_of(client: TestClient, *queries: str) -> dict[str, object]:
    """What `/series` says."""
    keys = "&".join(f"key=promql/{quote(query, safe='')}" for query in queries)
    answer = client.get(f"/series?{keys}&from={NOW_MS - 570_000}&to={NOW_MS + 30_000}&points=40")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = json.loads(answer.text)
    return found


def test_lines_are_named_by_what_tells_them_apart(client: TestClient) -> None:
    found = lines_of(client, "queue", "sum(")
    assert [(one["name"], one["about"]) for one in found["series"]] == [  # type: ignore[attr-defined]
        ('{job="api"}', 'queue{job="api"}'),
        ('{job="db"}', 'queue{job="db"}'),
    ]
    notes = found["notes"]
    assert notes["promql/queue"] == {"error": "", "texts": ["All lines are queue."]}  # type: ignore[index]
    assert "unclosed left parenthesis" in notes["promql/sum("]["error"]  # type: ignore[index]


def test_absence_is_a_gap_and_so_is_what_is_no_number(client: TestClient) -> None:
    found = lines_of(client, "odd")
    assert set(found["series"][0]["values"]) == {None}  # type: ignore[index]
    assert found["notes"]["promql/odd"]["texts"][0].startswith("Of 1 series there is no number to draw")  # type: ignore[index]
    values = lines_of(client, "queue < 5 and on() vector(time()) % 30 < 15")["series"][0]["values"]  # type: ignore[index]
    assert {2.5, None} == set(values)


def test_at_most_fifty_lines_are_drawn_the_highest_of_them(client: TestClient) -> None:
    found = lines_of(client, "many")
    assert [one["name"] for one in found["series"]] == [  # type: ignore[attr-defined]
        f'{{n="{number:04d}"}}' for number in range(MANY - 50, MANY)
    ]
    said = found["notes"]["promql/many"]["texts"][0]  # type: ignore[index]
    assert said.startswith("The 50 lines that reach highest are drawn, of 1,030: topk(50, …)")


def test_lines_have_limits(client: TestClient) -> None:
    assert client.get("/series?" + "&".join(f"key=promql/up{n}" for n in range(9))).status_code == 400
    assert client.get("/series?key=promql/%20").status_code == 400
    assert client.get("/series?key=promql/" + "x" * 10_001).status_code == 400


def test_who_has_asked_nothing_gets_queries_that_fit_the_metrics(client: TestClient) -> None:
    text = client.get("/explore").text
    assert "/explore?q=sum%28rate%28sent_bytes_total%5B5m%5D%29%29" in text
    assert "remote_write" not in text


def test_where_nothing_is_there_the_page_says_how_to_send_some(
    filled: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filled.service.querying.store, "label_values", lambda *_: [])
    text = client.get("/explore").text
    assert "/api/v1/write" in text
    assert "“Send metrics to trimtab”" in text


def test_every_function_has_a_line_of_help(client: TestClient) -> None:
    assert set(HELP) == set(SIGNATURES)
    assert set(AGGREGATION_HELP) == AGGREGATORS
    words = json.loads(client.get("/explore/words").text)
    assert ["rate", "function", "rate(v[5m])", HELP["rate"]] in words
    assert all(len(text) <= 80 for _, _, _, text in words)
