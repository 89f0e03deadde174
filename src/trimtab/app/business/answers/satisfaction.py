"""How content users are, by each source."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.app.business.satisfying import SatisfactionNow


@dataclass(frozen=True, slots=True)
class SatisfactionRow:
    """A source of satisfaction. `value` None: `why_not` says why; the interval holds 9 times in 10."""

    name: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    scale: float
    ratio: float | None
    count: int
    window_ms: int
    method: str
    why_not: str
    refused_count: int
    refused: tuple[str, ...]


def satisfaction_row(now: SatisfactionNow) -> SatisfactionRow:
    """One source."""
    return SatisfactionRow(
        now.source.name,
        now.source.kind,
        now.value,
        now.low,
        now.high,
        now.source.scale,
        now.ratio,
        now.count,
        now.source.window_ms,
        now.method,
        now.why,
        now.refused_count,
        tuple(f"line {one.line}: {one.reason}" for one in now.refused),
    )
