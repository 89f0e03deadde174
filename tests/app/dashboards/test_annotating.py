"""Every change is told to a Grafana: once, as it goes on, also after Grafana was away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.act.support import proposal
from tests.integrations.grafana.fake_grafana import TOKEN, FakeGrafana, running
from trimtab.app.dashboards.annotating import Annotating, note_of
from trimtab.model.change import Change, ChangeState
from trimtab.model.grafana_settings import GrafanaPolicy
from trimtab.store.state import State
from trimtab.store.state_database import StateDatabase

PAGE = "http://127.0.0.1:9321"


class Told:
    """A state whose changes are written down here; where annotations are kept is the real one."""

    def __init__(self, database: StateDatabase) -> None:
        self.database = database
        self.now: list[Change] = []

    def changes(self, *, limit: int) -> Sequence[Change]:
        """As `State.changes`."""
        return self.now[:limit]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Nothing has changed yet."""
    with State.open(tmp_path / "state.db") as state:
        yield Told(state.database)


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGrafana]:
    """A Grafana that takes a token."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    with running() as fake:
        yield fake
        assert not fake.odd


def change(state: ChangeState, **more: int | None) -> Change:
    """A change that is being applied since the first second."""
    made = Change("c1", 7, "shop", proposal(), state, 0, 0)
    return replace(made, **{"apply_started_at_ms": 1_000, **more})  # type: ignore[arg-type]


def annotating(told: Told, grafana: FakeGrafana) -> Annotating:
    """As the server has it."""
    return Annotating(told, GrafanaPolicy(url=grafana.url, token="env:GRAFANA_TOKEN"), PAGE)  # type: ignore[arg-type]


def test_a_change_is_one_annotation_from_its_beginning_to_its_verdict(told: Told, grafana: FakeGrafana) -> None:
    one = annotating(told, grafana)
    told.now = [change(ChangeState.PROPOSED, apply_started_at_ms=None)]
    assert one.tell()
    assert not grafana.annotations, "nothing was touched yet"
    told.now = [change(ChangeState.APPLYING)]
    assert one.tell()
    assert one.tell()
    assert len(grafana.writes) == 1, "what was told is not told again"
    told.now = [change(ChangeState.KEPT, applied_at_ms=2_000, finished_at_ms=9_000)]
    assert one.tell()
    (only,) = grafana.annotations.values()
    assert (only["time"], only["timeEnd"]) == (1_000, 9_000)
    assert ": kept\n" in only["text"]
    assert only["text"].endswith("/cases/7")
    assert {"trimtab", "change:c1", "system:shop", "kept"} <= set(only["tags"])
    assert annotating(told, grafana).tell(), "after a restart"
    assert len(grafana.writes) == 2


def test_a_grafana_that_was_away_hears_of_it_later(told: Told, grafana: FakeGrafana) -> None:
    one = annotating(told, grafana)
    told.now = [change(ChangeState.WATCHING, applied_at_ms=2_000)]
    grafana.fails["/api/annotations"] = 503
    assert not one.tell()
    assert one.problem is not None
    assert "annotation of change:c1: Grafana at" in one.problem
    grafana.fails.clear()
    assert one.tell()
    assert len(grafana.annotations) == 1


def test_what_was_made_and_not_confirmed_is_found_by_its_tag(told: Told, grafana: FakeGrafana) -> None:
    told.now = [change(ChangeState.APPLYING)]
    grafana.annotations[5] = {"time": 1_000, "tags": ["trimtab", "change:c1"], "text": "before a crash"}
    assert annotating(told, grafana).tell()
    assert list(grafana.annotations) == [5]
    assert "is being applied" in grafana.annotations[5]["text"]


def test_what_a_person_took_away_stays_away(told: Told, grafana: FakeGrafana) -> None:
    one = annotating(told, grafana)
    told.now = [change(ChangeState.APPLYING)]
    assert one.tell()
    grafana.annotations.clear()
    for state in (ChangeState.WATCHING, ChangeState.ROLLED_BACK):
        told.now = [change(state, applied_at_ms=2_000)]
        assert one.tell()
    assert not grafana.annotations


def test_it_follows_on_a_thread_of_its_own_and_ends(told: Told, grafana: FakeGrafana) -> None:
    one = annotating(told, grafana)
    told.now = [change(ChangeState.APPLYING)]
    one.start()
    one.wake()
    one.stop()
    assert one.told_count <= 1
    quiet = Annotating(told, GrafanaPolicy(), PAGE)  # type: ignore[arg-type]
    quiet.start()
    quiet.stop()


def test_every_state_has_words() -> None:
    for state in ChangeState:
        note = note_of(change(state), PAGE)
        assert note is not None
        assert "_" not in note.text.partition("\n")[0].rpartition(": ")[2]
