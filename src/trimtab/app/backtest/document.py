"""A backtest as a document (for programs) and as lines (for people)."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.rules.episodes import Episode, Incident, Judged
from trimtab.analyze.slo.quantities import duration_text
from trimtab.app.backtest.run import Result
from trimtab.model.alerts import ALERT_NAME

SHOWN_MAX = 200


def moment(at_ms: int | None) -> str | None:
    """RFC 3339.

    >>> moment(1_700_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    from datetime import UTC, datetime

    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(result: Result) -> dict[str, object]:
    """For programs. Lead times and delays are seconds; `missed` are incidents and breaches without an alert."""
    return {
        "rule": result.name,
        "kind": result.kind,
        "from": moment(result.span.from_ms),
        "to": moment(result.span.to_ms),
        "step_s": result.span.step_ms / 1000,
        "episodes": [_episode(one) for one in result.episodes],
        "firing_s": sum(_firing_ms(one, result.span.to_ms) for one in result.episodes) / 1000,
        "incidents": [
            {
                **_incident(one.incident),
                "fired_at": moment(one.fired_at_ms),
                "rule": one.rule or None,
                "delay_s": _seconds(one),
            }
            for one in result.incidents
        ],
        "breaches": [
            {
                "start": moment(one.incident.start_ms),
                "end": moment(one.incident.end_ms),
                "fired_at": moment(one.fired_at_ms),
                "rule": one.rule or None,
                "lead_s": None if one.delay_ms is None else -one.delay_ms / 1000,
            }
            for one in result.breaches
        ],
        "missed": [_incident(one) for one in result.missed],
        "false_alarms": None if result.false_alarms is None else [_episode(one) for one in result.false_alarms],
        "coverage": result.coverage,
        "budget_consumed_max": result.consumed_max,
        "notices": result.notices,
    }


def lines(result: Result) -> Iterator[str]:
    """For people."""
    fired = [one for one in result.episodes if one.fired_at_ms is not None]
    total = sum(_firing_ms(one, result.span.to_ms) for one in fired)
    yield f"{result.name}: {moment(result.span.from_ms)} to {moment(result.span.to_ms)}"
    pending = len(result.episodes) - len(fired)
    yield f"fires {len(fired)} times, {duration_text(total)} in all; {pending} times only pending"
    for one in fired[:SHOWN_MAX]:
        labels = ", ".join(f"{name}={value}" for name, value in one.labels if name != ALERT_NAME)
        until = "still fires" if one.ended_at_ms is None else f"for {duration_text(_firing_ms(one, result.span.to_ms))}"
        yield f"  {moment(one.fired_at_ms)}  {until:<16}  {labels}"
    if len(fired) > SHOWN_MAX:
        yield f"  and {len(fired) - SHOWN_MAX} more"
    if result.coverage is not None:
        yield f"measured: {result.coverage:.1%} of the time; budget spent at most: {result.consumed_max or 0.0:.0%}"
    for judgement in result.incidents:
        incident = judgement.incident
        spent = "" if incident.spent_ratio is None else f", {incident.spent_ratio:.0%} of the budget"
        length = duration_text(incident.end_ms - incident.start_ms)
        yield f"incident {incident.name or moment(incident.start_ms)}, {length}{spent}: {_found(judgement)}"
    for judgement in result.breaches:
        told = "no alert before it" if judgement.delay_ms is None else f"{_found(judgement)}"
        yield f"budget spent at {moment(judgement.incident.start_ms)}: {told}"
    if result.false_alarms is not None:
        yield f"alerts without an incident: {len(result.false_alarms)}"
    yield from (f"note: {text}" for text in result.notices)


def _found(judgement: Judged) -> str:
    delay_ms = judgement.delay_ms
    if delay_ms is None:
        return "missed"
    when = f"{duration_text(abs(delay_ms))} {'after it began' if delay_ms >= 0 else 'before'}"
    return f"alert {when} ({judgement.rule})"


def _seconds(judgement: Judged) -> float | None:
    return None if judgement.delay_ms is None else judgement.delay_ms / 1000


def _firing_ms(episode: Episode, to_ms: int) -> int:
    if episode.fired_at_ms is None:
        return 0
    return (to_ms if episode.ended_at_ms is None else episode.ended_at_ms) - episode.fired_at_ms


def _episode(episode: Episode) -> dict[str, object]:
    return {
        "rule": episode.rule,
        "labels": dict(episode.labels),
        "active_at": moment(episode.active_at_ms),
        "fired_at": moment(episode.fired_at_ms),
        "ended_at": moment(episode.ended_at_ms),
    }


def _incident(incident: Incident) -> dict[str, object]:
    found: dict[str, object] = {"start": moment(incident.start_ms), "end": moment(incident.end_ms)}
    if incident.name:
        found["name"] = incident.name
    if incident.spent_ratio is not None:
        found["budget_spent"] = incident.spent_ratio
    return found
