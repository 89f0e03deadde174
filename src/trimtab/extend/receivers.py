"""Who can be told of alerts directly: what trimtab asks of a way to tell somebody, and what that answers.

A receiver comes in by entry point (`trimtab.receivers`, by its kind, such as `slack`) as a callable that takes a
`Setup`. Every method waits, may be called from any thread, and may raise `ReceiverError`. Nothing that a receiver
raises or answers holds an address or a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.model.errors import TrimtabError

RECEIVERS = "trimtab.receivers"
"""The group of entry points."""

Option = str | int | bool | tuple[str, ...] | Mapping[str, str]


class ReceiverError(TrimtabError):
    """It was not told. `is_final`: the same again would fail again. `retry_after_s`: what it asked for."""

    def __init__(self, message: str, *, is_final: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.is_final = is_final
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Setup:
    """A receiver as it is configured. `options` have the names of Alertmanager's fields; `secret` gives the value of a
    field that is kept elsewhere, read anew each time ('' where it is not configured)."""

    name: str
    options: Mapping[str, Option]
    timeout_s: float
    secret: Callable[[str], str] = lambda _field: ""

    def text(self, name: str, default: str = "") -> str:
        """An option that is a text."""
        value = self.options.get(name, default)
        return value if isinstance(value, str) else default

    def whole(self, name: str, default: int = 0) -> int:
        """An option that is a number."""
        value = self.options.get(name, default)
        return value if isinstance(value, int) else default

    def flag(self, name: str, default: bool = False) -> bool:
        """An option that is true or false."""
        value = self.options.get(name, default)
        return value if isinstance(value, bool) else default

    def pairs(self, name: str) -> Mapping[str, str]:
        """An option that is names with texts."""
        value = self.options.get(name, {})
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Notification:
    """Alerts of one group, to be told together.

    `id` stays the same when it is tried again; `group_key` stays the same as long as the group lives, over restarts.
    `alerts` that fire come first. `page_url` is where a person looks.
    """

    id: str
    receiver: str
    group_key: str
    group_labels: Labels
    alerts: tuple[Alert, ...]
    page_url: str
    at_ms: int
    is_repeat: bool = False
    handle: str = ""
    """From the last receipt of this group, '' for its first."""

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire."""
        return tuple(alert for alert in self.alerts if alert.state is AlertState.FIRING)

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """Those that do not any more."""
        return tuple(alert for alert in self.alerts if alert.state is not AlertState.FIRING)

    @property
    def status(self) -> str:
        """`firing` while one of them does, else `resolved`."""
        return "firing" if self.firing else "resolved"

    @property
    def common_labels(self) -> Labels:
        """Labels that all of them share."""
        return _common(tuple(alert.labels for alert in self.alerts))

    @property
    def common_annotations(self) -> Labels:
        """Annotations that all of them share."""
        return _common(tuple(alert.annotations for alert in self.alerts))


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was told. `is_confirmed`: the receiver itself said what it did with it, not only that it came.

    `note` is what it said, for people; `handle` is kept for the next notification of the group (a thread, a ticket).
    """

    is_confirmed: bool
    note: str = ""
    handle: str = ""


class Receiver(Protocol):
    """A way to tell somebody."""

    def send(self, notification: Notification) -> Receipt:
        """Tell it."""
        ...

    def close(self) -> None:
        """Let its connections go."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be said of a receiver of a kind: its fields by type, and which of them are secrets.

    A secret is never in the file: it is `${NAME}` of the environment there, or its field ends in `_file`.
    """

    make: Callable[[Setup], Receiver]
    texts: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    needed: tuple[tuple[str, ...], ...] = ()
    """Of each of these, one has to be there."""
    sends_resolved: bool = True
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Fields that may also stand in `global`, with their names there."""


def _common(all_pairs: tuple[Labels, ...]) -> Labels:
    if not all_pairs:
        return ()
    shared = set(all_pairs[0]).intersection(*map(set, all_pairs[1:]))
    return tuple(sorted(shared))
