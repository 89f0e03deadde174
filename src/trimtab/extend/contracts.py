"""The contracts between rooms that must not import each other, and for plug-ins.

Every method may raise a `TrimtabError`; none swallows one.
"""

from __future__ import annotations

from typing import Protocol

from trimtab.model.change import Change, CheckResult, Judgement, Proposal
from trimtab.model.policy import Policy


class Clock(Protocol):
    """Time, passed in so that tests can own it."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; may return early when the process is told to stop."""
        ...


class TargetState(Protocol):
    """What is true on the target right now, re-read on every entry."""

    @property
    def presence(self) -> str:
        """`absent`, `building`, `invalid` or `present`."""
        ...


class Actuator(Protocol):
    """One kind of change on one kind of system.

    Every method is idempotent and re-reads the target before it writes. `undo` is the JSON-ready value that
    `checkpoint` returned; the machine stores it in the ledger before `apply` is called.
    """

    kind: str

    def checks(self, change: Change, policy: Policy) -> tuple[CheckResult, ...]:
        """Look, touch nothing."""
        ...

    def checkpoint(self, change: Change) -> dict[str, object]:
        """Read what is needed to take the change back; touch nothing."""
        ...

    def inspect(self, change: Change, undo: dict[str, object]) -> TargetState:
        """What is there now: absent, building, invalid or present."""
        ...

    def apply(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        """Do it; return facts for the ledger. Raises `ApplyFailed` with nothing left half-built if it can."""
        ...

    def roll_back(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        """Take it back, whatever state it is in; return facts for the ledger."""
        ...


class Judge(Protocol):
    """Decides what an applied change really did."""

    def ready(self, proposal: Proposal, policy: Policy, now_ms: int) -> str | None:
        """None when there is enough of a baseline to judge by, else the reason to wait."""
        ...

    def judge(self, change: Change, policy: Policy, now_ms: int) -> Judgement:
        """One look; safe to repeat as often as one likes."""
        ...
