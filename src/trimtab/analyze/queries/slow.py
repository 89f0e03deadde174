"""Findings from slices: query shapes that break their latency objective, or carry the load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.finding import Evidence, Finding, FindingKind, Severity
from trimtab.model.policy import DetectPolicy
from trimtab.model.query import QueryShape, StatementKind
from trimtab.stats.bootstrap import ratio_of_sums

if TYPE_CHECKING:
    from trimtab.store.telemetry import SliceTable

SOURCE = "sum(total_exec_time_ms) / sum(calls) from query_executions, by slices"
CONFIDENCE_MIN = 0.9
"""A finding needs this share of resampled means beyond the objective."""


@dataclass(frozen=True, slots=True)
class ShapeLoad:
    """What one shape did in a window. `load_share` is its share (0..1) of all execution time that was seen."""

    fingerprint: str
    calls: int
    mean_exec_time_ms: float
    total_exec_time_ms: float
    load_share: float
    row: int


def shape_loads(slices: SliceTable) -> tuple[ShapeLoad, ...]:
    """All shapes of a window, heaviest first; shapes without a call are left out."""
    calls = slices.calls.sum(axis=1)
    total = slices.total_exec_time_ms.sum(axis=1)
    everything = float(total.sum()) or 1.0
    order = np.argsort(-total, kind="stable")
    return tuple(
        ShapeLoad(
            fingerprint=slices.fingerprints[i],
            calls=int(calls[i]),
            mean_exec_time_ms=float(total[i] / calls[i]),
            total_exec_time_ms=float(total[i]),
            load_share=float(total[i]) / everything,
            row=int(i),
        )
        for i in order
        if calls[i] > 0
    )


def find_slow_shapes(
    system: str, slices: SliceTable, shapes: Mapping[str, QueryShape], policy: DetectPolicy, now_ms: int
) -> tuple[Finding, ...]:
    """Findings of one window, heaviest load first.

    A shape is found when its mean execution time is beyond `latency_objective_ms`, or when it carries at least
    `load_share_min` of all execution time at `load_mean_ms_min` or more a call; in both cases with enough calls
    and slices, and with nine resampled means in ten agreeing.
    """
    if slices.calls.shape[1] < policy.slices_min:
        return ()
    findings = []
    for load in shape_loads(slices):
        shape = shapes.get(load.fingerprint)
        if shape is None or shape.statement is StatementKind.OTHER or load.calls < policy.calls_min:
            continue
        broken = load.mean_exec_time_ms > policy.latency_objective_ms
        heavy = load.load_share >= policy.load_share_min and load.mean_exec_time_ms >= policy.load_mean_ms_min
        if not broken and not heavy:
            continue
        limit = policy.latency_objective_ms if broken else policy.load_mean_ms_min
        finding = _finding(system, slices, load, broken=broken, limit_ms=limit, now_ms=now_ms)
        if finding.confidence >= CONFIDENCE_MIN:
            findings.append(finding)
    return tuple(findings)


def _finding(
    system: str, slices: SliceTable, load: ShapeLoad, *, broken: bool, limit_ms: float, now_ms: int
) -> Finding:
    means = ratio_of_sums(slices.total_exec_time_ms[load.row], slices.calls[load.row].astype(np.float64))
    low, high = (float(q) for q in np.quantile(means, (0.05, 0.95)))
    start_ms, end_ms = int(slices.started_at_ms[0]), int(slices.ended_at_ms[-1])
    seconds = max((end_ms - start_ms) / 1000.0, 0.001)
    kind = FindingKind.OBJECTIVE_BROKEN if broken else FindingKind.CARRIES_LOAD
    why = (
        f"mean {load.mean_exec_time_ms:.1f} ms is over the objective of {limit_ms:g} ms"
        if broken
        else f"carries {load.load_share:.0%} of all execution time at {load.mean_exec_time_ms:.1f} ms a call"
    )

    def evidence(
        name: str, value: float, unit: str, source: str, interval: tuple[float, float] | None = None
    ) -> Evidence:
        return Evidence(name, value, unit, start_ms, end_ms, source, slices.calls.shape[1], interval)

    return Finding(
        system=system,
        fingerprint=load.fingerprint,
        kind=kind,
        severity=Severity.CRITICAL if broken and low > 4 * limit_ms else Severity.WARNING,
        noticed_at_ms=now_ms,
        title=why,
        confidence=float(np.mean(means > limit_ms)),
        evidence=(
            evidence("mean_exec_time_ms", load.mean_exec_time_ms, "ms", SOURCE, (low, high)),
            evidence("calls_per_s", load.calls / seconds, "1/s", "sum(calls) / seconds of the window"),
            evidence("load_share", load.load_share, "ratio", "share of sum(total_exec_time_ms) over all shapes"),
            evidence("limit_ms", limit_ms, "ms", "policy: detect"),
        ),
    )
