"""Cloud SQL: instances, their connections against the maximum, and Cloud Monitoring's metrics of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from trimtab.extend.clouds import CloudError, Database, Deadline, Health, Missing, Seen
from trimtab.integrations.gcp.calling import MONITORING, SQL, Calling, Found
from trimtab.integrations.gcp.scaling import moment_ms
from trimtab.model.infrastructure import Measure, unknown

SOURCE = "Cloud SQL Admin instances.list"
FLAG = "Cloud SQL flag max_connections"
WINDOW_S = 900
"""Cloud Monitoring tells values some minutes late; what is older than this is not told as a value of now."""
_HEALTH = {
    "RUNNABLE": Health.HEALTHY,
    "PENDING_CREATE": Health.STARTING,
    "MAINTENANCE": Health.STARTING,
    "REPAIRING": Health.UNHEALTHY,
    "FAILED": Health.UNHEALTHY,
    "SUSPENDED": Health.IDLE,
    "STOPPED": Health.IDLE,
    "PENDING_DELETE": Health.LEAVING,
}


SERIES_MAX = 20_000
"""Series of one metric: connections are told by database of each instance."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of Cloud Monitoring; where several series of one instance have it, they are added up."""

    name: str
    path: str
    unit: str


POSTGRES_CONNECTIONS = Metric("connections", "database/postgresql/num_backends", "connections")
CONNECTIONS = Metric("connections", "database/network/connections", "connections")
METRICS: tuple[Metric, ...] = (
    Metric("cpu_utilization_ratio", "database/cpu/utilization", "ratio"),
    Metric("memory_utilization_ratio", "database/memory/utilization", "ratio"),
    Metric("storage_utilization_ratio", "database/disk/utilization", "ratio"),
    Metric("replica_lag_seconds", "database/replication/replica_lag", "s"),
)
OPTIONAL = frozenset({"replica_lag_seconds"})


def databases(calling: Calling, ends: Deadline) -> Seen[Database]:
    """All of the project, up to the limit."""
    at_ms = time.time_ns() // 1_000_000
    read = calling.read(
        SQL,
        f"/v1/projects/{calling.project}/instances",
        ends,
        lambda page: page.get("items") or (),
        missing_of=lambda page: map(_warning, page.get("warnings") or ()),
    )
    wanted = calling.account.regions
    found = [one for one in read.items if not wanted or one.get("region") in wanted]
    missing = list(read.missing)
    values: dict[Metric, Mapping[str, Measure]] = {}
    whys: dict[Metric, str] = {}
    for metric in (POSTGRES_CONNECTIONS, CONNECTIONS, *METRICS) if found else ():
        try:
            values[metric] = _values(calling, metric, ends)
        except CloudError as error:
            whys[metric] = error.message
            missing.append(Missing("", f"metric {metric.path} of databases", error.message, error.trouble))
    items = tuple(_database(one, f"{calling.project}:{one.get('name', '')}", at_ms, values, whys) for one in found)
    return Seen(items, tuple(missing), read.is_cut)


def _warning(told: Found) -> Missing:
    return Missing(str(told.get("region", "")), "databases", str(told.get("message") or told.get("code") or ""))


def _database(
    one: Found,
    identity: str,
    at_ms: int,
    values: Mapping[Metric, Mapping[str, Measure]],
    whys: Mapping[Metric, str],
) -> Database:
    def value(metric: Metric) -> Measure:
        found = values.get(metric, {}).get(identity)
        why = whys.get(metric) or f"Cloud Monitoring has no value of the last {WINDOW_S // 60} minutes"
        return found or unknown(metric.name, metric.unit, why, source=_source(metric), at_ms=at_ms)

    settings = one.get("settings", {})
    version = str(one.get("databaseVersion", ""))
    state = str(one.get("state", ""))
    is_stopped = state == "RUNNABLE" and settings.get("activationPolicy") == "NEVER"
    metrics = [value(metric) for metric in METRICS]
    return Database(
        id=str(one.get("connectionName") or identity),
        name=str(one.get("name", "")),
        region=str(one.get("region", "")),
        engine=version.lower().replace("_", " ", 1).replace("_", "."),
        type=str(settings.get("tier", "")),
        state="stopped" if is_stopped else state.lower(),
        health=Health.IDLE if is_stopped else _HEALTH.get(state, Health.UNKNOWN),
        connections=value(POSTGRES_CONNECTIONS if version.startswith("POSTGRES") else CONNECTIONS),
        connections_max=_maximum(settings, at_ms),
        metrics=tuple(one for one in metrics if one.is_known or one.name not in OPTIONAL),
        at_ms=at_ms,
        source=SOURCE,
    )


def _maximum(settings: Found, at_ms: int) -> Measure:
    """The flag, where it is set; the default of a machine's type is not told by the API."""
    for flag in settings.get("databaseFlags") or ():
        if flag.get("name") in ("max_connections", "user connections") and str(flag.get("value", "")).isdigit():
            return Measure("connections_max", float(flag["value"]), "connections", at_ms, FLAG)
    why = "the flag max_connections is not set, and the API does not tell the default of its machine type"
    return unknown("connections_max", "connections", why, source=FLAG, at_ms=at_ms)


def _values(calling: Calling, metric: Metric, ends: Deadline) -> dict[str, Measure]:
    """By `project:instance`: the newest value, added up over the series of one instance (databases)."""
    until = datetime.now(UTC)
    read = calling.read(
        MONITORING,
        f"/v3/projects/{calling.project}/timeSeries",
        ends,
        lambda page: page.get("timeSeries") or (),
        page_size="pageSize",
        limit=SERIES_MAX,
        parameters={
            "filter": f'metric.type="cloudsql.googleapis.com/{metric.path}"',
            "interval.startTime": f"{until - timedelta(seconds=WINDOW_S):%Y-%m-%dT%H:%M:%SZ}",
            "interval.endTime": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "view": "FULL",
        },
    )
    newest: dict[str, list[tuple[int, float]]] = {}
    for series in read.items:
        points = series.get("points") or ()
        if points:
            identity = str(series.get("resource", {}).get("labels", {}).get("database_id", ""))
            newest.setdefault(identity, []).append(_newest(points[0]))
    made = partial(Measure, metric.name, unit=metric.unit, source=_source(metric))
    return {
        identity: made(value=sum(value for _, value in points), at_ms=max(at for at, _ in points))
        for identity, points in newest.items()
    }


def _newest(point: Found) -> tuple[int, float]:
    told = point.get("value", {})
    number = told.get("doubleValue", told.get("int64Value", 0))
    return moment_ms(str(point.get("interval", {}).get("endTime", ""))), float(number)


def _source(metric: Metric) -> str:
    return f"Cloud Monitoring cloudsql.googleapis.com/{metric.path}"
