"""Overview, queries and one query: what they show, in every state, and that nothing breaks out of a page."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import pytest

from tests.web import shown
from tests.web.markup import ids_of, refused_by_policy
from tests.web.site import Site
from trimtab.app.reading.answers import Undo
from trimtab.app.reading.reader import Reader
from trimtab.app.service import Service
from trimtab.model.errors import StoreError
from trimtab.model.system import System

pytestmark = pytest.mark.store

QUERY = f"/queries/db%3A5432%2Fshop/{shown.FINGERPRINT}"


@pytest.fixture
def filled(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose stores have one of everything."""
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: shown.overview())
    monkeypatch.setattr(Reader, "shapes", lambda *_, **__: shown.shapes())
    monkeypatch.setattr(Reader, "shape", lambda *_, **__: shown.story())
    monkeypatch.setattr(Reader, "plans", lambda *_, **__: shown.plans())
    monkeypatch.setattr(Reader, "executions", lambda *_, **__: shown.executions())
    monkeypatch.setattr(Reader, "series", lambda _self, keys, *_: shown.series(keys))
    return site


def get(site: Site, path: str, status: int = 200) -> str:
    answer = site.visitor().get(path)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


@pytest.mark.parametrize("path", ["/", "/queries", QUERY])
def test_nothing_breaks_out_of_a_page(filled: Site, path: str) -> None:
    text = get(filled, path)
    assert "&lt;/script&gt;&lt;img" in text
    assert "<img" not in text
    assert refused_by_policy(text) == []


@pytest.mark.parametrize("path", ["/", "/queries", QUERY])
def test_ids_are_said_once(filled: Site, path: str) -> None:
    found = ids_of(get(filled, path))
    assert len(found) == len(set(found)), sorted(name for name in found if found.count(name) > 1)


def test_the_overview_says_what_is_wrong_and_who_is_needed(filled: Site) -> None:
    text = get(filled, "/")
    for part in (
        "What is wrong",
        "Waits for your yes",
        "In flight",
        "Last changes",
        "critical",
        "rolled back",
        "12.5× faster",
    ):
        assert part in text
    assert 'data-keys="[&#34;system/db:5432/shop/load_ms_per_s&#34;]"' in text


def test_the_overview_without_systems_shows_the_way(site: Site) -> None:
    text = get(site, "/")
    assert "No system is watched yet" in text
    assert 'href="/settings?tab=systems"' in text


def test_a_stale_and_unreachable_system_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    troubled = shown.system(state="unreachable", stale_s=90.0)
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: shown.overview(systems=(troubled,)))
    text = get(site, "/")
    assert "unreachable" in text
    assert "stale" in text
    assert "1 of 1</b> system unreachable" in text


def words_of(text: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.mark.parametrize(
    ("case_state", "said"),
    [
        ("no_advice", "left alone: nothing helps"),
        ("rolled_back", "tried, rolled back"),
        ("inconclusive", "tried, nothing proven"),
        ("failed", "tried, failed"),
        ("rejected", "left alone: rejected"),
        ("kept", "improved"),
        ("open", "open"),
    ],
)
def test_what_is_slow_now_is_said_however_its_case_ended(
    site: Site, monkeypatch: pytest.MonkeyPatch, case_state: str, said: str
) -> None:
    slow = shown.slow(7, case_state)
    found = shown.overview(slow=(slow,), findings=(), cases_open_count=0, waiting=())
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: found)
    page = get(site, "/")
    text = words_of(page)
    assert "1 query is slow now" in text
    assert "mean 412 ms is over the objective of 20 ms" in text
    assert said in text
    assert "Nothing is wrong" not in text
    assert "/cases/7" in page


def test_a_slow_query_without_a_case_leads_to_its_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown.overview(slow=(shown.slow(None, None, case_reason=None),), findings=(), cases_open_count=0)
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: found)
    assert f'href="{QUERY}"' in get(site, "/")


@pytest.mark.parametrize("state", ["degraded", "unreachable", "starting", "not_watched", "watching"])
def test_nothing_is_claimed_of_a_system_that_cannot_be_seen(
    site: Site, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    blind = replace(shown.system(state=state), blind="nothing was stored of it lately", slow_count=None)
    found = shown.overview(systems=(blind,), slow=(), slow_count=0, findings=(), cases_open_count=0)
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: found)
    text = words_of(get(site, "/"))
    assert "trimtab cannot say what is slow there now. Nothing was stored of it lately." in text
    assert "Nothing is wrong" not in text
    assert "keeps its objective" not in text
    assert "slow now" not in text.replace("what is slow there now", "")
    well = replace(shown.system("bank"), slow_count=0)
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: replace(found, systems=(blind, well)))
    text = words_of(get(site, "/"))
    assert "Nothing is wrong where trimtab can see" in text
    assert "trimtab cannot say what is slow there now" in text


def test_all_is_well_only_where_everything_is_seen(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    well = replace(shown.system(), slow_count=0)
    found = shown.overview(systems=(well,), slow=(), slow_count=0, findings=(), cases_open_count=0)
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: found)
    text = words_of(get(site, "/"))
    assert "Nothing is wrong that trimtab can see" in text
    assert "0 queries are slow now 0 open cases" in text


def test_many_systems_are_rows_with_small_lines(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(shown.system(f"system-{number}") for number in range(9))
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: shown.overview(systems=many))
    text = get(filled, "/")
    assert text.count('class="spark"') == 18
    assert "<tt-chart" not in text
    assert "uplot" not in text, "what needs no chart fetches none"


def test_the_list_of_queries_is_sorted_by_links(filled: Site) -> None:
    text = get(filled, "/queries?q=orders&from=now-6h")
    assert 'href="/queries?q=orders&amp;from=now-6h&amp;sort=calls&amp;desc=1"' in text
    assert "1 to 50 of 10,000 queries" in text
    assert 'href="/queries?q=orders&amp;from=now-6h&amp;page=2"' in text
    assert f'href="{QUERY}?from=now-6h"' in text


def test_the_table_alone_is_a_fragment(filled: Site) -> None:
    text = get(filled, "/queries?fragment=results")
    assert text.lstrip().startswith('<div id="results"')
    assert "<html" not in text
    assert "fragment=results" not in re.sub(r'hx-get="[^"]*"', "", text), "links lead to whole pages"


def test_typing_replaces_the_address(filled: Site) -> None:
    answer = filled.visitor().get("/queries?fragment=results&q=a%26b&page=", headers={"HX-Source": "input#search"})
    assert answer.headers["hx-replace-url"] == "/queries?q=a%26b"


@pytest.mark.parametrize(
    "wrong", ["sort=weight", "page=0", "page=x", "from=yesterday", "from=now&to=now", "fragment=secrets"]
)
def test_wrong_parameters_are_said_and_not_guessed(filled: Site, wrong: str) -> None:
    text = get(filled, f"/queries?{wrong}", 404 if "fragment" in wrong else 400)
    assert wrong.split("=")[0] in text.lower() or "fragment" in wrong


def test_why_there_is_no_p95_is_said_where_it_is_missing(
    filled: Site, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = words_of(get(filled, "/queries"))
    assert "p95 is – where no spans of the statement came in this range" in text
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in text
    assert "“OpenTelemetry spans in” of trimtab" in text
    assert "no spans of this statement" not in words_of(get(filled, QUERY))


def test_one_query_has_all_its_parts(filled: Site) -> None:
    text = get(filled, QUERY)
    for part in (
        "p95",
        "Plan now",
        "Seq Scan on orders",
        "×240 rows",
        "Cases and changes",
    ):
        assert part in text
    assert text.count("<tt-chart") == 5
    assert "data-changed" in text, "steps that the other plan does not have are marked"


def test_numbers_of_callers_say_of_which_systems_they_are(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "together with" not in get(filled, QUERY)
    systems = tuple(System(name, f"service={name}", None, 1) for name in (shown.SYSTEM, "bank", "depot"))
    monkeypatch.setattr(filled.service.state, "systems", lambda: systems)
    known = {"bank": {shown.FINGERPRINT: None}}
    monkeypatch.setattr(filled.service.read.texts, "of", lambda system: known.get(system, {}))
    text = words_of(get(filled, f"{QUERY}?executions=now"))
    assert "as callers saw it, together with bank" in text
    assert "p50, p95, p99 as callers saw it, also those of bank" in text
    assert "also those of bank: spans do not say which system they went to" in text
    assert "depot" not in text


def test_the_overview_says_what_its_lines_are_and_where_an_inconclusive_change_is(
    filled: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone, left = Undo(None, "dropped again", "done"), Undo("DROP INDEX x", "left in place", "by_hand")
    changes = (replace(shown.change("inconclusive"), undo=undone), replace(shown.change("inconclusive"), undo=left))
    monkeypatch.setattr(Reader, "overview", lambda *_, **__: shown.overview(last_changes=changes))
    text = words_of(get(filled, "/"))
    assert "a change begins a finding, or a verdict something befell the server" in text
    assert "inconclusive taken back" in text
    assert "inconclusive left in place" in text


def test_executions_come_after_the_page_or_with_it_where_there_is_no_script(filled: Site) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    page = get(filled, QUERY)
    assert trace not in page
    assert 'hx-trigger="load, tt:range from:body' in page
    now = get(filled, f"{QUERY}?executions=now")
    assert trace in now
    assert f"/logs?trace_id={trace}&amp;from=" in now, "its log lines"
    assert f"q=trace_id%3A{trace}" in now, "those of all traces that are shown"
    later = get(filled, f"{QUERY}?fragment=executions")
    assert trace in later
    assert "load, tt:range" not in later


def test_the_plan_is_a_tree_without_script(filled: Site) -> None:
    text = get(filled, QUERY)
    assert text.count('<details class="plan-node"') == 2
    assert "2,000 (15.6 MiB) read" in text


def test_a_plan_says_what_is_wrong_with_it_and_when_it_changed(filled: Site) -> None:
    text = get(filled, QUERY)
    before = text[text.index('id="plan-before"') :].partition("</tt-plan>")[0]
    after = text[text.index('id="plan-after"') :].partition("</tt-plan>")[0]
    assert before.count('title="Finding 1') == 2, "at its step, and below the tree"
    for part in ("A scan throws most rows away", "99.7 % of the cost", "CREATE INDEX CONCURRENTLY", "10 → 2,400 rows"):
        assert part in before.replace("<span>", ""), part
    assert "Nothing found in this plan" in after
    changes = text[text.index("Changes of plan") :].partition("</table>")[0]
    for part in ("Index Scan using i on orders", "no longer Seq Scan on orders", 'data-label="p95 before"'):
        assert part in changes


def test_a_plan_now_comes_back_to_the_page(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    def plan_now(_self: Service, system: str, fingerprint: str, by: str) -> object:
        asked.append((system, fingerprint, by))
        return type("Taken", (), {"is_new": True})()

    monkeypatch.setattr(Service, "plan_now", plan_now)
    client = filled.visitor()
    token = re.search(r'name="csrf_token" value="(\w+)"', client.get(QUERY).text)
    assert token is not None
    answer = client.post(f"{QUERY}/plan", data={"csrf_token": token[1], "from": "now-6h"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{QUERY}?from=now-6h&notice=plan#plans"
    assert asked == [(shown.SYSTEM, shown.FINGERPRINT, "local")]
    assert client.post(f"{QUERY}/plan", data={}).status_code == 403


def test_a_plan_that_cannot_be_taken_says_why_on_the_page(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan_now(*_: object) -> object:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Service, "plan_now", plan_now)
    client = filled.visitor()
    token = re.search(r'name="csrf_token" value="(\w+)"', client.get(QUERY).text)
    assert token is not None
    answer = client.post(f"{QUERY}/plan", data={"csrf_token": token[1]})
    assert answer.status_code == 503
    assert "The disk is full." in answer.text
    assert "Seq Scan on orders" in answer.text


def test_the_frame_says_what_concerns_every_page(filled: Site) -> None:
    client = filled.visitor()
    token = re.search(r'name="csrf_token" value="(\w+)"', client.get("/queries").text)
    assert token is not None
    form = {"csrf_token": token[1], "frozen": "true", "next": "/queries"}
    assert client.post("/freeze", data=form).headers["location"] == "/queries"
    text = get(filled, "/queries?fragment=frame")
    assert text.lstrip().startswith('<div id="frame"')
    assert "Nothing new is applied" in text
    assert "No change stands ready to begin." in text
    assert client.post("/freeze", data={**form, "frozen": "false"}).status_code == 303
    assert "Nothing new is applied" not in get(filled, "/?fragment=frame")


def test_unfreezing_asks_first_and_says_what_would_start(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    change = SimpleNamespace(case_id=7, system="shop", proposal=SimpleNamespace(summary=f"an index {shown.HOSTILE}"))
    monkeypatch.setattr(Service, "ready_to_start", lambda _: (change,) * 7)
    monkeypatch.setattr(filled.service.state, "kill_switch", lambda: "frozen by anna")
    for path in ("/queries", "/settings?tab=policy"):
        page = get(filled, path)
        for form in re.findall(r"<details[^>]*>.*?</details>", page, re.DOTALL):
            page = page.replace(form, form.partition("</summary>")[0])
        assert 'name="frozen" value="false"' not in page, "not without opening the question"
    text = get(filled, "/queries")
    assert "these begin, one after the other on each system, as soon as guards and checks agree" in words_of(text)
    assert "case 7 on shop: an index" in words_of(text)
    assert "and 2 more" in words_of(text)
    assert "<img" not in text


def test_many_plans_are_cards_on_a_phone(filled: Site) -> None:
    text = get(filled, QUERY)
    table = text[text.index('<table class="plan-list stacked">') :].partition("</table>")[0]
    assert table.count('data-label="Cost"') == 2


def test_links_of_a_system_with_a_strange_name_lead_back_to_it(filled: Site) -> None:
    text = get(filled, "/queries/a%3Fb%23c/ff")
    assert 'data-path="/queries/a%3Fb%23c/ff"' in text
    assert 'href="/queries/a%3Fb%23c/ff?order=newest#executions"' in text


def test_a_store_that_fails_is_an_error_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> object:
        raise StoreError("the engine is gone")

    monkeypatch.setattr(Reader, "overview", fail)
    text = get(site, "/", 503)
    assert "The store does not answer" in text
    assert "The engine is gone." in text


def test_the_theme_of_the_cookie_is_there_at_once(site: Site) -> None:
    for theme in ("dark", "light"):
        text = site.visitor().get("/", headers={"Cookie": f"trimtab_theme={theme}"}).text
        assert f'data-theme="{theme}"' in text
    assert 'data-theme="system"' in site.visitor().get("/", headers={"Cookie": "trimtab_theme=<x>"}).text


def test_pages_are_packed_and_never_stored(filled: Site) -> None:
    answer = filled.visitor().get("/queries")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) < 25_000
