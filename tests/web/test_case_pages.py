"""Cases, changes, ledger, settings and trimtab itself: drawn over real stores, in every state that a case can have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from tests.web.markup import ids_of, refused_by_policy
from tests.web.site import open_site
from tests.web.stories import Stories
from trimtab.app.service import Service
from trimtab.store.chain import ChainStatus
from trimtab.store.ledger import ChainReport

pytestmark = pytest.mark.store


@dataclass
class World:
    """One application with a story of every kind; numbers of cases by how they stand."""

    service: Service
    client: TestClient
    case: dict[str, int]

    def page(self, path: str, status: int = 200) -> str:
        """A page's text."""
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path}: {answer.status_code}"
        return answer.text

    def story(self, standing: str) -> str:
        """The page of a case."""
        return self.page(f"/cases/{self.case[standing]}")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything at once."""
    with open_site(tmp_path_factory.mktemp("web")) as site:
        stories = Stories(site.service.state, site.service.now_ms())
        stories.watch("shop")
        stories.watch("db/look only", can_change=False)
        cases = {
            "open": stories.noticed().id,
            "yes": stories.proposed().case_id,
            "only looked at": stories.proposed("db/look only").case_id,
            "approved": stories.approved().case_id,
            "blocked": stories.blocked().case_id,
            "kept": stories.kept().case_id,
            "rolled back": stories.rolled_back().case_id,
            "gone": stories.gone().case_id,
            "failed": stories.failed().case_id,
            "rejected": stories.rejected().case_id,
            "no advice": stories.no_advice().id,
            "watching": stories.watching().case_id,
        }
        yield World(site.service, site.visitor(), cases)


PATHS = [
    "/cases",
    "/cases?state=needs-yes",
    "/cases?state=open&system=shop",
    "/cases?state=kept&q=orders",
    "/cases?q=nothing+like+it",
    "/changes",
    "/ledger",
    "/ledger?state=kept&q=orders",
    "/ledger?q=nothing+like+it",
    "/ledger?tab=entries",
    "/settings",
    "/settings?tab=policy",
    "/settings?tab=policy&system=shop",
    "/settings?tab=people",
    "/settings?tab=tokens",
    "/settings?tab=audit",
    "/settings?tab=configuration",
    "/settings?tab=configuration&q=watch",
    "/settings?tab=you",
    "/self",
]


def sound(page: str) -> None:
    """What is true of every page."""
    assert refused_by_policy(page) == []
    ids = ids_of(page)
    assert sorted(set(ids)) == sorted(ids), "an id is there twice"
    assert "Undefined" not in page


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_drawn_and_sound(world: World, path: str) -> None:
    page = world.page(path)
    sound(page)
    assert page.count("<h1") == 1


def test_every_case_is_drawn_and_sound_and_so_is_its_fragment(world: World) -> None:
    for number in world.case.values():
        sound(world.page(f"/cases/{number}"))
        assert world.page(f"/cases/{number}?fragment=article").lstrip().startswith("<article")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/cases/999", 404),
        ("/cases/x", 404),
        ("/cases/1?fragment=nothing", 404),
        ("/cases?state=odd", 400),
        ("/cases?page=0", 400),
        ("/cases?page=" + "9" * 30, 400),
        ("/ledger?tab=odd", 400),
        ("/ledger?state=odd", 400),
        ("/ledger?tab=entries&before=-1", 400),
        ("/settings?tab=odd", 400),
        ("/settings?tab=policy&system=nobody", 404),
        ("/settings?tab=audit&before=x", 400),
        ("/nothing", 404),
    ],
)
def test_what_is_not_there_is_said_in_the_house_design(world: World, path: str, status: int) -> None:
    page = world.page(path, status)
    assert f'data-test="error-{status}"' in page


def test_cases_are_grouped_and_counted(world: World) -> None:
    page = world.page("/cases")
    groups = re.findall(r'<section class="panel[^"]*" id="([a-z-]+)"', page)
    assert groups == ["needs-yes", "open", "ended"]
    needs_yes = page[page.index('id="needs-yes"') : page.index('id="open"')]
    assert f'data-case="{world.case["yes"]}"' in needs_yes
    assert f'data-case="{world.case["approved"]}"' not in needs_yes
    assert f'data-case="{world.case["only looked at"]}"' not in needs_yes
    assert 'data-case="' + str(world.case["kept"]) in page[page.index('id="ended"') :]


def test_a_search_that_is_typed_goes_into_the_address(world: World) -> None:
    answer = world.client.get("/cases?fragment=listing&q=orders&page=", headers={"HX-Source": "input#search"})
    assert answer.headers["HX-Replace-Url"] == "/cases?q=orders"
    assert "HX-Replace-Url" not in world.client.get("/cases?fragment=listing&q=orders").headers


def test_a_case_that_needs_a_yes_says_exactly_what_would_happen(world: World) -> None:
    page = world.story("yes")
    change = world.service.read.case(world.case["yes"]).change
    assert change is not None
    decision = page[page.index('id="decision"') :]
    assert "trimtab_orders_customer_id_created_at_" in decision
    assert "SHARE UPDATE EXCLUSIVE" in decision
    assert f'name="content_hash" value="{change.proposal.content_hash}"' in decision
    assert "1<small>&nbsp;d</small>" in decision
    assert "Approve this change" in decision


def test_before_a_yes_one_sees_what_a_rollback_would_do(world: World) -> None:
    page = world.story("yes").replace("<b>", "").replace("</b>", "")
    decision = page[page.index('id="decision"') :]
    said = decision[decision.index("A rollback would do") :]
    assert "DROP INDEX CONCURRENTLY public.trimtab_orders_customer_id_created_at_" in said
    answer = world.client.get(f"/api/trimtab/cases/{world.case['yes']}").json()
    assert answer["undo"]["statement"].startswith("DROP INDEX CONCURRENTLY public.trimtab_orders_customer_id_")
    assert answer["undo"]["state"] == "none_needed"


def head_of(page: str) -> str:
    return page[page.index('class="case-outcome"') : page.index("</header>", page.index('class="case-outcome"'))]


@pytest.mark.parametrize("name", ["failed", "rejected"])
def test_what_was_never_measured_is_no_headline(world: World, name: str) -> None:
    head = head_of(world.story(name))
    assert "outcome-figure" not in head
    assert re.search(r'outcome-note">predicted, not measured: [^<]* faster<', head)


def test_what_was_measured_and_not_kept_is_not_praised(world: World) -> None:
    assert 'outcome-figure" data-tone="bad"' in head_of(world.story("rolled back"))
    page = world.story("gone")
    assert 'outcome-figure" data-tone="quiet">81.3' in head_of(page)
    assert "It was no longer there; trimtab dropped nothing." in page
    assert 'outcome-figure" data-tone="ok"' in head_of(world.story("kept"))


def test_without_a_connection_for_changes_nothing_can_be_approved(world: World) -> None:
    page = world.story("only looked at")
    assert "Approve this change" not in page
    assert "No connection for changes was given" in page


def test_an_unconfigured_check_is_never_shown_as_passed(world: World) -> None:
    page = world.story("blocked")
    rows = {name: result for result, name in re.findall(r'<tr data-result="(\w+)"><th[^>]*title="(\w+)"', page)}
    assert rows == {"load": "failed", "change_window": "unknown", "disk_free": "unknown", "kill_switch": "passed"}
    row = page[page.index('title="change_window"') :]
    assert "not configured" in row[: row.index("</tr>")]
    assert "passed" not in row[: row.index("</tr>")].replace("This is not a pass", "")


def test_a_kept_change_shows_prediction_and_effect_and_the_way_back(world: World) -> None:
    page = world.story("kept")
    assert "81.3× faster" in page
    assert "View as table" in page
    assert "310.5" in page
    assert "against the controls" in page
    assert f"DROP INDEX CONCURRENTLY public.trimtab_orders_{world.case['kept']}" in page.replace("<b>", "").replace(
        "</b>", ""
    )
    assert "chain intact" in page


def test_a_rolled_back_change_says_why(world: World) -> None:
    page = world.story("rolled back")
    assert "Other queries proven slower: 00000000000000ee" in page
    assert "proven slower</span>" in page


def test_a_change_under_watch_can_be_taken_back(world: World) -> None:
    page = world.story("watching")
    assert 'action="/cases/' + str(world.case["watching"]) + '/rollback"' in page
    changes = world.page("/changes")
    assert re.search(r'<li data-status="now" aria-current="step"[^>]*><span class="machine-state">watching', changes)
    assert "at the latest" in changes


def test_the_ledger_has_only_what_was_begun(world: World) -> None:
    page = world.page("/ledger")
    shown = set(re.findall(r'href="/cases/(\d+)"', page))
    begun = {str(world.case[name]) for name in ("kept", "rolled back", "gone", "failed", "watching")}
    assert shown == begun


def test_evidence_leads_to_the_chart_of_its_window(world: World) -> None:
    story = world.service.read.case(world.case["kept"])
    seen = story.case.finding.evidence[0]
    found = re.search(rf'href="(/queries/shop/{story.case.fingerprint})\?from=(\d+)&amp;to=(\d+)"', world.story("kept"))
    assert found is not None
    assert int(found[2]) < seen.window_start_ms < seen.window_end_ms < int(found[3])


def test_a_case_opens_at_its_own_time(world: World) -> None:
    story = world.service.read.case(world.case["kept"])
    page = world.story("kept")
    found = re.search(r'data-home-from="(\d+)" data-home-to="(\d+)"', page)
    assert found is not None
    assert int(found[1]) < story.case.finding.evidence[0].window_start_ms
    assert "now-3h" in world.page(f"/cases/{story.case.id}?from=now-3h&to=now")


def test_a_broken_ledger_is_said_loudly(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    report = ChainReport(7, 5, "entry 5 was altered")
    monkeypatch.setattr(world.service.state.chain, "now", lambda: ChainStatus(report, 1000, 2000))
    page = world.page("/ledger")
    assert "<b>The ledger is broken.</b> The ledger is broken at entry 5 (entry 5 was altered)" in page
    assert 'role="alert"><p>The ledger is broken at entry 5' in world.page("/cases")


def test_the_ledger_says_how_far_and_when_it_was_looked_at(world: World) -> None:
    told = r"chain intact</span> up to entry \d+, .*Looked at <time.*, all of it <time"
    assert re.search(told, world.page("/ledger"))
