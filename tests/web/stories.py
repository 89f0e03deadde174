"""Cases in every state, told through the ledger as the loop would, for pages to be drawn from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tests.act.support import BY_CUSTOMER, proposal
from trimtab.act.plain import judgement_detail, results_detail
from trimtab.model.case import Case, Verdict
from trimtab.model.change import Change, ChangeState, CheckResult, Effect, Judgement, JudgementKind, Proposal, Risk
from trimtab.model.finding import Evidence, Finding, FindingKind, Severity
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.system import System
from trimtab.store.ledger import Event
from trimtab.store.state import State

HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(2)>\"'&"
"""What must never come out of a page as it went in."""
HOUR_MS = 3_600_000

CHECKS = (
    CheckResult("kill_switch", True, "off", "off", "the kill switch is off"),
    CheckResult("load", False, "9 sessions", "8 sessions", "9 active sessions on 2 CPUs, the limit is 8"),
    CheckResult("change_window", None, "not configured", "not configured", "no change window is configured"),
    CheckResult("disk_free", None, "not visible", "4 B", "the server's disk is not on this machine"),
)
PASSED = tuple(check for check in CHECKS if check.passed is not False)


def finding(system: str, fingerprint: str, now_ms: int, title: str | None = None) -> Finding:
    """A finding with evidence of every kind of unit."""
    start_ms, end_ms = now_ms - HOUR_MS, now_ms - HOUR_MS + 300_000

    def seen(name: str, value: float, unit: str, interval: tuple[float, float] | None = None) -> Evidence:
        return Evidence(name, value, unit, start_ms, end_ms, f"sum({name}) from query_executions", 60, interval)

    return Finding(
        system=system,
        fingerprint=fingerprint,
        kind=FindingKind.OBJECTIVE_BROKEN,
        severity=Severity.CRITICAL,
        noticed_at_ms=end_ms,
        title=title or "mean 151.3 ms is over the objective of 50 ms",
        confidence=0.998,
        evidence=(
            seen("mean_exec_time_ms", 151.3, "ms", (140.2, 162.9)),
            seen("calls_per_s", 12.4, "1/s"),
            seen("load_share", 0.62, "ratio"),
            seen("limit_ms", 50.0, "ms"),
        ),
    )


def advised(system: str, fingerprint: str, index: IndexDefinition = BY_CUSTOMER, **other: Any) -> Proposal:
    """A proposal with everything that a person looks at."""
    told: dict[str, Any] = {
        "summary": "Create an index on public.orders (customer_id, created_at DESC): equality, then the order",
        "interval_source": "prior of 24 measured pairs",
        "gain_ms_per_s": 1723.0,
        "write_cost_ms_per_s": 3.4,
        "size_bytes": 21_474_836,
        "build_time_s": 14.2,
        "risk": Risk.MEDIUM,
        "risk_reasons": ("the table is written 40 times a second",),
        "verified": ("planned on 8 parameter sets with HypoPG", "no index that is there serves it"),
        "not_verified": ("not executed: no shadow copy", "the write cost is a model"),
        "parameters_source": "8 statements seen",
        "fingerprint": fingerprint,
    }
    return proposal(index, system, **(told | other))


def measured(fingerprint: str, now_ms: int, ratio: float = 0.0123) -> Effect:
    """An effect with quantiles."""
    return Effect(
        fingerprint=fingerprint,
        ratio=ratio,
        interval_90=(ratio * 0.9, ratio * 1.12),
        raw_ratio=ratio * 1.02,
        mean_before_ms=151.3,
        mean_after_ms=151.3 * ratio * 1.02,
        calls_before=14_880,
        calls_after=2_976,
        slices_before=240,
        slices_after=48,
        before_start_ms=now_ms - HOUR_MS,
        before_end_ms=now_ms - 1_800_000,
        after_start_ms=now_ms - 1_700_000,
        after_end_ms=now_ms - 600_000,
        control_ratio=1.02,
        controls=("00000000000000bb", "00000000000000cc", "00000000000000dd"),
        p95_before_ms=310.5,
        p95_after_ms=4.1,
    )


@dataclass
class Stories:
    """Tells stories into one state."""

    state: State
    now_ms: int
    count: int = 0

    def watch(self, name: str = "shop", *, can_change: bool = True) -> str:
        """A system that is known, and not looked at."""
        change = "service=shop_change" if can_change else None
        self.state.add_system(System(name, f"service={'shop'}", change, self.now_ms - 2 * HOUR_MS))
        return name

    def noticed(self, system: str = "shop", text: str | None = None, title: str | None = None) -> Case:
        """A case without advice."""
        self.count += 1
        fingerprint = f"{self.count:016x}"
        text = text or f"SELECT id, note FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT {self.count}"
        return self.state.open_case(finding(system, fingerprint, self.now_ms, title), text)

    def no_advice(self, reason: str = "no index would help: the query reads most of the table") -> Case:
        """A case that ended without a proposal."""
        return self.state.update_case(self.noticed().id, verdict=Verdict.NO_ADVICE, reason=reason)

    def proposed(self, system: str = "shop", **other: Any) -> Change:
        """A change that waits for a yes."""
        case = self.noticed(system)
        made = advised(system, case.fingerprint, **other)
        second = IndexDefinition("public", "orders", (IndexKey("customer_id"),))
        self.state.update_case(case.id, proposals=[made, advised(system, case.fingerprint, second)])
        return self.state.create_change(case.id, made)

    def move(self, change: Change, event: str, state: ChangeState, actor: str = "trimtab", **detail: object) -> Change:
        """One more ledger entry."""
        known = self.state.change(change.id)
        self.state.append(change.id, known.ledger_seq, event, state, actor, detail)
        return self.state.change(change.id)

    def approved(self, system: str = "shop", by: str = "anna") -> Change:
        """A change with a person's yes."""
        change = self.proposed(system)
        detail = {"content_hash": change.proposal.content_hash, "expires_at_ms": self.now_ms + HOUR_MS}
        return self.move(change, Event.APPROVED, ChangeState.PROPOSED, by, **detail)

    def applying(self, system: str = "shop") -> Change:
        """A change whose build runs."""
        change = self.approved(system)
        self.move(change, Event.CHECKED, ChangeState.CHECKED, checks=results_detail(PASSED))
        undo = {"schema": "public", "table": "orders", "index_name": f"trimtab_orders_{change.case_id}"}
        undo["statement"] = f"CREATE INDEX CONCURRENTLY {undo['index_name']} ON public.orders USING btree (customer_id)"
        self.move(change, Event.CHECKPOINTED, ChangeState.CHECKPOINTED, undo=undo)
        return self.move(change, Event.APPLY_INTENDED, ChangeState.APPLYING, attempt=1)

    def watching(self, system: str = "shop") -> Change:
        """A change under watch."""
        return self.move(self.applying(system), Event.APPLIED, ChangeState.WATCHING, build_s=12.1)

    def kept(self, system: str = "shop") -> Change:
        """A change that was proven faster."""
        change = self.watching(system)
        effect = measured(change.proposal.fingerprint, self.now_ms)
        others = (replace(measured("00000000000000ee", self.now_ms, 1.01), p95_before_ms=None),)
        said = Judgement(JudgementKind.KEEP, "proven faster: ratio 0.0123 [0.0111, 0.0138]", effect, others)
        return self.move(
            change,
            Event.KEPT,
            ChangeState.KEPT,
            reason=said.reason,
            effect=msgspec.to_builtins(effect),
            judgement=judgement_detail(said),
        )

    def rolled_back(
        self, system: str = "shop", reason: str = "other queries proven slower: 00000000000000ee"
    ) -> Change:
        """A change that harmed another query."""
        change = self.watching(system)
        effect = measured(change.proposal.fingerprint, self.now_ms, 1.4)
        harmed = replace(measured("00000000000000ee", self.now_ms, 2.2), p95_before_ms=None)
        said = Judgement(JudgementKind.ROLL_BACK, reason, effect, (harmed,), (harmed.fingerprint,))
        detail = {"effect": msgspec.to_builtins(effect), "judgement": judgement_detail(said), "reason": reason}
        self.move(change, Event.ROLLBACK_INTENDED, ChangeState.WATCHING, final="rolled_back", **detail)
        return self.move(change, Event.UNDONE, ChangeState.ROLLED_BACK, rollback={"outcome": "removed"}, **detail)

    def gone(self, system: str = "shop") -> Change:
        """A change that was measured as good and taken back by a person, after somebody had dropped its index."""
        change = self.watching(system)
        effect = msgspec.to_builtins(measured(change.proposal.fingerprint, self.now_ms))
        said = "rolled back by anna"
        self.move(change, Event.ROLLBACK_INTENDED, ChangeState.WATCHING, "anna", final="rolled_back", reason=said)
        detail = {"effect": effect, "reason": said, "rollback": {"outcome": "absent"}}
        return self.move(change, Event.UNDONE, ChangeState.ROLLED_BACK, **detail)

    def rejected(self, by: str = "anna", reason: str = "not now") -> Change:
        """A change that a person did not want."""
        return self.move(
            self.proposed(), Event.REJECTED, ChangeState.REJECTED, by, reason=f"rejected by {by}: {reason}"
        )

    def blocked(self) -> Change:
        """A change that a check holds back."""
        change = self.approved()
        said = "9 active sessions on 2 CPUs, the limit is 8"
        return self.move(
            change, Event.BLOCKED, ChangeState.PROPOSED, reason=said, blocking=["load"], checks=results_detail(CHECKS)
        )

    def failed(self) -> Change:
        """A change that could not be made."""
        change = self.applying()
        return self.move(
            change, Event.FAILED, ChangeState.FAILED, reason="public.orders was dropped since it was checked"
        )
