"""What happened on systems in a range: findings, builds, verdicts, and what befell the servers."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.app.detecting.words import said_of, title_of
from trimtab.app.reading.answers import Mark
from trimtab.app.reading.ranges import Range
from trimtab.model.anomalies import Source
from trimtab.model.change import Change, ChangeState
from trimtab.model.change_points import KeptChangePoint
from trimtab.observe.postgres.facts import EventKind
from trimtab.store.anomaly_state import AnomalyState, Sort, Wanted
from trimtab.store.change_point_state import change_points_between
from trimtab.store.state import State
from trimtab.store.state_of_shapes import cases_between, changes_between
from trimtab.store.telemetry import TelemetryStore

MARKS_MAX = 200
EVENTS = (
    EventKind.CONNECTION_LOST,
    EventKind.SERVER_RESTARTED,
    EventKind.STATISTICS_RESET,
    EventKind.SETTING_CHANGED,
)
"""Events of a server that explain a step in a line."""

_EVENTS = (
    "SELECT toString(system) AS name, happened_at_ms, message FROM server_events"
    " WHERE system IN {systems:Array(String)} AND kind IN {kinds:Array(String)}"
    " AND happened_at_ms >= {start:Int64} AND happened_at_ms < {end:Int64}"
    f" ORDER BY happened_at_ms DESC LIMIT {MARKS_MAX}"
)

_PLANS = (
    "SELECT toString(system) AS name, happened_at_ms, message FROM server_events"
    " WHERE system IN {systems:Array(String)} AND kind = {plan:String}"
    " AND arrayExists(words_ -> startsWith(message, words_), {words:Array(String)})"
    " AND happened_at_ms >= {start:Int64} AND happened_at_ms < {end:Int64}"
    f" ORDER BY happened_at_ms DESC LIMIT {MARKS_MAX}"
)


def marks_of(
    telemetry: TelemetryStore,
    state: State,
    systems: Sequence[str],
    within: Range,
    fingerprints: Sequence[str] = (),
    *,
    is_of_shapes: bool = False,
    has_levels: bool = True,
) -> tuple[Mark, ...]:
    """The newest marks, oldest first; changes of plans are those of the shapes that are named.

    `is_of_shapes`: nothing but these shapes is looked at, so that findings of other queries are left out, and of a
    change that was made for another one that is said. `has_levels`: changes of level are among them.
    """
    if not systems:
        return ()
    found = [
        Mark(case.opened_at_ms, None, "finding", case.finding.title, case.system, case.id, case.change_id)
        for case in cases_between(state.database, systems, within.from_ms, within.to_ms)
        if not is_of_shapes or case.fingerprint in fingerprints
    ]
    for change in changes_between(state.database, systems, within.from_ms, within.to_ms):
        is_of_another = is_of_shapes and change.proposal.fingerprint not in fingerprints
        found.extend(_marks_of_change(change, ", for another query" if is_of_another else ""))
    kinds = [kind.value for kind in EVENTS]
    window = {"systems": list(systems), "kinds": kinds, "start": within.from_ms, "end": within.to_ms}
    events = telemetry.query(_EVENTS, window).to_pylist()
    if fingerprints:
        plans = window | {"plan": EventKind.PLAN_CHANGED.value, "words": [f"plan of {one} " for one in fingerprints]}
        events += telemetry.query(_PLANS, plans).to_pylist()
    if has_levels:
        found.extend(_levels(state, systems, within, fingerprints, is_of_shapes))
    if is_of_shapes:
        found.extend(_odd(state, systems, within, fingerprints))
    found.extend(Mark(row["happened_at_ms"], None, "event", row["message"], row["name"]) for row in events)
    inside = [mark for mark in found if within.from_ms <= (mark.end_ms or mark.at_ms) and mark.at_ms < within.to_ms]
    return tuple(sorted(inside, key=lambda mark: (mark.at_ms, mark.kind, mark.label))[-MARKS_MAX:])


def _levels(
    state: State, systems: Sequence[str], within: Range, fingerprints: Sequence[str], is_of_shapes: bool
) -> list[Mark]:
    """Changes of level of the systems themselves and of the shapes named; of all shapes where none is named."""
    found = change_points_between(state.database, systems, within.from_ms, within.to_ms)
    return [
        Mark(one.at_ms, None, "event", f"change point: {one.title} {_moved(one)}", one.system)
        for one in found
        if (one.fingerprint in fingerprints if is_of_shapes else not fingerprints or one.fingerprint in fingerprints)
    ]


def _odd(state: State, systems: Sequence[str], within: Range, fingerprints: Sequence[str]) -> list[Mark]:
    """Times in which these shapes were not as expected."""
    wanted = Wanted(within.from_ms, within.to_ms, source=Source.QUERY)
    _, found = AnomalyState(state.database).find(wanted, Sort.NEWEST, within.to_ms, MARKS_MAX)
    return [
        Mark(
            one.start_ms, None, "event", f"anomaly: {title_of(one.series)}: {said_of(one)}", one.series.labels["system"]
        )
        for one in found
        if one.series.labels["system"] in systems and one.series.labels["fingerprint"] in fingerprints
    ]


def _moved(one: KeptChangePoint) -> str:
    by = f"{one.ratio:.3g}×" if one.ratio is not None else f"{one.before:.3g} → {one.after:.3g} {one.unit}".strip()
    return f"{by}{' (provisional)' if one.provisional else ''}"


def _marks_of_change(change: Change, besides: str) -> list[Mark]:
    if change.apply_started_at_ms is None:
        return []
    where = (change.system, change.case_id, change.id)
    summary = f"{change.proposal.summary}{besides}"
    marks = [Mark(change.apply_started_at_ms, change.applied_at_ms, "change", summary, *where)]
    if change.finished_at_ms is not None:
        said = {ChangeState.KEPT: "kept", ChangeState.ROLLED_BACK: "rolled back"}.get(change.state, change.state.value)
        label = f"{said}: {summary}"
        marks.append(Mark(change.finished_at_ms, None, "verdict", label, *where))
    return marks
