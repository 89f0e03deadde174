"""What stands beside a change of level, from real stores: settings, plans of its own query, trimtab's own changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.act.support import finding, proposal
from tests.empty_store import make_tables
from trimtab.app.change_points.beside import Stores, with_beside
from trimtab.app.plan_words import change_of_plan
from trimtab.model.change import Change, ChangeState
from trimtab.model.change_points import Beside, KeptChangePoint
from trimtab.model.system import System
from trimtab.observe.postgres.facts import EventKind
from trimtab.store.ledger import Event
from trimtab.store.state import State
from trimtab.store.tables import table_of
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
MINUTE_MS = 60_000
WITHIN_MS = 15 * MINUTE_MS
LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, rollup_interval_s=0.2)
SCAN = {"Plan": {"Node Type": "Seq Scan", "Relation Name": "t"}}
INDEX_SCAN = {"Plan": {"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "t"}}


@dataclass
class World:
    """Stores, and the moment at which the level moved; minutes are counted from it."""

    telemetry: EmbeddedTelemetry
    state: State
    moved_ms: int
    now_ms: int

    def happened(self, *events: tuple[float, EventKind, str], system: str = "shop") -> None:
        """Something befell a server, so many minutes after the level moved."""
        rows = [
            {
                "system": system,
                "happened_at_ms": self.moved_ms + round(minutes * MINUTE_MS),
                "kind": kind.value,
                "message": message,
            }
            for minutes, kind, message in events
        ]
        self.telemetry.write("server_events", table_of("server_events", rows))
        self.telemetry.flush(20)

    def changed(self, *moves: tuple[float, str, ChangeState]) -> Change:
        """trimtab changed something, with these steps so many minutes after the level moved."""
        case = self.state.open_case(finding(), "SELECT 1")
        change = self.state.create_change(case.id, proposal())
        for minutes, event, to in moves:
            self.now_ms = self.moved_ms + round(minutes * MINUTE_MS)
            self.state.append(change.id, self.state.change(change.id).ledger_seq, event, to, "test", {})
        return self.state.change(change.id)

    def beside(self, fingerprint: str = "", system: str = "shop") -> list[Beside]:
        """What stands beside a change of level of this query, or of the system."""
        href = f"/queries/{system}/{fingerprint}" if fingerprint else ""
        moved = KeptChangePoint(
            id=0,
            series=f"{system}/{fingerprint}",
            family="query",
            title="mean time",
            unit="ms",
            system=system,
            fingerprint=fingerprint,
            at_ms=self.moved_ms,
            step_ms=MINUTE_MS,
            before=10.0,
            after=20.0,
            ratio=2.0,
            low=1.8,
            high=2.2,
            p_value=1e-9,
            provisional=False,
            href=href,
        )
        [told] = with_beside([moved], Stores(self.telemetry, self.state), WITHIN_MS)
        return list(told.beside)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two systems to which nothing happened yet; the level moved an hour ago."""
    moved_ms = time.time_ns() // 1_000_000 - 60 * MINUTE_MS
    made: list[World] = []
    with (
        State.open(tmp_path / "state.db", now_ms=lambda: made[0].now_ms if made else moved_ms) as state,
        EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry,
    ):
        made.append(World(telemetry, state, moved_ms, moved_ms - 10 * MINUTE_MS))
        for name in ("shop", "bank"):
            state.add_system(System(name, f"service={name}", None, 1))
        yield made[0]


def test_settings_and_plans_of_the_query_stand_beside_it_nearest_first(world: World) -> None:
    plan = change_of_plan("ab12", SCAN, INDEX_SCAN)
    world.happened(
        (-4, EventKind.SETTING_CHANGED, "work_mem: 4MB → 64MB"),
        (2, EventKind.PLAN_CHANGED, plan),
        (-1, EventKind.PLAN_CHANGED, change_of_plan("cd34", SCAN, INDEX_SCAN)),
        (-6, EventKind.SERVER_RESTARTED, "the server was started again"),
        (-16, EventKind.SETTING_CHANGED, "jit: on → off"),
    )
    world.happened((-1, EventKind.SETTING_CHANGED, "work_mem: 4MB → 1GB"), system="bank")
    assert [(one.kind, one.away_ms / MINUTE_MS, one.text, one.system, one.href) for one in world.beside("ab12")] == [
        ("plan", 2, plan, "shop", "/queries/shop/ab12"),
        ("setting", -4, "work_mem: 4MB → 64MB", "shop", ""),
        ("event", -6, "the server was started again", "shop", ""),
    ]
    assert [one.kind for one in world.beside()] == ["setting", "event"], "plans are those of the query, or of none"
    assert [one.text for one in world.beside(system="")] == [
        "work_mem: 4MB → 1GB",
        "work_mem: 4MB → 64MB",
        "the server was started again",
    ], "beside what belongs to no system stands what befell any"


def test_what_trimtab_changed_and_took_back_stands_beside_it(world: World) -> None:
    change = world.changed(
        (-9, Event.CHECKED, ChangeState.CHECKED),
        (-8, Event.CHECKPOINTED, ChangeState.CHECKPOINTED),
        (-7, Event.APPLY_INTENDED, ChangeState.APPLYING),
        (-6, Event.APPLIED, ChangeState.WATCHING),
        (3, Event.UNDONE, ChangeState.ROLLED_BACK),
    )
    summary, href = change.proposal.summary, f"/cases/{change.case_id}"
    assert [(one.kind, one.away_ms / MINUTE_MS, one.text, one.href) for one in world.beside()] == [
        ("verdict", 3, f"rolled back: {summary}", href),
        ("change", -7, summary, href),
    ]
    assert world.beside(system="bank") == []
    assert [one.kind for one in world.beside("ab12")] == ["verdict", "change"], "also beside its queries"
