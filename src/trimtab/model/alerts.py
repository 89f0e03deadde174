"""An alert: what somebody may have to be woken for, with its moments. Whoever notices something makes one of these.

inactive ──true──▶ pending ──true for long enough──▶ firing ──not true any more──▶ resolved
    ▲                 │                                ▲  │
    └────not true─────┘                                └──┘ keep_firing_for: not true, and goes on
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

ALERT_NAME = "alertname"

Labels = tuple[tuple[str, str], ...]
"""Pairs sorted by name, without empty values."""

_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_FNV_MASK = (1 << 64) - 1
_SEPARATOR = b"\xff"


class AlertState(StrEnum):
    """Where an alert stands. `inactive` is told of one that was pending and never fired."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Moments are by the wall clock; how long it has held is counted elsewhere (`app.alerting.machine`).

    `source` is `rule:<group>/<name>`, `objective:<name>`, `finding`, `change` or `deadman`; `labels` have `alertname`.
    """

    labels: Labels
    annotations: Labels
    state: AlertState
    value: float
    source: str
    active_at_ms: int
    """Since when it is true without a break."""
    fired_at_ms: int | None = None
    resolved_at_ms: int | None = None
    keep_firing_since_ms: int | None = None
    """Since when it is not true any more, and fires on because its rule says so."""
    generator_url: str = ""

    @property
    def name(self) -> str:
        """What it is called."""
        return dict(self.labels).get(ALERT_NAME, "")

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits: the same labels give the same, here and in Alertmanager."""
        return fingerprint_of(self.labels)


@dataclass(frozen=True, slots=True)
class Active:
    """One thing that is wrong at this moment, as its source sees it; it has no memory.

    `for_ms`: how long it has to stay so before it fires; `keep_firing_for_ms`: how long it fires on afterwards.
    """

    labels: Labels
    """Sorted, without empty values, `alertname` among them: they are what the alert is known by."""
    annotations: Labels
    value: float
    source: str
    """See `Alert.source`."""
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    generator_url: str = ""


def labels_of(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Labels:
    """Pairs in the order and form that everything here takes.

    >>> labels_of({"severity": "page", "alertname": "Down", "zone": ""})
    (('alertname', 'Down'), ('severity', 'page'))
    """
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return tuple(sorted((name, value) for name, value in items if value))


def fingerprint_of(labels: Labels) -> str:
    """FNV-1a over names and values in order of names, as Prometheus and Alertmanager count it.

    >>> fingerprint_of(())
    'cbf29ce484222325'
    >>> fingerprint_of((("alertname", "Down"), ("severity", "page")))
    'b8f0273cee3e6d28'
    """
    total = _FNV_OFFSET
    for name, value in sorted(labels):
        for byte in name.encode() + _SEPARATOR + value.encode() + _SEPARATOR:
            total = ((total ^ byte) * _FNV_PRIME) & _FNV_MASK
    return f"{total:016x}"
