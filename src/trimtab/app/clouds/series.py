"""Series of what was read of clouds. Names and units are Prometheus': base units, and what is a share is a ratio.

Every series has `job="cloud"`, `cloud`, `account` and `region`, and what it is of: `id` and `name`, or `group`,
`balancer` and `pool`. Samples have the time of the look; what a cloud told with a delay is told with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from trimtab.app.clouds.parts import Part
from trimtab.app.infrastructure.writer import Group
from trimtab.extend.clouds import Database, Health, Instance, Pool, Scaling, ScalingGroup, Seen
from trimtab.observe.host.about import About
from trimtab.observe.host.series import HostSeries

JOB = "cloud"
Series = tuple[HostSeries, float]

NAMES: Mapping[str, str] = {
    "cloud_up": "1 while the account answers in this region for this (`what`), 0 while it does not.",
    "cloud_look_duration_seconds": "How long the answer took.",
    "cloud_instances": "Machines by the cloud's own word for their state.",
    "cloud_instance_up": "1 while a machine runs, else 0.",
    "cloud_instance_healthy": "1 while its checks are good, 0 while one is not; no sample where nobody checks it.",
    "cloud_scaling_group_desired": "Machines that a group shall have.",
    "cloud_scaling_group_running": "Machines of a group that are in service.",
    "cloud_scaling_group_unhealthy": "Machines of a group that are not healthy.",
    "cloud_scaling_group_min": "The smallest size of a group.",
    "cloud_scaling_group_max": "The largest size of a group.",
    "cloud_balancer_targets": "Targets behind a load balancer by their health.",
    "cloud_balancer_healthy_ratio": "Share of healthy targets (on Azure: of good health probes).",
    "cloud_database_up": "1 while a database is available, else 0.",
    "cloud_database_connections": "Connections to a database.",
    "cloud_database_connections_max": "Connections that it allows.",
    "cloud_database_connections_ratio": "The share of them that is taken.",
    "cloud_database_cpu_utilization_ratio": "Processor time of a database, as a share.",
    "cloud_database_memory_utilization_ratio": "Memory of a database that is taken, as a share.",
    "cloud_database_memory_free_bytes": "Memory of a database that is free.",
    "cloud_database_storage_utilization_ratio": "Storage of a database that is taken, as a share.",
    "cloud_database_storage_free_bytes": "Storage of a database that is free.",
    "cloud_database_read_latency_seconds": "How long a read of its storage takes.",
    "cloud_database_write_latency_seconds": "How long a write of its storage takes.",
    "cloud_database_read_operations_per_second": "Reads of its storage.",
    "cloud_database_write_operations_per_second": "Writes of its storage.",
    "cloud_database_replica_lag_seconds": "How far a replica is behind.",
}
"""All of them, with what they mean; the documentation has this table."""


def about(name: str) -> About:
    """What is said of one of them."""
    unit = "seconds" if name.endswith("_seconds") else "bytes" if name.endswith("_bytes") else ""
    return About("gauge", unit, NAMES.get(name, ""))


class PartSeries:
    """Makes groups of series of parts. The same series as the last time are the same tuple, so that nobody has to look
    into it. Not thread-safe."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[HostSeries, ...]] = {}

    def groups(self, part: Part) -> tuple[list[Group], list[str]]:
        """Of a part that was asked just now: what there is, and what is no more. A part that failed has `cloud_up` 0
        and nothing else."""
        place = {"cloud": part.cloud, "account": part.key.account}
        asked = {**place, "region": part.key.region, "what": part.key.aspect.value}
        told = f"{part.key.place} {part.key.aspect.value}"
        up = [_one("cloud_up", float(part.is_fresh), asked), _one("cloud_look_duration_seconds", part.took_s, asked)]
        found = [self._group(f"{told} up", up)]
        if not part.is_fresh:
            self._last.pop(told, None)
            return found, [told]
        return [*found, self._group(told, list(_of_answer(part, place)))], []

    def _group(self, name: str, made: list[Series]) -> Group:
        once = dict(made)
        series, last = tuple(once), self._last.get(name)
        if last is None or last != series:
            self._last[name] = last = series
        return name, last, list(once.values())


def _of_answer(part: Part, place: Mapping[str, str]) -> Iterator[Series]:
    answer = part.answer
    if isinstance(answer, Scaling):
        for group in answer.groups.items:
            yield from _group(group, place)
    elif isinstance(answer, Seen):
        states: Counter[tuple[str, str]] = Counter()
        for item in answer.items:
            if isinstance(item, Instance):
                states[item.region, item.state] += 1
                yield from _instance(item, place)
            elif isinstance(item, Pool):
                yield from _pool(item, place)
            else:
                yield from _database(item, place)
        for (region, state), count in states.items():
            yield _one("cloud_instances", count, {**place, "region": region, "state": state})


def _instance(one: Instance, place: Mapping[str, str]) -> Iterator[Series]:
    labels = {**place, "region": one.region, "id": one.id, "name": one.name, "type": one.type}
    yield _one("cloud_instance_up", float(one.is_running), labels)
    if one.health in (Health.HEALTHY, Health.UNHEALTHY):
        yield _one("cloud_instance_healthy", float(one.health is Health.HEALTHY), labels)


def _group(one: ScalingGroup, place: Mapping[str, str]) -> Iterator[Series]:
    labels = {**place, "region": one.region, "group": one.name}
    sizes = {
        "desired": one.desired_count,
        "running": one.running_count,
        "unhealthy": one.unhealthy_count,
        "min": one.low_count,
        "max": one.high_count,
    }
    for name, count in sizes.items():
        if count is not None:
            yield _one(f"cloud_scaling_group_{name}", count, labels)


def _pool(one: Pool, place: Mapping[str, str]) -> Iterator[Series]:
    labels = {**place, "region": one.region, "balancer": ",".join(one.balancers), "pool": one.name}
    if one.why and not one.targets:
        return
    counts = Counter(target.health for target in one.targets)
    for health in Health:
        if counts[health] or health in (Health.HEALTHY, Health.UNHEALTHY):
            yield _one("cloud_balancer_targets", counts[health], {**labels, "health": health.value})
    share = healthy_ratio(one)
    if share is not None:
        yield _one("cloud_balancer_healthy_ratio", share, labels)


def _database(one: Database, place: Mapping[str, str]) -> Iterator[Series]:
    labels = {**place, "region": one.region, "id": one.id, "name": one.name}
    if one.health is not Health.UNKNOWN:
        yield _one("cloud_database_up", float(one.health is Health.HEALTHY), labels)
    for measure in (one.connections, one.connections_max, *one.metrics):
        if measure.value is not None:
            yield _one(f"cloud_database_{measure.name}", measure.value, labels)
    taken = connections_ratio(one)
    if taken is not None:
        yield _one("cloud_database_connections_ratio", taken, labels)


def connections_ratio(one: Database) -> float | None:
    """The share of connections that is taken; None where one of both is not known."""
    now, most = one.connections.value, one.connections_max.value
    return None if now is None or not most else now / most


def healthy_ratio(one: Pool) -> float | None:
    """The share of healthy targets, of those that are checked; None where there are none."""
    if one.healthy is not None:
        return one.healthy.value
    checked = [target for target in one.targets if target.health in (Health.HEALTHY, Health.UNHEALTHY)]
    return sum(target.health is Health.HEALTHY for target in checked) / len(checked) if checked else None


def _one(name: str, value: float, labels: Mapping[str, str]) -> Series:
    return HostSeries(name, tuple(sorted((key, text) for key, text in labels.items() if text))), float(value)
