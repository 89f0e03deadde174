"""Cases in every state as rows and stories; lists that are filtered, searched and paged; the ledger; the overview."""

from __future__ import annotations

import msgspec
import pytest

from tests.app.reading.conftest import SmallDay
from trimtab.app.reading.answers import CaseRow
from trimtab.app.reading.cases import STANDINGS
from trimtab.model.change import ChangeState, JudgementKind
from trimtab.model.errors import InputError, NotFound
from trimtab.store.ledger import Event

pytestmark = pytest.mark.store


def one(day: SmallDay, standing: str, state: ChangeState | None = None) -> CaseRow:
    """A case that stands so."""
    rows = day.reader.cases(states=[standing], limit=1000).rows
    return next(row for row in rows if state is None or (row.change is not None and row.change.state == state))


@pytest.mark.parametrize(
    ("standing", "state", "undo_state", "titles"),
    [
        ("kept", ChangeState.KEPT, "by_hand", ["Noticed", "Proposed", "Approved by anna", "Kept"]),
        ("rolled_back", ChangeState.ROLLED_BACK, "done", ["Noticed", "Taking it back", "Taken back"]),
        ("changing", ChangeState.WATCHING, "possible", ["Noticed", "Building", "Applied; the watch begins"]),
        ("proposed", ChangeState.PROPOSED, "none_needed", ["Noticed", "Proposed"]),
        ("inconclusive", ChangeState.INCONCLUSIVE, "done", ["Noticed", "Taking it back", "Taken back"]),
        ("failed", ChangeState.FAILED, "done", ["Noticed", "Building", "Taken back"]),
        ("rejected", ChangeState.REJECTED, "none_needed", ["Noticed", "Proposed", "Rejected"]),
        ("no_advice", None, None, ["Noticed", "Closed: no advice"]),
        ("open", None, None, ["Noticed"]),
    ],
)
def test_a_case_in_every_state_is_a_story(
    day: SmallDay, standing: str, state: ChangeState | None, undo_state: str | None, titles: list[str]
) -> None:
    row = one(day, standing, state)
    story = day.reader.case(row.id)
    told = [entry.title for entry in story.timeline]
    assert [title for title in told if title in titles] == titles
    assert [entry.at_ms for entry in story.timeline] == sorted(entry.at_ms for entry in story.timeline)
    assert story.row == row
    assert story.evidence[0].href.startswith(f"/queries/shop/{row.fingerprint}?from=")
    assert (None if story.undo is None else story.undo.state) == undo_state
    if state in (ChangeState.KEPT, ChangeState.ROLLED_BACK, ChangeState.WATCHING):
        assert story.undo is not None
        assert story.undo.statement is not None
        assert story.undo.statement.startswith("DROP INDEX CONCURRENTLY public.trimtab_")
        assert [check.passed for check in story.checks].count(None) == 1
        assert story.checked_at_ms is not None
    if state in (ChangeState.KEPT, ChangeState.ROLLED_BACK, ChangeState.INCONCLUSIVE):
        assert story.judgement is not None
        assert story.row.change is not None
        assert story.row.change.effect == story.judgement.effect
        assert len(story.evidence) == 2
    assert msgspec.json.decode(msgspec.json.encode(story))["row"]["id"] == row.id


def test_a_blocked_change_says_what_it_waits_for(day: SmallDay) -> None:
    blocked = [
        story
        for row in day.reader.cases(states=["proposed"]).rows
        if (story := day.reader.case(row.id)).timeline[-1].kind == Event.BLOCKED
    ]
    assert blocked
    assert blocked[0].timeline[-1].title == "Has to wait"
    assert [check.name for check in blocked[0].checks if check.passed is False] == ["baseline"]


def test_judgements_are_as_they_were_written(day: SmallDay) -> None:
    kinds = {standing: day.reader.case(one(day, standing).id).judgement for standing in ("kept", "rolled_back")}
    assert {name: j.kind for name, j in kinds.items() if j is not None} == {
        "kept": JudgementKind.KEEP,
        "rolled_back": JudgementKind.ROLL_BACK,
    }


def test_lists_are_filtered_searched_and_paged(day: SmallDay) -> None:
    everything = day.reader.cases(limit=1000)
    assert everything.total == len(everything.rows) == 22
    assert [row.id for row in everything.rows] == sorted((row.id for row in everything.rows), reverse=True)
    by_standing = {name: day.reader.cases(states=[name], limit=1).total for name in STANDINGS if name != "closed"}
    assert sum(by_standing.values()) == 22
    closed = sum(n for name, n in by_standing.items() if name not in ("open", "proposed", "changing"))
    assert day.reader.cases(states=["closed"]).total == closed
    assert day.reader.cases(states=["open", "kept"]).total == by_standing["open"] + by_standing["kept"]
    pages = [day.reader.cases(limit=5, offset=first).rows for first in range(0, 25, 5)]
    assert [row for page in pages for row in page] == list(everything.rows)
    assert day.reader.cases(system="elsewhere").total == 0
    assert day.reader.cases(search="Proven SLOWER", limit=1).total == by_standing["rolled_back"]
    assert [row.id for row in day.reader.cases(search=f"#{everything.rows[3].id}").rows].count(
        everything.rows[3].id
    ) == 1
    with pytest.raises(InputError) as caught:
        day.reader.cases(states=["lost"])
    assert caught.value.facts["field"] == "state"
    with pytest.raises(NotFound):
        day.reader.case(10**9)


def test_everything_that_touched_a_target(day: SmallDay) -> None:
    page = day.reader.changes_ever(limit=1000)
    assert page.total == len(page.rows) > 5
    assert all(row.apply_started_at_ms is not None for row in page.rows)
    begun = [row.apply_started_at_ms or 0 for row in page.rows]
    assert begun == sorted(begun, reverse=True)
    ended = {row.state for row in page.rows}
    assert {"kept", "rolled_back", "inconclusive", "failed", "watching"} <= ended
    assert all(row.effect is not None for row in page.rows if row.state in ("kept", "rolled_back"))
    assert day.reader.changes_ever(limit=2, offset=1).rows == page.rows[1:3]


def test_the_ledger_in_pages(day: SmallDay) -> None:
    seen: list[int] = []
    before: int | None = None
    while True:
        page = day.reader.ledger(50, before)
        seen += [row.entry.seq for row in page.rows]
        assert all(row.system == "shop" and row.summary and row.title for row in page.rows)
        if page.before_seq is None:
            break
        before = page.before_seq
    assert seen == list(range(page.entries_count, 0, -1))


def test_the_overview(day: SmallDay) -> None:
    overview = day.reader.overview(day.last(1))
    [system] = overview.systems
    assert (system.name, system.state, system.cases_open_count) == ("shop", "not_watched", 4)
    assert system.observed_s == pytest.approx(3600, abs=10)
    assert system.last_look_at_ms == day.day.end_ms
    assert system.stale_s is not None
    assert system.stale_s > 0
    whole = day.reader.shapes("shop", day.last(1), limit=1000)
    total_ms = sum(row.total_exec_time_ms for row in whole.rows)
    assert whole.total == len(whole.rows)
    assert system.load_ms_per_s == pytest.approx(total_ms / system.observed_s)
    assert sum(row.load_share for row in whole.rows) == pytest.approx(1.0)
    ranks = {"critical": 2, "warning": 1, "info": 0}
    severities = [ranks[row.severity] for row in overview.findings]
    assert severities == sorted(severities, reverse=True)
    assert [row.state for row in overview.in_flight] == ["watching"]
    assert len(overview.waiting) == 2
    assert len(overview.last_changes) == 10
    assert overview.frozen is None
    day.state.set_kill_switch("frozen by anna")
    assert day.reader.overview(day.last(1)).frozen == "frozen by anna"
    day.state.set_kill_switch(None)
