"""`/`: what is wrong now, what needs a person, what is in flight, how the systems do, what was changed last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from trimtab.app.reading.answers import ChangeRow, Overview, SystemRow
from trimtab.app.reading.ranges import Range
from trimtab.model.change import ChangeState
from trimtab.web.pages.frame import Asked
from trimtab.web.words import SYSTEM_STATES, Word, word

if TYPE_CHECKING:
    from trimtab.app.service import Service

CARDS_MAX = 3
"""So many systems get a card with charts; more of them get a row each, with small lines."""
LINES_MAX = 12
LAST_MAX = 6
LINE_POINTS = 60
STALE_LOOKS = 6
"""A system whose last look is older than so many slices is stale."""


@dataclass(frozen=True, slots=True)
class SystemView:
    """A system as it is drawn. `stale_ms`: how long ago the last look was, where that is too long."""

    row: SystemRow
    word: Word
    stale_ms: float | None
    load: tuple[float | None, ...] = ()
    mean: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Flight:
    """A change in flight. `share` is how much of its watch or build is gone at most (0..1), None where not known."""

    change: ChangeRow
    share: float | None
    ends_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposed change. `needs_yes`: a person's yes is the next thing; else guards or the loop are to go on."""

    change: ChangeRow
    needs_yes: bool


def overview(asked: Asked) -> Response:
    """The page."""
    service = asked.service
    within = asked.within
    found = service.read.overview(within, fresh_s=asked.fresh_s)
    waiting = [Waiting(change, _needs_yes(service, found, change)) for change in found.waiting]
    context = {
        "title": "Overview",
        "charts": 0 < len(found.systems) <= CARDS_MAX,
        "overview": found,
        "systems": _systems(service, found, within),
        "yes": [one.change for one in waiting if one.needs_yes],
        "waiting": [one.change for one in waiting if not one.needs_yes],
        "flights": [_flight(service, change) for change in found.in_flight],
        "ended": [change for change in found.last_changes if ChangeState(change.state).is_final][:LAST_MAX],
        "summary": _summary(found, sum(one.needs_yes for one in waiting)),
    }
    return asked.page("overview.html", "overview", context, fragments=("now",))


def _needs_yes(service: Service, found: Overview, change: ChangeRow) -> bool:
    """Where trimtab has a connection for changes, and may not go on without a yes."""
    system = next((row for row in found.systems if row.name == change.system), None)
    if system is None or system.change_dsn is None or change.approved_by is not None:
        return False
    autonomy = service.policy_of(change.system).create_index.autonomy.value
    return change.state == ChangeState.PROPOSED.value and autonomy in ("suggest", "approve")


def _summary(found: Overview, yes: int) -> list[tuple[str, str, str]]:
    """What to know first: (figure, words, tone)."""
    bad = sum(case.severity == "critical" for case in found.findings)
    troubled = sum(system.state not in ("watching", "starting") for system in found.systems)
    tone = "bad" if bad else "warn" if found.findings else "ok"
    said = [(str(len(found.findings)), "open case" if len(found.findings) == 1 else "open cases", tone)]
    if yes:
        said.append((str(yes), "needs your yes" if yes == 1 else "need your yes", "warn"))
    if found.in_flight:
        said.append(
            (
                str(len(found.in_flight)),
                "change in flight" if len(found.in_flight) == 1 else "changes in flight",
                "live",
            )
        )
    watched = len(found.systems)
    if troubled:
        said.append((f"{troubled} of {watched}", "systems not well watched", "bad"))
    else:
        said.append(
            (str(watched), "system watched" if watched == 1 else "systems watched", "ok" if watched else "quiet")
        )
    return said


def _systems(service: Service, found: Overview, within: Range) -> list[SystemView]:
    lines: Mapping[str, tuple[float | None, ...]] = {}
    if len(found.systems) > CARDS_MAX:
        lines = _lines(service, [system.name for system in found.systems[:LINES_MAX]], within)
    return [
        SystemView(
            row=row,
            word=word(SYSTEM_STATES, row.state),
            stale_ms=_stale_ms(service, row),
            load=lines.get(f"system/{row.name}/load_ms_per_s", ()),
            mean=lines.get(f"system/{row.name}/mean_ms", ()),
        )
        for row in found.systems
    ]


def _stale_ms(service: Service, row: SystemRow) -> float | None:
    limit_s = STALE_LOOKS * service.policy_of(row.name).watch.slice_s
    return row.stale_s * 1000 if row.stale_s is not None and row.stale_s > limit_s else None


def _lines(service: Service, names: list[str], within: Range) -> Mapping[str, tuple[float | None, ...]]:
    keys = [f"system/{name}/{measure}" for name in names for measure in ("load_ms_per_s", "mean_ms")]
    return {line.key: tuple(line.values) for line in service.read.series(keys, within, LINE_POINTS).series}


def _flight(service: Service, change: ChangeRow) -> Flight:
    """How far it is: of the longest watch, or of the longest build."""
    policy = service.policy_of(change.system)
    begun_ms, length_s = change.apply_started_at_ms, policy.create_index.build_timeout_s
    if change.applied_at_ms is not None:
        watch = policy.watch
        begun_ms, length_s = change.applied_at_ms, (watch.warm_up_slices + watch.watch_slices_max) * watch.slice_s
    if begun_ms is None or length_s <= 0:
        return Flight(change, None, None)
    share = (service.read.clock.now_ms() - begun_ms) / (length_s * 1000)
    return Flight(change, min(max(share, 0.0), 1.0), begun_ms + round(length_s * 1000))
