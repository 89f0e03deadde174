"""`/cases/{id}`: one case from the finding to the verdict, with everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.responses import Response

from trimtab.app.objectives.cases import name_of
from trimtab.app.reading.answers import CaseStory
from trimtab.app.reading.plans import StoredPlan, plans, plans_of_change
from trimtab.app.reading.ranges import DEFAULT_TO, RANGE_MS_MAX, Range
from trimtab.app.service import Service
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change, ChangeState, CheckResult, Effect, LedgerEntry, Proposal
from trimtab.model.errors import NotFound
from trimtab.model.finding import Evidence
from trimtab.web import render
from trimtab.web.pages.cases.consequences import Approval, WayBack, approval, statement_of, way_back
from trimtab.web.pages.cases.steps import steps_of
from trimtab.web.pages.frame import FRAME, Asked
from trimtab.web.view import Message, RangeView, segment
from trimtab.web.words import CHANGE_STATES, CHECKS, EVENTS, EVIDENCE, STANDINGS, Word, sentence, title, word

MARGIN_MS_MIN = 60_000
RANGE_MS_MIN = 300_000
"""A chart of a piece of evidence shows at least this much, with a margin on both sides."""

NOTICES: Mapping[str, Message] = {
    "approved": Message("Approved. trimtab begins as soon as guards and checks agree; nothing has been touched yet."),
    "rejected": Message("Rejected. Nothing was touched.", "quiet"),
    "rollback": Message("Written down: it is taken back by the next step of the loop.", "warn"),
}
"""What `?notice=` may say: a word chosen here, never a text from the address."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why what was asked for was not done: the reason, and what happened since the page was drawn."""

    action: str
    message: str
    status: int
    meanwhile: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What the visitor had typed when it went wrong; it goes back into the form."""

    values: Mapping[str, str] = field(default_factory=dict)
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the visitor may decide now, and why not where not."""

    needs_yes: bool
    by_policy: bool
    is_approved: bool
    can_reject: bool
    can_roll_back: bool
    is_rolling_back: bool
    approval: Approval | None
    way_back: WayBack | None
    why_not: str | None
    waits_for: str | None

    @property
    def heading(self) -> str:
        """What the panel is about."""
        if self.needs_yes:
            return "Waits for your yes"
        if self.is_approved:
            return "Approved"
        if self.by_policy:
            return "Begins by itself"
        return "Taking it back" if self.can_roll_back or self.is_rolling_back else "Decision"

    @property
    def is_open(self) -> bool:
        """Whether there is anything to decide, or something is on its way."""
        return self.needs_yes or self.is_approved or self.can_reject or self.can_roll_back or self.is_rolling_back


@dataclass(frozen=True, slots=True)
class Checks:
    """The last checks, and how many of them said what. One that is not configured has not passed."""

    rows: tuple[CheckResult, ...]
    at_ms: int | None
    failed: int
    passed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of evidence with the way to its chart."""

    evidence: Evidence
    href: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One line of before and after."""

    name: str
    before_ms: float | None
    after_ms: float | None
    source: str

    @property
    def ratio(self) -> float | None:
        """After ÷ before, None where one of them is not known."""
        if self.before_ms is None or self.after_ms is None or self.before_ms <= 0:
            return None
        return self.after_ms / self.before_ms


def case(asked: Asked) -> Response:
    """The page."""
    return draw(asked, asked.number("case_id"), Said())


def draw(asked: Asked, case_id: int, said: Said) -> Response:
    """The page, also after a form that did not work: then with what was typed, and with what happened meanwhile."""
    if asked.fragment == FRAME:
        return asked.page("case.html", "cases", {})
    if asked.fragment not in (None, "article"):
        raise NotFound(f"this page has no part {str(asked.fragment)[:50]!r}", field="fragment")
    story = asked.service.read.case(case_id)
    notice = NOTICES.get(asked.query("notice"))
    view = asked.view("cases", messages=[] if notice is None else [notice], path=f"/cases/{case_id}")
    home = home_of(story, asked.service.now_ms())
    if not asked.query("from") and not asked.query("to"):
        view = replace(view, range=home)
    context = {**context_of(asked.service, story, said), "home": home, "scripts": ("js/tt-plan.js",)}
    status = 200 if said.trouble is None else said.trouble.status
    return render.html(render.page("case.html", view, context, asked.fragment), status)


def home_of(story: CaseStory, now_ms: int) -> RangeView:
    """The range that the page opens with: from before the finding to after the verdict, or to now."""
    case, change = story.case, story.change
    starts = [case.finding.noticed_at_ms, *(item.window_start_ms for item in case.finding.evidence)]
    ends = [case.finding.noticed_at_ms, *(item.window_end_ms for item in case.finding.evidence)]
    if change is not None and change.finished_at_ms is not None:
        ends.append(change.finished_at_ms)
    if change is not None and change.effect is not None:
        starts.append(change.effect.before_start_ms)
        ends.append(change.effect.after_end_ms)
    is_alive = case.verdict is None
    start_ms, end_ms = min(starts), now_ms if is_alive else min(max(ends), now_ms)
    margin_ms = max(MARGIN_MS_MIN, (end_ms - start_ms) // 8, (RANGE_MS_MIN - end_ms + start_ms) // 2)
    from_ms = max(start_ms - margin_ms, end_ms - RANGE_MS_MAX + 2 * margin_ms, 0)
    to_ms = now_ms if is_alive else min(end_ms + margin_ms, now_ms)
    return RangeView(str(from_ms), DEFAULT_TO if is_alive else str(to_ms), Range(from_ms, to_ms, is_alive))


def context_of(service: Service, story: CaseStory, said: Said) -> dict[str, object]:
    """Everything that the template shows."""
    proposal = story.change.proposal if story.change is not None else next(iter(story.case.proposals), None)
    effect = effect_of(story)
    decision = decision_of(service, story, proposal)
    before, after = plans_of(service, story)
    rows, checked_at_ms = _checks(service, story)
    return {
        "title": f"Case {story.case.id}",
        "charts": True,
        "story": story,
        "case": story.case,
        "change": story.change,
        "proposal": proposal,
        "others": tuple(p for p in story.case.proposals if proposal is None or p.content_hash != proposal.content_hash),
        "standing": standing_of(story.case, story.change),
        "sentence": sentence_of(story),
        "steps": steps_of(story.case, story.change, story.ledger, by_policy=decision.by_policy),
        "sections": sections_of(story, decision),
        "evidence": tuple(_shown(story.case, item) for item in story.case.finding.evidence),
        "decision": decision,
        "checks": checks_of(rows, checked_at_ms),
        "effect": effect,
        "quantities": () if effect is None else quantities_of(effect),
        "statement": None if proposal is None else statement_of(proposal, story.change),
        "shape_href": shape_href(story.case),
        "shape_link": lambda fingerprint: shape_href(story.case, fingerprint),
        "objective": name_of(story.case),
        "chart": chart_of(story.case),
        "plan_before": before,
        "plan_after": after,
        "chain": service.chain(),
        "event_words": lambda name: word(EVENTS, name),
        "check_titles": lambda name: title(CHECKS, name),
        "evidence_titles": EVIDENCE,
        "said": said.values,
        "trouble": said.trouble,
    }


def sections_of(story: CaseStory, decision: Decision) -> tuple[str, ...]:
    """The parts of the page that are there, by their ids; the steps lead to them."""
    change = story.change
    there = {
        "finding": True,
        "proposal": True,
        "decision": decision.is_open or decision.why_not is not None,
        "checks": change is not None,
        "case-ledger": bool(story.ledger),
        "effect-panel": change is not None and change.apply_started_at_ms is not None,
    }
    return tuple(name for name, is_there in there.items() if is_there)


def standing_of(case: Case, change: Change | None) -> Word:
    """The verdict, else where the change stands, else where the case stands."""
    if case.verdict is not None:
        return word(STANDINGS, case.verdict)
    return word(STANDINGS, case.state) if change is None else word(CHANGE_STATES, change.state)


def sentence_of(story: CaseStory) -> str:
    """Where the case stands, in a sentence or two."""
    case, change = story.case, story.change
    if case.verdict is not None:
        meaning = word(STANDINGS, case.verdict).meaning
        return f"{meaning} {sentence(case.reason)}".strip()
    if change is None:
        if name_of(case) is not None:
            return "Its error budget is spent much faster than it may be. The case is closed when that is over."
        return (
            sentence(case.reason) or "Statements of this query are collected with real values, then advice is sought."
        )
    if story.judgement is not None and change.state is ChangeState.WATCHING:
        return f"{word(CHANGE_STATES, change.state).meaning} {sentence(story.judgement.reason)}"
    said = story.waits_for if change.state is ChangeState.PROPOSED else change.reason
    if change.state is ChangeState.PROPOSED and said is not None and said.startswith("a person's yes"):
        return "Proposed, and nothing has been touched. It begins with a person's yes."
    return f"{word(CHANGE_STATES, change.state).meaning} {'It waits: ' + said + '.' if said else ''}".strip()


def decision_of(service: Service, story: CaseStory, proposal: Proposal | None) -> Decision:
    """What may be decided now."""
    change = story.change
    policy = service.policy_of(story.case.system)
    if change is None or proposal is None:
        return Decision(False, False, False, False, False, False, None, None, None, None)
    system = next((known for known in service.state.systems() if known.name == story.case.system), None)
    autonomy = policy.create_index.autonomy
    is_proposed = change.state is ChangeState.PROPOSED
    is_approved = is_proposed and service.machine.is_approved(change)
    why_not = None
    if is_proposed and system is None:
        why_not = f"{story.case.system} is not watched any more"
    elif is_proposed and system is not None and system.change_reference is None:
        why_not = "no connection for changes was given for this system: trimtab only proposes here"
    elif is_proposed and autonomy is Autonomy.OBSERVE:
        why_not = "policy lets trimtab only look here"
    is_rolling_back = story.undo is not None and story.undo.state == "running"
    return Decision(
        needs_yes=service.waits_for_yes(change),
        by_policy=is_proposed and why_not is None and autonomy is Autonomy.AUTO and not service.waits_for_yes(change),
        is_approved=is_approved,
        can_reject=change.state in _UNTOUCHED,
        can_roll_back=change.state in _TOUCHED and not is_rolling_back,
        is_rolling_back=is_rolling_back,
        approval=approval(proposal, change, policy) if is_proposed and why_not is None else None,
        way_back=way_back(policy),
        why_not=why_not,
        waits_for=_waits_for(service, change) if is_proposed and why_not is None else None,
    )


def _waits_for(service: Service, change: Change) -> str | None:
    """What else than a person's yes keeps it from beginning now."""
    guards = service.machine.guards(change.id)
    said = [result.message for result in guards if result.passed is False and result.name != "autonomy"]
    return "; ".join(said) or None


_UNTOUCHED = (ChangeState.PROPOSED, ChangeState.CHECKED, ChangeState.CHECKPOINTED)
_TOUCHED = (ChangeState.APPLYING, ChangeState.WATCHING)


def checks_of(rows: Sequence[CheckResult], at_ms: int | None) -> Checks:
    """Failed ones first, then those that could not be made, then the passed ones; within each as they were made."""
    ordered = sorted(rows, key=lambda row: (row.passed is not False, row.passed is not None))
    return Checks(
        tuple(ordered),
        at_ms,
        failed=sum(row.passed is False for row in rows),
        passed=sum(row.passed is True for row in rows),
        unknown=sum(row.passed is None for row in rows),
    )


def effect_of(story: CaseStory) -> Effect | None:
    """What was measured, or what the running watch says so far."""
    if story.change is not None and story.change.effect is not None:
        return story.change.effect
    return None if story.judgement is None else story.judgement.effect


def quantities_of(effect: Effect) -> tuple[Quantity, ...]:
    """Mean and quantiles, before and after."""
    spans = "spans of the application"
    return (
        Quantity("mean", effect.mean_before_ms, effect.mean_after_ms, "pg_stat_statements"),
        Quantity("p95", effect.p95_before_ms, effect.p95_after_ms, spans),
        Quantity("p99", effect.p99_before_ms, effect.p99_after_ms, spans),
    )


@dataclass(frozen=True, slots=True)
class CaseChart:
    """What the chart of a case shows."""

    title: str
    keys: tuple[str, ...]
    unit: str


def chart_of(case: Case) -> CaseChart:
    """The mean of its query; of an objective, how fast its budget burns."""
    objective = name_of(case)
    if objective is not None:
        return CaseChart("Burn rate", (f"objective/{objective}/burn",), "×")
    return CaseChart("Mean execution time", (f"shape/{case.system}/{case.fingerprint}/mean_ms",), "ms")


def shape_href(case: Case, fingerprint: str | None = None) -> str:
    """The page of what the case is about (a query, or an objective), or of another query of its system."""
    objective = name_of(case)
    if objective is not None and fingerprint is None:
        return f"/objectives/{segment(objective)}"
    return f"/queries/{segment(case.system)}/{segment(fingerprint or case.fingerprint)}"


def _shown(case: Case, evidence: Evidence) -> Shown:
    length_ms = evidence.window_end_ms - evidence.window_start_ms
    margin_ms = max(MARGIN_MS_MIN, length_ms // 2, (RANGE_MS_MIN - length_ms) // 2)
    from_ms, to_ms = evidence.window_start_ms - margin_ms, evidence.window_end_ms + margin_ms
    return Shown(evidence, f"{shape_href(case)}?from={from_ms}&to={to_ms}")


def _checks(service: Service, story: CaseStory) -> tuple[Sequence[CheckResult], int | None]:
    """The last checks that were made; before the first, what the guards say now."""
    if story.checks or story.change is None or story.change.state is not ChangeState.PROPOSED:
        return story.checks, story.checked_at_ms
    return service.machine.guards(story.change.id), None


def plans_of(service: Service, story: CaseStory) -> tuple[StoredPlan | None, StoredPlan | None]:
    """The plan before and the plan after; None where none was taken."""
    if story.change is not None:
        found = plans_of_change(service.telemetry, story.change)
        return found.before, found.after
    return next(iter(plans(service.telemetry, story.case.system, story.case.fingerprint, 1)), None), None
