"""What alerts are made from and who hears of them. A new kind of alert is a new `AlertSource`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trimtab.model.alerts import Active, Alert

__all__ = ["Active", "AlertSink", "AlertSource", "Nobody"]


class AlertSource(Protocol):
    """Something that is asked, again and again, what is wrong."""

    @property
    def origin(self) -> str:
        """Its name: the same after a restart, unlike any other's. Alerts are kept by origin and labels."""
        ...

    @property
    def every_ms(self) -> int:
        """How often it wants to be asked."""
        ...

    def evaluate(self, at_ms: int) -> Sequence[Active] | None:
        """All that is wrong at that moment: what it does not name any more ends.

        None says that nobody looked since the server began, a `TrimtabError` that nobody can know now: then everything
        stays as it is.
        """
        ...


class AlertSink(Protocol):
    """Who hears of alerts that changed their state (pending and inactive among them)."""

    def changed(self, alerts: Sequence[Alert], at_ms: int) -> None:
        """Called after the changes are durable, on the thread that evaluates: be quick, and never raise.

        It is only a call to look. Whoever must not lose one reads `store.alerts.AlertBook.outbox`, which has every
        change since the last `forget`, in order, whatever was killed in between.
        """
        ...


class Nobody:
    """Hears of nothing."""

    def changed(self, alerts: Sequence[Alert], at_ms: int) -> None:
        """Look away."""
