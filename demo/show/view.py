"""What the demo shows, apart from how: one moment of the loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from demo.faults.fault import Fault

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Suffering:
    """A fault and how the application feels it now."""

    fault: Fault
    p95_ms: float | None
    p95_start_ms: float | None


@dataclass(frozen=True, slots=True)
class View:
    """One moment. Times are seconds since trimtab's first answer; `processor` is cores in use, by process."""

    elapsed_s: float
    title: str
    cases: list[Json]
    ledger: list[Json]
    sufferings: tuple[Suffering, ...]
    calls_per_s: float
    errors_count: int
    processor: dict[str, float]
    notes: tuple[str, ...] = field(default=())


class Screen(Protocol):
    """Where the demo is shown: a terminal, or plain lines."""

    def say(self, text: str) -> None:
        """A line that stays."""
        ...

    def show(self, view: View) -> None:
        """The loop at this moment."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def ratio_text(value: float | None, interval: list[float] | None = None) -> str:
    """A ratio for people.

    >>> ratio_text(0.01234, [0.01, 0.0151]), ratio_text(None)
    ('x0.0123 [0.01, 0.0151]', '-')
    """
    if value is None:
        return "-"
    return f"x{value:.3g}" + (f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else "")


def ms_text(value: float | None) -> str:
    """Milliseconds for people.

    >>> ms_text(123.4), ms_text(1.234), ms_text(None)
    ('123 ms', '1.2 ms', '-')
    """
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def processor_text(shares: dict[str, float]) -> str:
    """Cores in use, as per cent of one core.

    >>> processor_text({"postgres": 0.523, "load": 0.04})
    'postgres 52 %, load 4 % of a core'
    """
    return ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in shares.items()) + " of a core"


def state_of(case: Json) -> str:
    """The verdict, else where the change stands, else where the case stands."""
    change = case.get("change") or {}
    return str(case["verdict"] or change.get("state") or case["state"])
