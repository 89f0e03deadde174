"""One step of the alerts of one source: what was known, what is true now, what has become of each.

Time is counted, not subtracted: an alert has been true for as long as it was *seen* to be (`Standing.held_ms`), so a
clock that is set, a machine that slept and a process that was down change nothing but the moments that are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trimtab.model.alerts import Active, Alert, AlertState, Labels
from trimtab.store.alerts import Standing

RESOLVED_KEPT_MS = 900_000
"""How long a resolved alert stays in sight; as in Prometheus, so that whoever missed the message hears it again."""

Known = dict[Labels, Standing]


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Time since the step before: `counted_ms` of it was watched. `is_new_start`: too long ago to go on pending."""

    counted_ms: int
    is_new_start: bool = False


@dataclass(slots=True)
class Step:
    """`known` after the step, and how it got there."""

    known: Known
    put: list[Standing] = field(default_factory=list)
    """Rows that are new or changed."""
    drop: list[tuple[str, str]] = field(default_factory=list)
    """(origin, fingerprint) of rows that went."""
    changed: list[tuple[str, Alert]] = field(default_factory=list)
    """(origin, alert) whose state changed."""


def step(origin: str, known: Mapping[Labels, Standing], active: Sequence[Active], at_ms: int, elapsed: Elapsed) -> Step:
    """What becomes of the alerts of one origin.

    >>> down = Active((("alertname", "Down"),), (), 1.0, "rule:g/Down", for_ms=60_000)
    >>> one = step("o", {}, [down], 0, Elapsed(0))
    >>> two = step("o", one.known, [down], 60_000, Elapsed(60_000))
    >>> three = step("o", two.known, [], 120_000, Elapsed(60_000))
    >>> [alert.state.value for steps in (one, two, three) for _, alert in steps.changed]
    ['pending', 'firing', 'resolved']
    """
    result = Step({})
    for one in active:
        old = known.get(one.labels)
        if old is not None and old.alert.state is AlertState.RESOLVED:
            old = None
        new = _true(origin, old, one, at_ms, elapsed)
        _note(result, old, new)
    for labels, old in known.items():
        if labels not in result.known:
            _gone(result, old, at_ms, elapsed)
    return result


def _true(origin: str, old: Standing | None, one: Active, at_ms: int, elapsed: Elapsed) -> Standing:
    if old is not None and old.alert.state is AlertState.PENDING and elapsed.is_new_start:
        old = replace(old, held_ms=0, alert=replace(old.alert, active_at_ms=at_ms))
    elif old is not None:
        old = replace(old, held_ms=old.held_ms + elapsed.counted_ms)
    state, held_ms, since_ms, fired_ms = AlertState.PENDING, 0, at_ms, None
    if old is not None:
        held_ms, since_ms, fired_ms = old.held_ms, old.alert.active_at_ms, old.alert.fired_at_ms
        state = old.alert.state
    if state is AlertState.PENDING and held_ms >= one.for_ms:
        state, fired_ms = AlertState.FIRING, at_ms
    if state is AlertState.FIRING:
        held_ms = 0
    alert = Alert(
        one.labels,
        one.annotations,
        state,
        one.value,
        one.source,
        since_ms,
        fired_ms,
        generator_url=one.generator_url,
    )
    return Standing(origin, alert, held_ms, one.keep_firing_for_ms)


def _note(result: Step, old: Standing | None, new: Standing) -> None:
    result.known[new.alert.labels] = new
    if new != old:
        result.put.append(new)
    if old is None and new.alert.state is AlertState.FIRING:
        result.changed.append((new.origin, replace(new.alert, state=AlertState.PENDING, fired_at_ms=None)))
    if old is None or old.alert.state is not new.alert.state:
        result.changed.append((new.origin, new.alert))


def _gone(result: Step, old: Standing, at_ms: int, elapsed: Elapsed) -> None:
    alert = old.alert
    if alert.state is AlertState.FIRING and old.keep_firing_for_ms > 0:
        is_first = alert.keep_firing_since_ms is None
        held_ms = 0 if is_first else old.held_ms + elapsed.counted_ms
        if held_ms < old.keep_firing_for_ms:
            since_ms = at_ms if is_first else alert.keep_firing_since_ms
            kept = replace(old, held_ms=held_ms, alert=replace(alert, keep_firing_since_ms=since_ms))
            result.known[alert.labels] = kept
            result.put.append(kept)
            return
    if alert.state is AlertState.FIRING:
        ended = replace(old, held_ms=0, alert=replace(alert, state=AlertState.RESOLVED, resolved_at_ms=at_ms))
        result.known[alert.labels] = ended
        result.put.append(ended)
        result.changed.append((old.origin, ended.alert))
    elif alert.state is AlertState.RESOLVED and at_ms - (alert.resolved_at_ms or 0) <= RESOLVED_KEPT_MS:
        result.known[alert.labels] = old
    else:
        result.drop.append((old.origin, alert.fingerprint))
        if alert.state is AlertState.PENDING:
            result.changed.append((old.origin, replace(alert, state=AlertState.INACTIVE)))
