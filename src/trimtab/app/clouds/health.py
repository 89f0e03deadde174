"""What clouds say of the health of the infrastructure: the `cloud` part of `InfrastructureHealth`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from trimtab.app.clouds.parts import WORDS, Aspect, CloudsNow, Of, Part
from trimtab.app.clouds.series import healthy_ratio
from trimtab.extend.clouds import Database, Health, Instance, Pool, ScalingEvent, ScalingGroup, ScalingOutcome
from trimtab.model.infrastructure import Measure, unknown

T = TypeVar("T")

NOT_CONFIGURED = "no cloud account is configured: [clouds] accounts"
ASPECTS = {
    "instance_status": (Aspect.INSTANCES, "unhealthy instances"),
    "auto_scaling_status": (Aspect.SCALING, "failed scaling events"),
    "load_balancer_health": (Aspect.BALANCERS, "unhealthy targets"),
    "database_connections": (Aspect.DATABASES, "connections"),
}


def cloud_health(now: CloudsNow) -> dict[str, Measure]:
    """The four values, each with its parts. What could not be read is among the parts and says why; where nothing
    could, so says the value."""
    return {
        "instance_status": _value(now, "instance_status", now.instances, _instance, _instances_told),
        "auto_scaling_status": _scaling(now),
        "load_balancer_health": _value(now, "load_balancer_health", now.pools, _pool, _pools_told),
        "database_connections": _value(now, "database_connections", now.databases, _database, _databases_told),
    }


def _value(
    now: CloudsNow,
    name: str,
    found: Iterable[Of[T]],
    part_of: Callable[[Of[T]], Measure],
    told_of: Callable[[list[T], list[Measure]], tuple[float | None, str, str]],
) -> Measure:
    aspect, unit = ASPECTS[name]
    fresh = [one for one in found if not one.is_old]
    parts = [part_of(one) for one in fresh]
    return _whole(now, name, aspect, unit, parts, lambda: told_of([one.item for one in fresh], parts))


def _whole(
    now: CloudsNow,
    name: str,
    aspect: Aspect,
    unit: str,
    parts: list[Measure],
    told: Callable[[], tuple[float | None, str, str]],
) -> Measure:
    if not now.accounts:
        return unknown(name, unit, NOT_CONFIGURED)
    lost = [_lost(part, unit) for part in now.parts if part.problem and part.key.aspect in (aspect, Aspect.REGIONS)]
    answered = [part for part in now.parts if part.key.aspect is aspect and part.is_fresh]
    source = ", ".join(sorted({part.cloud for part in answered}))
    if not answered:
        why = "; ".join(f"{part.name}: {part.why}" for part in lost) or "the first look is under way"
        return unknown(name, unit, why, source=source, at_ms=now.at_ms, parts=tuple(lost))
    value, text, why = told()
    at_ms = min(part.read_at_ms for part in answered)
    if lost:
        text = f"{text}; not read: {', '.join(part.name for part in lost)}"
    return Measure(name, value, unit, at_ms, source, why, text, parts=(*parts, *lost))


def _lost(part: Part, unit: str) -> Measure:
    what = WORDS[part.key.aspect]
    return Measure(
        f"{part.key.place} {what}",
        None,
        unit,
        part.asked_at_ms,
        part.cloud,
        part.problem,
        labels={"account": part.key.account, "region": part.key.region, "trouble": part.trouble or ""},
    )


def _labels(of: Of[T], region: str, **others: str) -> dict[str, str]:
    return {"account": of.account, "cloud": of.cloud, "region": region, **others}


def _instance(of: Of[Instance]) -> Measure:
    one = of.item
    known = one.health in (Health.HEALTHY, Health.UNHEALTHY)
    return Measure(
        one.name or one.id,
        float(one.health is Health.HEALTHY) if known else None,
        "healthy",
        one.at_ms,
        one.source,
        "" if known else one.why or f"{one.state}: nobody checks it",
        f"{one.state}, {one.why}" if known and one.why else one.state,
        labels=_labels(of, one.region, id=one.id, zone=one.zone, type=one.type),
    )


def _instances_told(found: list[Instance], _parts: list[Measure]) -> tuple[float | None, str, str]:
    bad = sum(one.health is Health.UNHEALTHY for one in found)
    return float(bad), f"{sum(one.is_running for one in found)} of {len(found)} run, {bad} unhealthy", ""


def _scaling(now: CloudsNow) -> Measure:
    aspect, unit = ASPECTS["auto_scaling_status"]
    groups = [of for of in now.groups if not of.is_old]
    events = [of for of in now.events if not of.is_old]
    parts = [*(_group(of) for of in groups), *(_event(of) for of in events)]

    def told() -> tuple[float | None, str, str]:
        failed = sum(of.item.outcome is ScalingOutcome.FAILED for of in events)
        return float(failed), f"{len(groups)} groups, {len(events)} scaling events, {failed} failed", ""

    return _whole(now, "auto_scaling_status", aspect, unit, parts, told)


def _group(of: Of[ScalingGroup]) -> Measure:
    one = of.item
    limits = f" ({one.low_count} to {one.high_count})" if one.low_count is not None else ""
    told = f"{_count(one.running_count)} of {_count(one.desired_count)}{limits}"
    why = "" if one.running_count is not None else "the cloud does not tell how many are in service"
    value = None if one.running_count is None else float(one.running_count)
    text = "; ".join(filter(None, (told, one.why)))
    return Measure(
        one.name, value, "instances", one.at_ms, one.source, why, text, labels=_labels(of, one.region, kind="group")
    )


def _event(of: Of[ScalingEvent]) -> Measure:
    one = of.item
    text = f"{one.outcome.value}: {one.what}"
    why = "" if one.after_count is not None else "the cloud does not tell the size after it"
    value = None if one.after_count is None else float(one.after_count)
    labels = _labels(of, one.region, kind="event", outcome=one.outcome.value, cause=one.why)
    return Measure(one.group, value, "instances", one.at_ms, one.source, why, text, labels=labels)


def _count(count: int | None) -> str:
    return "?" if count is None else str(count)


def _pool(of: Of[Pool]) -> Measure:
    one = of.item
    share = healthy_ratio(one)
    bad = [target.id for target in one.targets if target.health is Health.UNHEALTHY]
    text = f"unhealthy: {', '.join(bad[:10])}{' …' if len(bad) > 10 else ''}" if bad else f"{len(one.targets)} targets"
    return Measure(
        one.name or ", ".join(one.balancers),
        share,
        "healthy ratio",
        one.at_ms,
        one.source,
        "" if share is not None else one.why or "it has no target that is checked",
        text,
        labels=_labels(of, one.region, balancer=", ".join(one.balancers), id=one.id),
    )


def _pools_told(found: list[Pool], _parts: list[Measure]) -> tuple[float | None, str, str]:
    bad = sum(target.health is Health.UNHEALTHY for one in found for target in one.targets)
    count = sum(len(one.targets) for one in found)
    return float(bad), f"{bad} of {count} targets of {len(found)} pools are unhealthy", ""


def _database(of: Of[Database]) -> Measure:
    one, now = of.item, of.item.connections
    most = one.connections_max
    told = f"of {most.value:.0f}" if most.value is not None else f"maximum not known: {most.why}"
    return Measure(
        one.name,
        now.value,
        now.unit,
        now.at_ms,
        now.source,
        now.why,
        told,
        now.interval_ms,
        _labels(of, one.region, id=one.id, engine=one.engine, state=one.state),
        (most, *one.metrics),
    )


def _databases_told(found: list[Database], parts: list[Measure]) -> tuple[float | None, str, str]:
    known = [part.value for part in parts if part.value is not None]
    if found and not known:
        return None, f"{len(found)} databases", "; ".join(sorted({part.why for part in parts}))
    return sum(known), f"{len(found)} databases", ""
