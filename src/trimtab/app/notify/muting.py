"""Why an alert is not told to direct receivers: a silence, another alert that says more, or nobody who evaluates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trimtab.app.notify.matching import matches
from trimtab.app.notify.routing import Inhibition
from trimtab.model.alerts import Alert, AlertState
from trimtab.model.silences import Silence, SilenceState
from trimtab.store.alerts import AlertBook
from trimtab.store.silences import SilenceBook

WATCHDOG = "Watchdog"
"""The alert that says that alerts are evaluated."""
DEADMAN = "deadman"
"""Its origin and its source."""


@dataclass(frozen=True, slots=True)
class Why:
    """What keeps an alert quiet: the ids of silences, the fingerprints of alerts, or a sentence."""

    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def is_muted(self) -> bool:
        """Whether anything does."""
        return bool(self.silenced_by or self.inhibited_by or self.problem)


class Muted:
    """As it is at one moment."""

    def __init__(
        self,
        silences: Sequence[Silence],
        inhibitions: Sequence[Inhibition],
        firing: Sequence[Alert],
        problem: str | None = None,
    ) -> None:
        """`problem` says why the Watchdog must not be told."""
        self._silences = silences
        self._problem = problem
        self._inhibitions = [
            (rule, [(alert.fingerprint, labels) for alert in firing if rule.is_source(labels := dict(alert.labels))])
            for rule in inhibitions
        ]

    def why(self, alert: Alert) -> Why:
        """What keeps this one quiet."""
        labels = dict(alert.labels)
        silenced = tuple(silence.id for silence in self._silences if matches(silence.matchers, labels))
        inhibited = {
            fingerprint
            for rule, sources in self._inhibitions
            for fingerprint, source in sources
            if fingerprint != alert.fingerprint and rule.inhibits(source, labels)
        }
        problem = self._problem if alert.source == DEADMAN else None
        return Why(silenced, tuple(sorted(inhibited)), problem)


class Muting:
    """Looks at it anew each time."""

    def __init__(
        self,
        silences: SilenceBook,
        alerts: AlertBook,
        inhibitions: Callable[[], Sequence[Inhibition]],
        problem: Callable[[int], str | None],
    ) -> None:
        self._silences = silences
        self._alerts = alerts
        self._inhibitions = inhibitions
        self._problem = problem

    def at(self, at_ms: int) -> Muted:
        """What keeps alerts quiet then."""
        active = [one for one in self._silences.silences(at_ms) if one.state(at_ms) is SilenceState.ACTIVE]
        rules = self._inhibitions()
        firing = self._alerts.alerts((AlertState.FIRING,)) if rules else ()
        return Muted(active, rules, firing, self._problem(at_ms))
