"""What is known of clouds as rows, flat and in JSON's types: the API, the command and the page show them. What is wrong
comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from trimtab.app.clouds.parts import ASKED, CloudsNow, Of, Part
from trimtab.app.clouds.series import connections_ratio, healthy_ratio
from trimtab.extend.clouds import Database, Health, Instance, Missing, Pool, ScalingEvent, ScalingGroup, ScalingOutcome

ROWS_MAX = 1_000
Row = TypeVar("Row")
_RANK = {
    Health.UNHEALTHY: 0,
    Health.STARTING: 1,
    Health.LEAVING: 2,
    Health.UNKNOWN: 3,
    Health.HEALTHY: 4,
    Health.IDLE: 5,
}


@dataclass(frozen=True, kw_only=True)
class AccountRow:
    """An account as it is configured."""

    account: str
    cloud: str


@dataclass(frozen=True, kw_only=True)
class CloudPartRow:
    """How one question went: of an account, in a region ('': all at once), for a thing. `read_at_ms` is 0 where it was
    never answered."""

    account: str
    cloud: str
    region: str
    what: str
    is_ok: bool
    problem: str
    trouble: str
    failing_since_ms: int
    asked_at_ms: int
    read_at_ms: int
    took_s: float
    count: int
    is_cut: bool
    missing: tuple[Missing, ...]


@dataclass(frozen=True, kw_only=True)
class InstanceRow(Instance):
    """A machine. `is_old`: the last question failed, this is from before."""

    account: str
    cloud: str
    is_old: bool


@dataclass(frozen=True, kw_only=True)
class GroupRow(ScalingGroup):
    """A group that scales."""

    account: str
    cloud: str
    is_old: bool


@dataclass(frozen=True, kw_only=True)
class EventRow(ScalingEvent):
    """A change of the size of a group."""

    account: str
    cloud: str
    is_old: bool


@dataclass(frozen=True, kw_only=True)
class PoolRow(Pool):
    """Targets of a load balancer."""

    account: str
    cloud: str
    is_old: bool
    healthy_ratio: float | None
    unhealthy_count: int


@dataclass(frozen=True, kw_only=True)
class DatabaseRow(Database):
    """A managed database."""

    account: str
    cloud: str
    is_old: bool
    connections_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many there are, shown or not."""

    instances: int
    running: int
    unhealthy_instances: int
    groups: int
    events: int
    failed_events: int
    pools: int
    unhealthy_targets: int
    databases: int
    failing: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class CloudsAnswer:
    """All that is known now; each list has `limit` rows at most, `counts` tells how many there are."""

    at_ms: int
    accounts: tuple[AccountRow, ...]
    counts: Counts
    asked: tuple[CloudPartRow, ...]
    instances: tuple[InstanceRow, ...]
    groups: tuple[GroupRow, ...]
    events: tuple[EventRow, ...]
    pools: tuple[PoolRow, ...]
    databases: tuple[DatabaseRow, ...]


def listed(now: CloudsNow, account: str | None = None, search: str = "", limit: int = ROWS_MAX) -> CloudsAnswer:
    """Rows of one account or of all; `search` is found in names, ids, regions and states."""
    wanted = search.strip().lower()

    def mine(of: Of[Any], *texts: str) -> bool:
        if account is not None and of.account != account:
            return False
        return not wanted or any(wanted in text.lower() for text in (of.account, of.cloud, of.item.region, *texts))

    instances = [
        of for of in now.instances if mine(of, of.item.id, of.item.name, of.item.type, of.item.state, of.item.health)
    ]
    groups = [of for of in now.groups if mine(of, of.item.name)]
    events = [of for of in now.events if mine(of, of.item.group, of.item.what, of.item.outcome)]
    pools = [of for of in now.pools if mine(of, of.item.name, *of.item.balancers)]
    databases = [of for of in now.databases if mine(of, of.item.name, of.item.engine, of.item.state)]
    parts = [one for one in now.parts if account is None or one.key.account == account]
    counts = Counts(
        instances=len(instances),
        running=sum(of.item.is_running for of in instances),
        unhealthy_instances=sum(of.item.health is Health.UNHEALTHY for of in instances),
        groups=len(groups),
        events=len(events),
        failed_events=sum(of.item.outcome is ScalingOutcome.FAILED for of in events),
        pools=len(pools),
        unhealthy_targets=sum(unhealthy_count(of.item) for of in pools),
        databases=len(databases),
        failing=sum(bool(one.problem) for one in parts),
        waiting=now.waiting,
    )
    instances.sort(key=lambda of: (_RANK[of.item.health], of.account, of.item.region, of.item.name, of.item.id))
    groups.sort(key=lambda of: (_is_short(of.item), of.account, of.item.region, of.item.name))
    pools.sort(key=lambda of: (-unhealthy_count(of.item), not of.item.why, of.account, of.item.region, of.item.name))
    databases.sort(key=lambda of: (-(connections_ratio(of.item) or 0.0), of.account, of.item.region, of.item.name))
    parts.sort(key=lambda one: (not one.problem, one.key))
    return CloudsAnswer(
        at_ms=now.at_ms,
        accounts=tuple(AccountRow(account=name, cloud=kind) for name, kind in now.accounts),
        counts=counts,
        asked=tuple(_part(one, limit) for one in parts[:limit]),
        instances=tuple(_row(InstanceRow, of) for of in instances[:limit]),
        groups=tuple(_row(GroupRow, of) for of in groups[:limit]),
        events=tuple(_row(EventRow, of) for of in events[:limit]),
        pools=tuple(
            _row(PoolRow, of, healthy_ratio=healthy_ratio(of.item), unhealthy_count=unhealthy_count(of.item))
            for of in pools[:limit]
        ),
        databases=tuple(
            _row(DatabaseRow, of, connections_ratio=connections_ratio(of.item)) for of in databases[:limit]
        ),
    )


def unhealthy_count(pool: Pool) -> int:
    """Targets that are not healthy."""
    return sum(target.health is Health.UNHEALTHY for target in pool.targets)


def _is_short(group: ScalingGroup) -> int:
    """0 for groups that lack machines or have bad ones, which come first."""
    lacks = group.running_count is not None and group.running_count < (group.desired_count or 0)
    return 0 if lacks or group.unhealthy_count else 1


def _row(kind: Callable[..., Row], of: Of[Any], **others: object) -> Row:
    known = {one.name: getattr(of.item, one.name) for one in fields(of.item)}
    return kind(**known, account=of.account, cloud=of.cloud, is_old=of.is_old, **others)


def _part(one: Part, limit: int) -> CloudPartRow:
    return CloudPartRow(
        account=one.key.account,
        cloud=one.cloud,
        region=one.key.region,
        what=one.key.aspect.value,
        is_ok=one.is_fresh if one.key.aspect in ASKED else not one.problem,
        problem=one.problem,
        trouble="" if one.trouble is None else one.trouble.value,
        failing_since_ms=one.failing_since_ms,
        asked_at_ms=one.asked_at_ms,
        read_at_ms=one.read_at_ms,
        took_s=one.took_s,
        count=one.items_count,
        is_cut=one.is_cut,
        missing=one.missing[:limit],
    )
