"""What was predicted of a piece of advice, and what was measured: one row of the record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One prediction; ratios are after ÷ before of the mean time.

    `key` names it once and for all, so that it is kept once. `kind` says what kind of advice it is: `index/plain`,
    `rewrite/RULE`, `workload`. `raw_ratio` is what the model said before the record corrected it: the record learns
    from that, so that it does not correct itself. `change` is what was advised, without a statement's literals.
    `measured_by` is `watch` (on the system, after it was applied) or `clone`; `outcome` what became of it (`kept`,
    `rolled_back`, `withdrawn`, …). All that was measured is None until it was.
    """

    key: str
    at_ms: int
    system: str
    fingerprint: str
    kind: str
    change: str
    raw_ratio: float
    predicted_ratio: float
    interval_90: tuple[float, float]
    corrected_from: int = 0
    measured_ratio: float | None = None
    measured_interval_90: tuple[float, float] | None = None
    measured_at_ms: int | None = None
    measured_by: str | None = None
    outcome: str | None = None
