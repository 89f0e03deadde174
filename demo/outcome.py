"""What came out: which goals are reached, the rows of demo.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo.faults.fault import Fault, FaultKind
from demo.shapes import names_by_shape, shape_id

P95_FALL_MIN = 10.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goals:
    """What an unattended demo waits for."""

    kept: bool
    rolled_back: bool
    no_advice: bool

    @property
    def all_reached(self) -> bool:
        """Whether the demo is done."""
        return self.kept and self.rolled_back and self.no_advice

    def missing(self) -> str:
        """What is still open, in words."""
        wanted = (
            (self.kept, f"a kept change whose p95 fell {P95_FALL_MIN:g} times or more"),
            (self.rolled_back, "the lie built, measured and rolled back"),
            (self.no_advice, "the hopeless query left alone because nothing helps"),
        )
        return ", ".join(text for reached, text in wanted if not reached)


def fault_of(case: Json, faults: tuple[Fault, ...]) -> Fault | None:
    """The fault that a case is about; None when the case is about something else."""
    names = names_by_shape({fault.statement.name: fault.statement.text for fault in faults})
    name = names.get(str(case["fingerprint"])) or names.get(shape_id(str(case["query_text"])) or "")
    return next((fault for fault in faults if fault.statement.name == name), None)


def effect_of(case: Json) -> Json:
    """The measured effect of a case's change; empty when there is none."""
    change = case.get("change") or {}
    return change.get("effect") or {}


def proposal_of(case: Json) -> Json:
    """What was applied, else the first proposal; empty when there is none."""
    change = case.get("change") or {}
    return change.get("proposal") or next(iter(case.get("proposals") or ()), {})


def p95_fall(case: Json) -> float | None:
    """How many times p95 fell; None when it was not measured."""
    effect = effect_of(case)
    before, after = effect.get("p95_before_ms"), effect.get("p95_after_ms")
    return before / after if before and after else None


def goals(cases: list[Json], faults: tuple[Fault, ...]) -> Goals:
    """Which goals these cases reach: each fault has to end as it deserves, another case ending so is no proof."""
    ended = [(fault.kind, case) for case in cases if (fault := fault_of(case, faults)) is not None]

    def verdicts(kind: FaultKind) -> set[str]:
        return {str(case["verdict"]) for found, case in ended if found is kind}

    curable = [case for kind, case in ended if kind in (FaultKind.MISSING_COMPOSITE, FaultKind.MISSING_SPECIAL)]
    return Goals(
        kept=any(case["verdict"] == "kept" and (p95_fall(case) or 0.0) >= P95_FALL_MIN for case in curable),
        rolled_back="rolled_back" in verdicts(FaultKind.LIE),
        no_advice="no_advice" in verdicts(FaultKind.HOPELESS),
    )


def document(cases: list[Json], faults: tuple[Fault, ...], answered_at_ms: int) -> Json:
    """demo.json: closed cases in full; cases that are still open are only named."""
    kept_at = [_finished_at_ms(case) for case in cases if case["verdict"] == "kept"]
    return {
        "seconds_to_first_kept": round((min(kept_at) - answered_at_ms) / 1000, 1) if kept_at else None,
        "cases": [_row(case, faults) for case in cases if case["verdict"] is not None],
        "open_cases": [
            {"id": case["id"], "kind": case["kind"], "state": (case.get("change") or case)["state"]}
            for case in cases
            if case["verdict"] is None
        ],
    }


def _finished_at_ms(case: Json) -> int:
    change = case.get("change") or {}
    return int(change.get("finished_at_ms") or case["updated_at_ms"])


def _row(case: Json, faults: tuple[Fault, ...]) -> Json:
    change = case.get("change") or {}
    effect, proposal = effect_of(case), proposal_of(case)
    fault = fault_of(case, faults)
    return {
        "id": case["id"],
        "kind": case["kind"],
        "verdict": case["verdict"],
        "change": proposal.get("summary"),
        "reason": case.get("reason") or change.get("reason"),
        "p95_before_ms": effect.get("p95_before_ms"),
        "p95_after_ms": effect.get("p95_after_ms"),
        "predicted_ratio": proposal.get("predicted_ratio"),
        "predicted_interval_90": proposal.get("predicted_interval_90"),
        "measured_ratio": effect.get("ratio"),
        "measured_interval_90": effect.get("interval_90"),
        "fault": None if fault is None else fault.name,
        "statement": None if fault is None else fault.statement.name,
        "query_text": case["query_text"],
        "mean_before_ms": effect.get("mean_before_ms"),
        "mean_after_ms": effect.get("mean_after_ms"),
        "raw_ratio": effect.get("raw_ratio"),
        "control_ratio": effect.get("control_ratio"),
        "controls": effect.get("controls"),
        "windows": _windows(effect),
    }


def _windows(effect: Json) -> Json | None:
    names = ("before_start_ms", "before_end_ms", "after_start_ms", "after_end_ms")
    return {name: effect[name] for name in names} if effect else None
