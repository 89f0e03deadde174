"""`/`: what is wrong now, what waits for a person, what is in flight, how the systems do, what was changed last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from trimtab.app.reading.answers import CaseRow, ChangeRow, Overview, SlowRow, SystemRow
from trimtab.app.reading.ranges import Range
from trimtab.model.change import ChangeState
from trimtab.web.pages.frame import Asked
from trimtab.web.words import OUTCOMES, STANDINGS, SYSTEM_STATES, Word, word

if TYPE_CHECKING:
    from trimtab.app.service import Service

CARDS_MAX = 3
"""So many systems get a card with charts; more of them get a row each, with small lines."""
LINES_MAX = 12
LAST_MAX = 6
WRONG_MAX = 8
"""Rows of what is wrong; the list of cases and that of queries have the rest."""
NEW = Word("new", "info", "Just noticed: a case is opened with the next look.")
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
class Wrong:
    """One row of what is wrong. `case` is None only where a query is slow whose case was not opened yet.

    `is_over`: its case is open still, and the last look did not find it slow.
    """

    system: str
    fingerprint: str
    title: str
    query_text: str
    severity: str
    standing: Word
    reason: str | None
    case_id: int | None
    at_ms: int
    is_over: bool


def overview(asked: Asked) -> Response:
    """The page."""
    service = asked.service
    within = asked.within
    found = service.read.overview(within, fresh_s=asked.fresh_s)
    yes = {one["change_id"] for one in service.needs_yes()}
    wrong = wrong_rows(found)
    context = {
        "title": "Overview",
        "charts": 0 < len(found.systems) <= CARDS_MAX,
        "overview": found,
        "systems": _systems(service, found, within),
        "yes": [change for change in found.waiting if change.id in yes],
        "yes_count": len(yes),
        "waiting": [change for change in found.waiting if change.id not in yes],
        "wrong": wrong[:WRONG_MAX],
        "wrong_count": found.slow_count + found.cases_open_count - _open_and_slow(found),
        "blind": [system for system in found.systems if system.blind is not None],
        "flights": [_flight(service, change) for change in found.in_flight],
        "ended": [change for change in found.last_changes if ChangeState(change.state).is_final][:LAST_MAX],
        "summary": _summary(found, len(yes)),
    }
    return asked.page("overview.html", "overview", context, fragments=("now",))


def wrong_rows(found: Overview) -> list[Wrong]:
    """What is slow now, then what has an open case and was not found slow by the last look; worst first in each."""
    open_cases = {case.id: case for case in found.findings}
    slow = [_slow(row, open_cases.get(row.case_id or 0)) for row in found.slow]
    told = {row.case_id for row in found.slow}
    seen = {system.name for system in found.systems if system.blind is None}
    rest = [_still_open(case, is_over=case.system in seen) for case in found.findings if case.id not in told]
    return [*slow, *rest]


def _open_and_slow(found: Overview) -> int:
    """What is counted among the slow queries and among the open cases."""
    return sum(row.case_state is not None and row.case_state not in OUTCOMES for row in found.slow)


def _slow(row: SlowRow, case: CaseRow | None) -> Wrong:
    standing = NEW
    if row.case_state is not None:
        standing = word(OUTCOMES if row.case_state in OUTCOMES else STANDINGS, row.case_state)
    return Wrong(
        system=row.system,
        fingerprint=row.fingerprint,
        title=row.title,
        query_text=row.query_text,
        severity=row.severity,
        standing=standing,
        reason=row.case_reason,
        case_id=row.case_id,
        at_ms=row.noticed_at_ms if case is None else case.opened_at_ms,
        is_over=False,
    )


def _still_open(case: CaseRow, *, is_over: bool) -> Wrong:
    return Wrong(
        system=case.system,
        fingerprint=case.fingerprint,
        title=case.title,
        query_text=case.query_text,
        severity=case.severity,
        standing=word(STANDINGS, case.state),
        reason=case.reason,
        case_id=case.id,
        at_ms=case.opened_at_ms,
        is_over=is_over,
    )


def _summary(found: Overview, yes: int) -> list[tuple[str, str, str]]:
    """What to know first: (figure, words, tone). Nothing is counted as well that cannot be seen."""
    seen = [system for system in found.systems if system.blind is None]
    bad = any(row.severity == "critical" for row in found.slow)
    said: list[tuple[str, str, str]] = []
    if seen:
        tone = "bad" if bad else "warn" if found.slow_count else "ok"
        what = "query is slow now" if found.slow_count == 1 else "queries are slow now"
        said.append((str(found.slow_count), what, tone))
    count = found.cases_open_count
    bad = any(case.severity == "critical" for case in found.findings)
    tone = "bad" if bad else "warn" if count else "ok" if seen else "quiet"
    said.append((str(count), "open case" if count == 1 else "open cases", tone))
    if yes:
        said.append((str(yes), "waits for your yes" if yes == 1 else "wait for your yes", "warn"))
    if found.in_flight:
        flying = len(found.in_flight)
        said.append((str(flying), "change in flight" if flying == 1 else "changes in flight", "live"))
    said += _watch(found)
    return said


def _watch(found: Overview) -> list[tuple[str, str, str]]:
    """How many systems are watched well, and how the others are."""
    watched = len(found.systems)
    well = sum(system.state == "watching" and system.blind is None for system in found.systems)
    if well == watched:
        tone = "ok" if watched else "quiet"
        return [(str(watched), "system watched" if watched == 1 else "systems watched", tone)]
    states: dict[str, int] = {}
    for system in found.systems:
        if system.state != "watching" or system.blind is not None:
            name = system.state if system.state != "watching" else "blind"
            states[name] = states.get(name, 0) + 1
    return [
        (
            f"{count} of {watched}",
            f"{'system' if watched == 1 else 'systems'} {_STATE_WORDS.get(name, name)}",
            _tone(name),
        )
        for name, count in states.items()
    ]


_STATE_WORDS = {"blind": "not seen yet", "not_watched": "not watched"}


def _tone(state: str) -> str:
    return "info" if state == "blind" else word(SYSTEM_STATES, state).tone


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
