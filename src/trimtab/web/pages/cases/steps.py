"""A case as seven steps, from the finding to the verdict, as far as it has come. Drawn at the top of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.model.case import Case, Verdict
from trimtab.model.change import Change, ChangeState, LedgerEntry
from trimtab.store.ledger import Event
from trimtab.web.words import STANDINGS, word

DONE, NOW, TODO, MISSED = "done", "now", "todo", "missed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `status` is `done`, `now`, `todo`, or `missed` where the case ended before it."""

    title: str
    status: str
    at_ms: int | None = None
    note: str = ""
    section: str | None = None
    """The id of the part of the page that tells of it, where there is one."""
    end: str | None = None
    """How the end is drawn: a tone; None for a step on the way."""


SECTIONS = ("finding", "proposal", "decision", "checks", "case-ledger", "effect-panel")


def steps_of(
    case: Case, change: Change | None, ledger: Sequence[LedgerEntry], *, by_policy: bool = False
) -> tuple[Step, ...]:
    """The seven steps of a case; `by_policy` where a proposed change needs nobody's yes."""
    last = {entry.event: entry for entry in ledger}
    reached: list[tuple[str, int | None, str]] = [
        ("Noticed", case.finding.noticed_at_ms, ""),
        ("Proposed", None if change is None else change.created_at_ms, ""),
        ("Approved", *_approved(change, last, by_policy=by_policy)),
        ("Checked", _at(last, Event.CHECKED), ""),
        ("Made", None if change is None else change.applied_at_ms, ""),
        ("Measured", *_measured(change)),
    ]
    if change is None and case.proposals:
        reached[1] = ("Proposed", case.updated_at_ms, "advice only")
    furthest = max((number for number, (_, at_ms, _) in enumerate(reached) if at_ms is not None), default=0)
    is_over = case.verdict is not None
    steps = [
        Step(title, _status(number, at_ms, furthest, is_over=is_over), at_ms, note, SECTIONS[number])
        for number, (title, at_ms, note) in enumerate(reached)
    ]
    if not is_over:
        return (*steps, Step("Verdict", TODO))
    ended_at_ms = case.updated_at_ms if change is None else change.finished_at_ms or case.updated_at_ms
    tone = word(STANDINGS, case.verdict).tone
    return (*steps, Step(_ENDINGS.get(str(case.verdict), "Ended"), DONE, ended_at_ms, end=tone))


_ENDINGS: Mapping[str, str] = {
    Verdict.KEPT: "Kept",
    Verdict.ROLLED_BACK: "Rolled back",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.FAILED: "Failed",
    Verdict.NO_ADVICE: "No advice",
    Verdict.REJECTED: "Rejected",
    Verdict.RECOVERED: "Recovered",
}


def _status(number: int, at_ms: int | None, furthest: int, *, is_over: bool) -> str:
    if at_ms is not None:
        return DONE
    if is_over:
        return MISSED
    return NOW if number == furthest + 1 else TODO


def _approved(change: Change | None, last: Mapping[str, LedgerEntry], *, by_policy: bool) -> tuple[int | None, str]:
    entry = last.get(Event.APPROVED)
    if entry is not None:
        return entry.at_ms, f"by {entry.actor}"
    if change is not None and by_policy:
        return change.created_at_ms, "by policy"
    if change is not None and change.apply_started_at_ms is not None:
        return _at(last, Event.CHECKED), "by policy"
    return None, ""


def _measured(change: Change | None) -> tuple[int | None, str]:
    if change is None or change.effect is None or not change.state.is_final:
        return None, ""
    return change.effect.after_end_ms, ""


def _at(last: Mapping[str, LedgerEntry], event: str) -> int | None:
    entry = last.get(event)
    return None if entry is None else entry.at_ms


@dataclass(frozen=True, slots=True)
class StateNode:
    """One state in the drawing of the state machine. `status` as in `Step`; `at_ms` is when it was last entered."""

    state: ChangeState
    status: str
    at_ms: int | None


def state_nodes(change: Change, ledger: Sequence[LedgerEntry], order: Sequence[ChangeState]) -> tuple[StateNode, ...]:
    """The states of `order` for one change: passed, current, still to come."""
    entered: dict[ChangeState, int] = {}
    previous: ChangeState | None = None
    for entry in ledger:
        if entry.state is not previous:
            entered[entry.state] = entry.at_ms
        previous = entry.state
    if change.state not in order:
        return tuple(StateNode(state, DONE if state in entered else MISSED, entered.get(state)) for state in order)
    position = list(order).index(change.state)
    return tuple(
        StateNode(state, DONE if number < position else NOW if number == position else TODO, entered.get(state))
        for number, state in enumerate(order)
    )
