"""Cases in every state, with changes and ledger, as a day of the loop leaves them: told with a clock set by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import msgspec

from benchmarks.day.facts import Episode
from benchmarks.day.shapes import HotShape
from trimtab.act.approvals import content_hash
from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.change import (
    Change,
    ChangeState,
    CheckResult,
    Effect,
    Judgement,
    JudgementKind,
    Proposal,
    Risk,
)
from trimtab.model.finding import Evidence, Finding, FindingKind, Severity
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.index_ddl import create_statement, index_name
from trimtab.store.ledger import Event
from trimtab.store.state import State

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WATCHED_MS = 3 * MINUTE_MS
SOURCE = "sum(total_exec_time_ms) / sum(calls) from query_executions, by slices"


class Past:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at_ms = 0

    def __call__(self) -> int:
        """Now, there."""
        return self.at_ms

    def wait(self, ms: float) -> None:
        """Let time pass."""
        self.at_ms += round(ms)


@dataclass(frozen=True, slots=True)
class Story:
    """How one case goes: `end` is its verdict, or where it stands now; `hours_ago` is when it began."""

    place: int
    hours_ago: float
    end: str
    ratio: float = 0.3


def stories_of(draw: Random, hot_count: int, history_count: int) -> list[Story]:
    """One case of each kind, and a history of closed ones, the oldest first."""
    now = [
        Story(0, 10.0, "kept", 0.12),
        Story(1, 7.0, "rolled_back", 1.8),
        Story(2, 0.4, "watching", 0.25),
        Story(3, 0.2, "open"),
        Story(4, 1.5, "proposed", 0.35),
        Story(5, 2.5, "blocked", 0.4),
        Story(6, 5.0, "inconclusive", 0.97),
        Story(7, 4.0, "failed", 0.5),
        Story(8, 6.0, "no_advice"),
        Story(9, 3.0, "rejected", 0.6),
    ]
    ends = ("kept", "kept", "kept", "rolled_back", "inconclusive", "no_advice", "failed", "rejected")
    past = []
    for number in range(history_count):
        end = draw.choice(ends)
        ratio = {"rolled_back": draw.uniform(1.2, 3.0), "inconclusive": draw.uniform(0.95, 1.05)}.get(
            end, draw.uniform(0.05, 0.8)
        )
        past.append(Story(10 + number % max(1, hot_count - 10), 11.0 + 0.2 * number, end, ratio))
    return sorted(past + now, key=lambda story: -story.hours_ago)


def episodes_of(stories: Sequence[Story], end_ms: int) -> list[Episode]:
    """What the changes did to the shapes: a kept one for good, one that is rolled back while it was there."""
    found = []
    for story in stories:
        applied_ms = end_ms - round(story.hours_ago * HOUR_MS) + 4 * MINUTE_MS
        if story.end in ("kept", "watching"):
            found.append(Episode(story.place, applied_ms, end_ms, story.ratio))
        elif story.end == "rolled_back":
            found.append(Episode(story.place, applied_ms, applied_ms + WATCHED_MS, story.ratio))
    return found


def tell(state: State, clock: Past, hot: Sequence[HotShape], stories: Sequence[Story], end_ms: int, seed: int) -> None:
    """Write all cases into a state that was opened with this clock."""
    for number, story in enumerate(stories):
        clock.at_ms = end_ms - round(story.hours_ago * HOUR_MS)
        _Teller(state, clock, hot[story.place], story, Random(seed * 1000 + number)).tell()
    clock.at_ms = end_ms


class _Teller:
    def __init__(self, state: State, clock: Past, hot: HotShape, story: Story, draw: Random) -> None:
        self._state = state
        self._clock = clock
        self._hot = hot
        self._story = story
        self._draw = draw

    def tell(self) -> None:
        case = self._state.open_case(self._finding(), self._hot.shape.text)
        if self._story.end == "open":
            return
        self._clock.wait(40_000)
        if self._story.end == "no_advice":
            reason = "no index helps: every candidate leaves the estimated cost within 5 % of what it is"
            self._state.update_case(case.id, verdict=Verdict.NO_ADVICE, reason=reason)
            return
        proposal = self._proposal()
        self._state.update_case(case.id, state=CaseState.PROPOSED, proposals=[proposal])
        change = self._state.create_change(case.id, proposal)
        self._clock.wait(20_000)
        self._go_on(case, change)

    def _go_on(self, case: Case, change: Change) -> None:
        end = self._story.end
        if end == "proposed":
            return
        if end == "blocked":
            reason = "the baseline has 31 quiet slices, 120 are needed"
            checks = self._checks(failing="baseline", message=reason)
            detail = {"reason": reason, "blocking": ["baseline"], "checks": checks}
            self._append(change.id, Event.BLOCKED, ChangeState.PROPOSED, detail)
            return
        if end == "rejected":
            self._append(
                change.id, Event.REJECTED, ChangeState.REJECTED, {"reason": "rejected by anna: not today"}, "anna"
            )
            return
        expires_at_ms = self._clock.at_ms + 24 * HOUR_MS
        approval = {"content_hash": change.proposal.content_hash, "expires_at_ms": expires_at_ms}
        self._append(change.id, Event.APPROVED, ChangeState.PROPOSED, approval, "anna")
        self._append(change.id, Event.CHECKED, ChangeState.CHECKED, {"checks": self._checks()})
        undo = self._undo(change)
        self._append(change.id, Event.CHECKPOINTED, ChangeState.CHECKPOINTED, {"undo": undo})
        self._append(change.id, Event.APPLY_INTENDED, ChangeState.APPLYING, {"attempt": 1})
        self._clock.wait(15_000)
        if end == "failed":
            reason = "could not build: canceling statement due to lock timeout (attempt 1)"
            told = {"reason": reason, "final": "failed"}
            self._append(change.id, Event.ROLLBACK_INTENDED, ChangeState.APPLYING, told)
            self._append(
                change.id, Event.UNDONE, ChangeState.FAILED, {"reason": reason, "rollback": {"outcome": "removed"}}
            )
            return
        oid = 16_384 + case.id
        self._append(change.id, Event.NOTED, ChangeState.APPLYING, {"undo": {"index_oid": oid}})
        self._clock.wait(165_000)
        applied = {
            "index_oid": oid,
            "index_name": undo["index_name"],
            "definition": undo["statement"],
            "size_bytes": change.proposal.size_bytes,
            "build_s": 164.2,
            "already_there": False,
            "analyzed": False,
            "undo": {"index_oid": oid},
        }
        self._append(change.id, Event.APPLIED, ChangeState.WATCHING, applied)
        if end == "watching":
            return
        self._clock.wait(WATCHED_MS)
        self._end(change)

    def _end(self, change: Change) -> None:
        effect = self._effect()
        low, high = effect.interval_90
        match self._story.end:
            case "kept":
                reason = f"proven faster: {effect.ratio:.2f} of what it took, between {low:.2f} and {high:.2f}"
                detail = self._judged(effect, JudgementKind.KEEP, reason)
                self._append(change.id, Event.KEPT, ChangeState.KEPT, detail)
            case "rolled_back":
                reason = f"proven slower: {effect.ratio:.2f} times what it took, between {low:.2f} and {high:.2f}"
                detail = self._judged(effect, JudgementKind.ROLL_BACK, reason)
                self._take_back(change, detail, ChangeState.ROLLED_BACK)
            case _:
                reason = "nothing was proven within 120 slices; taken back"
                detail = self._judged(effect, JudgementKind.INCONCLUSIVE, reason)
                self._take_back(change, detail, ChangeState.INCONCLUSIVE)

    def _take_back(self, change: Change, detail: dict[str, object], final: ChangeState) -> None:
        told = {**detail, "final": final.value}
        self._append(change.id, Event.ROLLBACK_INTENDED, ChangeState.WATCHING, told)
        self._clock.wait(2_000)
        self._append(change.id, Event.UNDONE, final, {**detail, "rollback": {"outcome": "removed", "tries": 1}})

    def _append(
        self, change_id: str, event: str, state: ChangeState, detail: Mapping[str, object], actor: str = "trimtab"
    ) -> None:
        self._clock.wait(1_000)
        change = self._state.change(change_id)
        self._state.append(change_id, change.ledger_seq, event, state, actor, detail)

    def _finding(self) -> Finding:
        mean_ms, end_ms = self._hot.mean_ms, self._clock.at_ms
        broken = mean_ms > 50
        why = (
            f"mean {mean_ms:.1f} ms is over the objective of 50 ms"
            if broken
            else f"carries 12% of all execution time at {mean_ms:.1f} ms a call"
        )

        def evidence(name: str, value: float, unit: str, interval: tuple[float, float] | None = None) -> Evidence:
            return Evidence(name, value, unit, end_ms - 300_000, end_ms, SOURCE, 300, interval)

        return Finding(
            system=self._hot.shape.system,
            fingerprint=self._hot.shape.fingerprint,
            kind=FindingKind.OBJECTIVE_BROKEN if broken else FindingKind.CARRIES_LOAD,
            severity=Severity.CRITICAL if mean_ms > 90 else Severity.WARNING,
            noticed_at_ms=end_ms,
            title=why,
            confidence=1.0,
            evidence=(
                evidence("mean_exec_time_ms", mean_ms, "ms", (0.95 * mean_ms, 1.06 * mean_ms)),
                evidence("calls_per_s", self._hot.calls_per_s, "1/s"),
                evidence("load_share", min(0.4, mean_ms * self._hot.calls_per_s / 2000), "ratio"),
                evidence("limit_ms", 50.0, "ms"),
            ),
        )

    def _proposal(self) -> Proposal:
        shape, ratio = self._hot.shape, self._predicted()
        table = shape.tables[0] if shape.tables else "public.orders"
        schema, _, name = table.partition(".")
        columns = self._draw.sample(["tenant_id", "status", "created_at", "user_id", "kind"], 2)
        index = IndexDefinition(schema, name, tuple(IndexKey(column) for column in columns))
        load = self._hot.mean_ms * self._hot.calls_per_s
        proposal = Proposal(
            system=shape.system,
            fingerprint=shape.fingerprint,
            kind="create_index",
            target=table,
            index=index,
            summary=f"index on {name} ({', '.join(columns)})",
            predicted_ratio=ratio,
            predicted_interval_90=(ratio * 0.6, min(1.2, ratio * 1.7)),
            interval_source="38 earlier predictions on other systems",
            gain_ms_per_s=load * (1 - ratio),
            write_cost_ms_per_s=1.3,
            size_bytes=self._draw.randrange(4, 400) * 1024 * 1024,
            build_time_s=160.0,
            risk=Risk.LOW,
            risk_reasons=("the table is written 12 times a second",),
            verified=("the planner would use it on 12 of 12 parameter sets",),
            not_verified=("how warm the cache will be",),
            parameters_source="12 statements seen with real parameters",
            tables=(table,),
            cost_before=18_000.0,
            cost_after=18_000.0 * ratio,
        )
        return replace(proposal, content_hash=content_hash(proposal))

    def _predicted(self) -> float:
        return 0.2 if self._story.end == "rolled_back" else min(0.9, self._story.ratio * self._draw.uniform(0.7, 1.3))

    def _undo(self, change: Change) -> dict[str, object]:
        definition = change.proposal.index
        name = index_name(definition, change.id)
        return {
            "schema": definition.schema,
            "table": definition.table,
            "table_oid": 16_000,
            "index_name": name,
            "statement": create_statement(definition, name, concurrently=True),
            "method": "btree",
            "columns": [2, 5],
            "options": [0, 0],
            "has_predicate": False,
            "indexes_before": [[16_001, f"CREATE UNIQUE INDEX {definition.table}_pkey ON {definition.relation} (id)"]],
            "index_oid": None,
        }

    def _effect(self) -> Effect:
        ratio, at_ms, before = self._story.ratio, self._clock.at_ms, self._hot.mean_ms
        return Effect(
            fingerprint=self._hot.shape.fingerprint,
            ratio=ratio,
            interval_90=(ratio * 0.9, ratio * 1.12),
            raw_ratio=ratio * 0.97,
            mean_before_ms=before,
            mean_after_ms=before * ratio,
            calls_before=360,
            calls_after=180,
            slices_before=120,
            slices_after=60,
            before_start_ms=at_ms - WATCHED_MS - 10 * MINUTE_MS,
            before_end_ms=at_ms - WATCHED_MS - 4 * MINUTE_MS,
            after_start_ms=at_ms - WATCHED_MS + 6_000,
            after_end_ms=at_ms,
            control_ratio=0.99,
            controls=("0123456789abcdef", "fedcba9876543210"),
            p95_before_ms=before * 2.1,
            p95_after_ms=before * ratio * 2.2,
            p99_before_ms=before * 3.4,
            p99_after_ms=before * ratio * 3.3,
        )

    def _judged(self, effect: Effect, kind: JudgementKind, reason: str) -> dict[str, object]:
        judgement = Judgement(kind, reason, effect, total_gain_ms_per_s=self._hot.mean_ms * (1 - effect.ratio))
        return {"effect": msgspec.to_builtins(effect), "judgement": msgspec.to_builtins(judgement), "reason": reason}

    def _checks(self, failing: str = "", message: str = "") -> list[object]:
        def passing(name: str, observed: str, limit: str) -> CheckResult:
            said = message if name == failing else f"{name}: {observed}"
            return CheckResult(name, name != failing, observed, limit, said)

        return [
            msgspec.to_builtins(result)
            for result in (
                passing("kill_switch", "off", "off"),
                passing("autonomy", "approved by anna", "approve"),
                passing("changes_per_hour", "1", "12"),
                passing("baseline", "240 slices", "120 slices"),
                passing("disk_free", "81 GB", "0.9 GB"),
                CheckResult("replica_lag", None, "no replica", "256 MB", "there is no replica"),
            )
        ]
