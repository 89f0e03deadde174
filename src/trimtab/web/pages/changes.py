"""`/changes`: what is in flight, where it stands and until when; and what waits, and for what."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.reading.answers import ChangeRow
from trimtab.app.reading.rows import change_row
from trimtab.app.service import Service
from trimtab.model.change import Change, ChangeState, Judgement
from trimtab.web.format import duration_text
from trimtab.web.pages.cases.consequences import WayBack, way_back
from trimtab.web.pages.cases.steps import StateNode, state_nodes
from trimtab.web.pages.frame import Asked
from trimtab.web.words import CHANGE_STATES, ENDS, STEPS, Word, word

ALIVE_MAX = 500
ENTRIES_MAX = 500
LATELY = 5


@dataclass(frozen=True, slots=True)
class Flight:
    """One change in flight.

    `since_ms` is when it entered its state, `deadline_ms` when trimtab gives up, `verdict_ms` the earliest and latest
    moment of a verdict (None before it is watched). `share` (0..1) of the time to the end is gone, `gone` says so.
    """

    change: Change
    title: str
    nodes: tuple[StateNode, ...]
    word: Word
    since_ms: int
    deadline_ms: int | None
    verdict_ms: tuple[int, int] | None
    share: float | None
    gone: str
    judgement: Judgement | None
    row: ChangeRow
    way_back: WayBack
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposed change, and what it waits for."""

    change: Change
    title: str
    for_what: str | None
    needs_yes: bool


def changes(asked: Asked) -> Response:
    """The page."""
    service = asked.service
    now_ms = service.now_ms()
    alive = service.state.changes(alive=True, limit=ALIVE_MAX)
    flying = tuple(_flight(service, change, now_ms) for change in alive if change.state.is_in_flight)
    waiting = tuple(_waiting(service, change) for change in alive if not change.state.is_in_flight)
    lately: tuple[ChangeRow, ...] = service.read.changes_ever(limit=LATELY + len(flying)).rows
    context = {
        "title": "Changes",
        "flying": flying,
        "waiting": sorted(waiting, key=lambda one: (not one.needs_yes, -one.change.proposal.gain_ms_per_s)),
        "lately": tuple(row for row in lately if ChangeState(row.state).is_final)[:LATELY],
        "ends": tuple((state.value, CHANGE_STATES[state]) for state in ENDS),
        "words": CHANGE_STATES,
        "now_ms": now_ms,
    }
    return asked.page("changes.html", "changes", context, fragments=("live",), ranged=False)


def _flight(service: Service, change: Change, now_ms: int) -> Flight:
    ledger = service.state.ledger(change.id, limit=ENTRIES_MAX)
    nodes = state_nodes(change, ledger, STEPS)
    policy = service.policy_of(change.system)
    current = next((node for node in nodes if node.state is change.state), None)
    since_ms = change.updated_at_ms if current is None or current.at_ms is None else current.at_ms
    begun_ms: int | None = None
    deadline_ms: int | None = None
    verdict_ms: tuple[int, int] | None = None
    if change.state is ChangeState.APPLYING and change.apply_started_at_ms is not None:
        begun_ms = change.apply_started_at_ms
        deadline_ms = begun_ms + round(policy.create_index.build_timeout_s * 1000)
    elif change.state is ChangeState.WATCHING and change.applied_at_ms is not None:
        begun_ms, watch = change.applied_at_ms, policy.watch
        deadline_ms = begun_ms + round(watch.deadline_s * 1000)
        first = (watch.warm_up_slices + watch.batch_slices * watch.batches_min) * watch.slice_s
        last = (watch.warm_up_slices + watch.watch_slices_max) * watch.slice_s
        verdict_ms = (begun_ms + round(first * 1000), begun_ms + round(last * 1000))
    share = None
    end_ms = verdict_ms[1] if verdict_ms is not None and now_ms < verdict_ms[1] else deadline_ms
    if begun_ms is not None and end_ms is not None and end_ms > begun_ms:
        share = min(max((now_ms - begun_ms) / (end_ms - begun_ms), 0.0), 1.0)
    return Flight(
        change=change,
        title=service.state.case(change.case_id).finding.title,
        nodes=nodes,
        word=word(CHANGE_STATES, change.state),
        since_ms=since_ms,
        deadline_ms=deadline_ms,
        verdict_ms=verdict_ms,
        share=share,
        gone="" if begun_ms is None or end_ms is None else _gone(now_ms - begun_ms, end_ms - begun_ms),
        judgement=service.machine.latest(change.id),
        row=change_row(service.state, change),
        way_back=way_back(policy),
        attempts=sum(entry.event == "apply_intended" for entry in ledger),
    )


def _gone(gone_ms: int, whole_ms: int) -> str:
    """How much of a time is gone, in whole seconds.

    >>> _gone(2_345, 3_600_000), _gone(-5, 60_000)
    ('2 s of 1 h', '0 s of 1 min')
    """
    seconds = max(gone_ms, 0) // 1000
    return f"{duration_text(seconds * 1000) if seconds else '0 s'} of {duration_text(whole_ms)}"


def _waiting(service: Service, change: Change) -> Waiting:
    case = service.state.case(change.case_id)
    return Waiting(
        change=change,
        title=case.finding.title,
        for_what=service.waits_for(case),
        needs_yes=service.waits_for_yes(change),
    )
