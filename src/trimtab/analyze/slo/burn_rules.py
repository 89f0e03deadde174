"""Burn-rate rules: sets of them from `burn_rules.toml`, scaled to any window.

A rule fires where errors were more than factor × (1 - target) of all, over a long window (so that it matters) and over
a short one (so that it still goes on). At exactly the factor, the long window spends `budget` of the whole:

    factor = budget × period ÷ long window
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TypedDict

from trimtab.analyze.slo.quantities import duration_ms
from trimtab.model.objectives import SLICE_MS, BurnRule

DEFAULT_SET = "workbook"
LONG_SLICES_MIN = 5
"""A rule whose long window would have fewer slices is left out: it could not tell a burn from one bad minute."""
SHORT_SHARE = 12
"""Where a rule says no short window, it is the long one divided by this."""
_USUAL = "1m 2m 3m 5m 10m 15m 20m 30m 45m 1h 90m 2h 3h 4h 6h 8h 12h 18h 1d 36h 2d 3d 4d 5d 6d 7d 9d 12d 18d 24d 36d"
_USUAL_MS = tuple(duration_ms(text) for text in _USUAL.split())
_Row = TypedDict(
    "_Row",
    {"name": str, "severity": str, "long": str, "short": str, "budget": float, "factor": float, "for": str},
    total=False,
)


class _Set(TypedDict):
    source: str
    period: str
    scales: bool
    rules: list[_Row]


@cache
def _sets() -> dict[str, _Set]:
    text = files("trimtab.analyze.slo").joinpath("burn_rules.toml").read_text("utf-8")
    sets: dict[str, _Set] = tomllib.loads(text)
    return sets


def set_names() -> tuple[str, ...]:
    """Which sets there are."""
    return tuple(_sets())


def source_of(name: str) -> str:
    """Where a set comes from."""
    return _sets()[name]["source"]


def rules_of(name: str, period_ms: int) -> tuple[BurnRule, ...]:
    """The rules of a set for a window of this length.

    >>> [(r.name, r.factor, r.budget_ratio) for r in rules_of("workbook", duration_ms("30d"))]
    [('fast', 14.4, 0.02), ('slow', 6.0, 0.05), ('long', 1.0, 0.1)]
    >>> [round(r.factor, 2) for r in rules_of("sloth", duration_ms("28d"))]
    [13.44, 5.6, 2.8, 0.93]
    """
    found = _sets()[name]
    ratio = period_ms / duration_ms(found["period"])
    rules = []
    for row in found["rules"]:
        long_ms, short_ms = duration_ms(row["long"]), duration_ms(row["short"])
        if found["scales"]:
            long_ms, short_ms = usual_ms(long_ms * ratio), usual_ms(short_ms * ratio)
        if long_ms < LONG_SLICES_MIN * SLICE_MS or long_ms > period_ms:
            continue
        factor = row.get("factor") or factor_of(row["budget"], period_ms, long_ms)
        wait_ms = duration_ms(row["for"]) if "for" in row else 0
        rules.append(
            BurnRule(
                name=row["name"],
                severity=row["severity"],
                long_ms=long_ms,
                short_ms=min(short_ms, long_ms),
                factor=factor,
                budget_ratio=row.get("budget") or budget_of(factor, period_ms, long_ms),
                for_ms=wait_ms,
            )
        )
    return tuple(rules)


def factor_of(budget_ratio: float, period_ms: int, long_ms: int) -> float:
    """How many times as fast as allowed this share of the budget is spent in the long window.

    >>> factor_of(0.02, duration_ms("30d"), duration_ms("1h"))
    14.4
    """
    return float(f"{budget_ratio * period_ms / long_ms:.12g}")


def budget_of(factor: float, period_ms: int, long_ms: int) -> float:
    """The share of the budget that is spent at this factor in the long window.

    >>> round(budget_of(14.4, duration_ms("30d"), duration_ms("1h")), 6)
    0.02
    """
    return factor * long_ms / period_ms


def usual_ms(ms: float) -> int:
    """The usual length of a window that is nearest by ratio; beyond the longest of them, whole days.

    >>> usual_ms(duration_ms("56m")) == duration_ms("1h"), usual_ms(1000) == SLICE_MS
    (True, True)
    """
    if ms > _USUAL_MS[-1]:
        return max(1, round(ms / 86_400_000)) * 86_400_000
    return min(_USUAL_MS, key=lambda usual: max(usual / ms, ms / usual))
