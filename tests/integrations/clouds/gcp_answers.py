"""What Google Cloud answers, written down after the documentation of its REST APIs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integrations.clouds.rest_server import Rest, paged

PROJECT = "shop-prod"
COMPUTE = f"https://www.googleapis.com/compute/v1/projects/{PROJECT}"
OWN = f"/compute/v1/projects/{PROJECT}"


def instance(name: str, status: str, zone: str = "europe-west3-a") -> dict[str, Any]:
    """A machine."""
    return {
        "kind": "compute#instance",
        "id": "4211234567890123456",
        "name": name,
        "status": status,
        "zone": f"{COMPUTE}/zones/{zone}",
        "machineType": f"{COMPUTE}/zones/{zone}/machineTypes/n2-standard-4",
        "selfLink": f"{COMPUTE}/zones/{zone}/instances/{name}",
    }


def full() -> Rest:
    """Three machines, a group with an autoscaler and an error, a backend service, two databases; a zone that does not
    answer."""
    zone = f"{COMPUTE}/zones/europe-west3-a"
    group = f"{zone}/instanceGroups/web"
    manager = {
        "name": "web",
        "selfLink": f"{zone}/instanceGroupManagers/web",
        "zone": zone,
        "instanceGroup": group,
        "targetSize": 3,
        "currentActions": {"none": 2, "creating": 1, "deleting": 0},
        "status": {"isStable": False},
    }
    scaler = {
        "name": "web",
        "zone": zone,
        "target": f"{zone}/instanceGroupManagers/web",
        "status": "ACTIVE",
        "autoscalingPolicy": {"minNumReplicas": 2, "maxNumReplicas": 8},
        "statusDetails": [{"type": "MODE_OFF", "message": "Autoscaling is off."}],
    }
    at = datetime.now(UTC)
    error = {
        "timestamp": (at - timedelta(minutes=5)).isoformat().replace("+00:00", "Z"),
        "error": {"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "The zone has no machines of this type."},
        "instanceActionDetails": {"action": "CREATING", "instance": f"{zone}/instances/web-x1"},
    }
    service = {"name": "web", "selfLink": f"{COMPUTE}/global/backendServices/web", "loadBalancingScheme": "EXTERNAL"}
    health = [
        {"instance": f"{zone}/instances/web-1", "ipAddress": "10.0.0.2", "port": 80, "healthState": "HEALTHY"},
        {"instance": f"{zone}/instances/web-2", "ipAddress": "10.0.0.3", "port": 80, "healthState": "UNHEALTHY"},
    ]
    machines = [instance("web-1", "RUNNING"), instance("web-2", "REPAIRING"), instance("old", "TERMINATED")]
    return Rest(
        {
            ("GET", f"{OWN}/aggregated/instances"): {
                "items": {
                    "zones/europe-west3-a": {"instances": machines},
                    "zones/us-east1-b": {"warning": {"code": "NO_RESULTS_ON_PAGE", "message": "no results"}},
                },
                "unreachables": ["zones/asia-east1-a"],
            },
            ("GET", f"{OWN}/aggregated/instanceGroupManagers"): {
                "items": {"zones/europe-west3-a": {"instanceGroupManagers": [manager]}}
            },
            ("GET", f"{OWN}/aggregated/autoscalers"): {"items": {"zones/europe-west3-a": {"autoscalers": [scaler]}}},
            ("GET", f"{OWN}/zones/europe-west3-a/instanceGroupManagers/web/listErrors"): {"items": [error]},
            ("GET", f"{OWN}/aggregated/backendServices"): {
                "items": {"global": {"backendServices": [{**service, "backends": [{"group": group}]}]}}
            },
            ("POST", f"{OWN}/global/backendServices/web/getHealth"): {"healthStatus": health},
            ("GET", f"/v1/projects/{PROJECT}/instances"): {"kind": "sql#instancesList", "items": databases()},
            ("GET", f"/v3/projects/{PROJECT}/timeSeries"): lambda request: {
                "timeSeries": series(request.query["filter"], at)
            },
        }
    )


def databases() -> list[dict[str, Any]]:
    """One with the flag set, one that is stopped."""
    shop = {
        "name": "shop",
        "connectionName": f"{PROJECT}:europe-west3:shop",
        "region": "europe-west3",
        "state": "RUNNABLE",
        "databaseVersion": "POSTGRES_16",
        "settings": {
            "tier": "db-custom-4-16384",
            "activationPolicy": "ALWAYS",
            "databaseFlags": [{"name": "max_connections", "value": "200"}],
        },
    }
    reports = {
        **shop,
        "name": "reports",
        "connectionName": f"{PROJECT}:europe-west3:reports",
        "databaseVersion": "MYSQL_8_0",
        "settings": {"tier": "db-n1-standard-1", "activationPolicy": "NEVER"},
    }
    return [shop, reports]


def series(chosen: str, at: datetime) -> list[dict[str, Any]]:
    """Of `shop`: 30 and 12 connections of two databases, the processor at 37.5 %; nothing else."""
    values: dict[str, list[dict[str, Any]]] = {
        "database/postgresql/num_backends": [{"int64Value": "30"}, {"int64Value": "12"}],
        "database/cpu/utilization": [{"doubleValue": 0.375}],
    }
    kind = chosen.partition('"')[2].rstrip('"')
    end = at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
    return [
        {
            "metric": {"type": kind, "labels": {"database": f"d{number}"} if len(found) > 1 else {}},
            "resource": {
                "type": "cloudsql_database",
                "labels": {"project_id": PROJECT, "region": "europe", "database_id": f"{PROJECT}:shop"},
            },
            "metricKind": "GAUGE",
            "valueType": "INT64" if "int64Value" in value else "DOUBLE",
            "points": [
                {"interval": {"startTime": end, "endTime": end}, "value": value},
                {"interval": {"startTime": end, "endTime": end}, "value": dict.fromkeys(value, 0)},
            ],
        }
        for path, found in values.items()
        if kind == f"cloudsql.googleapis.com/{path}"
        for number, value in enumerate(found)
    ]


def many(count: int, size: int) -> Rest:
    """Machines in pages."""
    machines: list[Any] = [instance(f"m-{number}", "RUNNING") for number in range(count)]
    return Rest(
        {
            ("GET", f"{OWN}/aggregated/instances"): paged(
                machines,
                size,
                "nextPageToken",
                lambda part: {"items": {"zones/europe-west3-a": {"instances": part}}},
            )
        }
    )
