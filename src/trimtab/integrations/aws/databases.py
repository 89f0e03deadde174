"""Databases of RDS and Aurora: their state, their connections against the maximum, and CloudWatch's metrics of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trimtab.extend.clouds import CloudError, Database, Deadline, Missing, Seen
from trimtab.integrations.aws.calling import Calling, Found
from trimtab.integrations.aws.connections_max import ConnectionsMax
from trimtab.integrations.aws.names import database_health
from trimtab.model.infrastructure import Measure, unknown

SOURCE = "RDS DescribeDBInstances"
WINDOW_S = 900
"""CloudWatch tells values a few minutes late; what is older than this is not told as a value of now."""
PERIOD_S = 60
QUERIES_A_REQUEST = 500
VALUES_MAX = 10_000
"""Results of one request, over all its pages: a metric that has many values comes in several."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch: `scale` makes the base unit of it."""

    name: str
    cloudwatch: str
    unit: str
    scale: float = 1.0


METRICS: tuple[Metric, ...] = (
    Metric("connections", "DatabaseConnections", "connections"),
    Metric("cpu_utilization_ratio", "CPUUtilization", "ratio", 0.01),
    Metric("memory_free_bytes", "FreeableMemory", "bytes"),
    Metric("storage_free_bytes", "FreeStorageSpace", "bytes"),
    Metric("read_latency_seconds", "ReadLatency", "s"),
    Metric("write_latency_seconds", "WriteLatency", "s"),
    Metric("read_operations_per_second", "ReadIOPS", "operations/s"),
    Metric("write_operations_per_second", "WriteIOPS", "operations/s"),
    Metric("replica_lag_seconds", "ReplicaLag", "s"),
)
OPTIONAL = frozenset({"replica_lag_seconds"})
"""What only some databases have: not there is nothing to tell."""


class Databases:
    """Of one account. Thread-safe."""

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._maximum = ConnectionsMax(calling)

    def databases(self, region: str, ends: Deadline) -> Seen[Database]:
        """All of a region, up to the limit."""
        at_ms = time.time_ns() // 1_000_000
        found = self._calling.read(
            "rds", region, "describe_db_instances", ends, lambda page: page.get("DBInstances", ())
        )
        names = [str(one["DBInstanceIdentifier"]) for one in found.items]
        missing = list(found.missing)
        values: Mapping[tuple[str, str], Measure] = {}
        why = ""
        try:
            values = self._values(region, names, ends)
        except CloudError as error:
            why = error.message
            missing.append(Missing(region, "metrics of databases", error.message, error.trouble))
        items = tuple(self._database(one, region, ends, at_ms, values, why) for one in found.items)
        return Seen(items, tuple(missing), found.is_cut)

    def _database(
        self,
        one: Found,
        region: str,
        ends: Deadline,
        at_ms: int,
        values: Mapping[tuple[str, str], Measure],
        why: str,
    ) -> Database:
        name, state = str(one["DBInstanceIdentifier"]), str(one.get("DBInstanceStatus", ""))
        metrics: list[Measure] = []
        for metric in METRICS:
            value = values.get((name, metric.name))
            if value is None:
                told = why or f"CloudWatch has no value of the last {WINDOW_S // 60} minutes"
                value = unknown(metric.name, metric.unit, told, source=_source(metric), at_ms=at_ms)
                if metric.name in OPTIONAL and not why:
                    continue
            metrics.append(value)
        return Database(
            id=str(one.get("DBInstanceArn") or name),
            name=name,
            region=region,
            engine=f"{one.get('Engine', '')} {one.get('EngineVersion', '')}".strip(),
            type=str(one.get("DBInstanceClass", "")),
            state=state,
            health=database_health(state),
            connections=metrics[0],
            connections_max=self._maximum.of(one, region, ends, at_ms),
            metrics=tuple(metrics[1:]),
            at_ms=at_ms,
            source=SOURCE,
        )

    def _values(self, region: str, names: Sequence[str], ends: Deadline) -> dict[tuple[str, str], Measure]:
        """The newest value of each metric of each database, by name of database and metric."""
        wanted = [(name, metric) for name in names for metric in METRICS]
        until = datetime.now(UTC)
        found: dict[tuple[str, str], Measure] = {}
        for first in range(0, len(wanted), QUERIES_A_REQUEST):
            part = wanted[first : first + QUERIES_A_REQUEST]
            queries = [_query(f"q{number}", name, metric) for number, (name, metric) in enumerate(part)]
            read = self._calling.read(
                "cloudwatch",
                region,
                "get_metric_data",
                ends,
                lambda page: page.get("MetricDataResults", ()),
                in_pages_of=None,
                limit=VALUES_MAX,
                MetricDataQueries=queries,
                StartTime=until - timedelta(seconds=WINDOW_S),
                EndTime=until,
                ScanBy="TimestampDescending",
            )
            for result in read.items:
                if not result.get("Values"):
                    continue
                name, metric = part[int(str(result["Id"])[1:])]
                found.setdefault((name, metric.name), _measure(metric, result))
        return found


def _query(identity: str, name: str, metric: Metric) -> Mapping[str, object]:
    dimensions = [{"Name": "DBInstanceIdentifier", "Value": name}]
    return {
        "Id": identity,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/RDS", "MetricName": metric.cloudwatch, "Dimensions": dimensions},
            "Period": PERIOD_S,
            "Stat": "Average",
        },
    }


def _measure(metric: Metric, result: Found) -> Measure:
    """The newest value; it is a mean over the minute that begins at its time."""
    began = result["Timestamps"][0]
    return Measure(
        name=metric.name,
        value=float(result["Values"][0]) * metric.scale,
        unit=metric.unit,
        at_ms=int(began.timestamp() * 1000) + PERIOD_S * 1000,
        source=_source(metric),
        interval_ms=PERIOD_S * 1000,
    )


def _source(metric: Metric) -> str:
    return f"CloudWatch AWS/RDS {metric.cloudwatch}"
