"""Flexible servers of PostgreSQL and MySQL: state, connections against the maximum, and Azure Monitor's metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from trimtab.extend.clouds import CloudError, Database, Deadline, Health, Missing, Seen
from trimtab.integrations.azure.calling import Calling, Found, key_of, region_of
from trimtab.integrations.azure.health import Availability, availability
from trimtab.integrations.azure.metrics import MINUTE_MS, WINDOW_S, Newest, newest
from trimtab.model.infrastructure import Measure, unknown

CONNECTIONS, UNIT = "active_connections", "connections"
PARAMETER = "flexibleServers configurations max_connections"
KEPT_S = 3600.0
_STATES = {
    "Starting": Health.STARTING,
    "Updating": Health.STARTING,
    "Restarting": Health.STARTING,
    "Provisioning": Health.STARTING,
    "Stopping": Health.LEAVING,
    "Dropping": Health.LEAVING,
    "Stopped": Health.IDLE,
    "Disabled": Health.UNHEALTHY,
    "Inaccessible": Health.UNHEALTHY,
}


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of server: its provider, the word for it, and the version of its API."""

    provider: str
    word: str
    version: str
    lag: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of Azure Monitor: `scale` makes the base unit of it."""

    name: str
    azure: str
    unit: str
    scale: float


ENGINES = (
    Engine("Microsoft.DBforPostgreSQL", "postgresql", "2024-08-01", "physical_replication_delay_in_seconds"),
    Engine("Microsoft.DBforMySQL", "mysql", "2023-12-30", "replication_lag"),
)
METRICS = (
    Metric("cpu_utilization_ratio", "cpu_percent", "ratio", 0.01),
    Metric("memory_utilization_ratio", "memory_percent", "ratio", 0.01),
    Metric("storage_utilization_ratio", "storage_percent", "ratio", 0.01),
)


class Databases:
    """Of one account. Thread-safe; the maximum of connections is kept for an hour."""

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._lock = Lock()
        self._known: dict[str, tuple[float, Measure]] = {}

    def databases(self, ends: Deadline) -> Seen[Database]:
        """All of the subscription, up to the limit. Where one kind of server is not told, the other is."""
        missing: list[Missing] = []
        servers: list[tuple[Engine, Found]] = []
        is_cut = False
        errors: list[CloudError] = []
        for engine in ENGINES:
            path = self._calling.of_subscription(f"{engine.provider}/flexibleServers")
            try:
                read = self._calling.read(path, engine.version, ends)
            except CloudError as error:
                errors.append(error)
                missing.append(Missing("", f"{engine.word} servers", error.message, error.trouble))
                continue
            missing += read.missing
            is_cut = is_cut or read.is_cut
            servers += [(engine, one) for one in self._calling.here(read.items)]
        if len(errors) == len(ENGINES):
            raise errors[0]
        healths = availability(self._calling, ends) if servers else Availability({})
        missing += healths.missing
        items = tuple(self._database(engine, one, healths, ends, missing) for engine, one in servers)
        return Seen(items, tuple(missing), is_cut)

    def _database(
        self, engine: Engine, one: Found, healths: Availability, ends: Deadline, missing: list[Missing]
    ) -> Database:
        identity, name = str(one.get("id", "")), str(one.get("name", ""))
        at_ms = time.time_ns() // 1_000_000
        why = ""
        lag = Metric("replica_lag_seconds", engine.lag, "s", 1.0)
        asked = (CONNECTIONS, *(metric.azure for metric in METRICS), lag.azure)
        values: dict[tuple[str, str], Newest] = {}
        try:
            values = newest(self._calling, identity, asked, ends)
        except CloudError as error:
            why = error.message
            missing.append(Missing(region_of(one), f"metrics of {name}", error.message, error.trouble))

        def measure(metric: Metric) -> Measure:
            source = f"Monitor {engine.provider}/flexibleServers {metric.azure}"
            value = values.get((metric.azure, ""))
            if value is None:
                told = why or f"Azure Monitor has no value of the last {WINDOW_S // 60} minutes"
                return unknown(metric.name, metric.unit, told, source=source, at_ms=at_ms)
            number = value.value * metric.scale
            return Measure(metric.name, number, metric.unit, value.at_ms, source, interval_ms=MINUTE_MS)

        properties = one.get("properties", {})
        state = str(properties.get("state", ""))
        has_lag = (lag.azure, "") in values
        return Database(
            id=identity,
            name=name,
            region=region_of(one),
            engine=f"{engine.word} {properties.get('version', '')}".strip(),
            type=str(one.get("sku", {}).get("name", "")),
            state=state.lower(),
            health=_STATES.get(state, healths.of(identity)[0]),
            connections=measure(Metric("connections", CONNECTIONS, UNIT, 1.0)),
            connections_max=self._maximum(engine, identity, ends, at_ms),
            metrics=tuple(measure(metric) for metric in (*METRICS, *((lag,) if has_lag else ()))),
            at_ms=at_ms,
            source=f"{engine.provider}/flexibleServers, Resource Health",
        )

    def _maximum(self, engine: Engine, identity: str, ends: Deadline, at_ms: int) -> Measure:
        key = key_of(identity)
        with self._lock:
            known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            found = self._calling.get(f"{identity}/configurations/max_connections", engine.version, ends)
            text = str(found.get("properties", {}).get("value", ""))
            why = "" if text.isdigit() else f"max_connections is {text[:40]!r}"
        except CloudError as error:
            text, why = "", error.message
        if why:
            return unknown("connections_max", UNIT, why, source=PARAMETER, at_ms=at_ms)
        made = Measure("connections_max", float(text), UNIT, at_ms, PARAMETER)
        with self._lock:
            self._known[key] = (time.monotonic() + KEPT_S, made)
        return made
