"""Answers of trimtab's API as they were recorded from a run, for tests of what the demo makes of them."""

from __future__ import annotations

from typing import Any

from demo.faults.draw import draw
from demo.faults.fault import FaultKind

Json = dict[str, Any]

SEED = 1
FAULTS = draw(SEED)
BY_KIND = {fault.kind: fault for fault in FAULTS}
ANSWERED_AT_MS = 1_000_000

EFFECT: Json = {
    "ratio": 0.004,
    "interval_90": [0.003, 0.006],
    "raw_ratio": 0.0042,
    "control_ratio": 1.05,
    "controls": ["c0ffee"],
    "mean_before_ms": 60.0,
    "mean_after_ms": 0.252,
    "before_start_ms": 1_010_000,
    "before_end_ms": 1_070_000,
    "after_start_ms": 1_075_000,
    "after_end_ms": 1_105_000,
    "p95_before_ms": 80.0,
    "p95_after_ms": 1.0,
}


def case(number: int, kind: FaultKind, verdict: str | None, effect: Json | None = None) -> Json:
    """A case as `GET /api/trimtab/cases` gives it."""
    fault = BY_KIND[kind]
    proposal = {
        "summary": f"Create an index on public.{fault.table}",
        "predicted_ratio": 0.01,
        "predicted_interval_90": [0.005, 0.02],
    }
    changed = verdict in ("kept", "rolled_back")
    change = {
        "state": verdict if changed else "watching",
        "finished_at_ms": 1_106_000 + number * 1000 if changed else None,
        "reason": "proven",
        "effect": effect,
        "proposal": proposal,
    }
    return {
        "id": number,
        "system": "shop",
        "fingerprint": f"{number:016x}",
        "kind": "objective_broken",
        "state": "open" if verdict is None else "closed",
        "verdict": verdict,
        "reason": None if verdict is None else "because it was measured",
        "updated_at_ms": 1_120_000,
        "query_text": fault.statement.text.replace("%s", "$1"),
        "proposals": [proposal] if changed else [],
        "change": change if changed else None,
    }


def done() -> list[Json]:
    """One kept, one rolled back, one left alone, one open."""
    return [
        case(1, FaultKind.MISSING_COMPOSITE, "kept", EFFECT),
        case(2, FaultKind.LIE, "rolled_back", {**EFFECT, "ratio": 3.5, "p95_after_ms": 300.0}),
        case(3, FaultKind.HOPELESS, "no_advice"),
        case(4, FaultKind.MISSING_SPECIAL, None),
    ]
