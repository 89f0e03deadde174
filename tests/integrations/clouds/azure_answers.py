"""What Azure answers, written down after the documentation of Resource Manager's REST APIs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integrations.clouds.rest_server import Json, Request, Rest

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
OF = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{OF}/resourceGroups/shop/providers"
MACHINES = f"{OF}/providers/Microsoft.Compute/virtualMachines"


def machine(name: str, location: str = "westeurope") -> dict[str, Any]:
    """A virtual machine without its state."""
    return {
        "id": f"{GROUP}/Microsoft.Compute/virtualMachines/{name}",
        "name": name,
        "type": "Microsoft.Compute/virtualMachines",
        "location": location,
        "zones": ["1"],
        "properties": {
            "vmId": "0d1e9a70-0000-0000-0000-000000000000",
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "provisioningState": "Succeeded",
        },
    }


def state(name: str, power: str) -> dict[str, Any]:
    """The same with its state alone; Azure writes the group in capitals there."""
    one = machine(name)
    statuses = [
        {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"},
        {"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"},
    ]
    return {
        **one,
        "id": one["id"].replace("resourceGroups/shop", "resourceGroups/SHOP"),
        "properties": {"provisioningState": "Succeeded", "instanceView": {"statuses": statuses}},
    }


def availability(identity: str, said: str, summary: str = "") -> dict[str, Any]:
    """What Resource Health says of a resource."""
    return {
        "id": f"{identity}/providers/Microsoft.ResourceHealth/availabilityStatuses/current",
        "name": "current",
        "type": "Microsoft.ResourceHealth/AvailabilityStatuses",
        "properties": {"availabilityState": said, "title": said, "summary": summary, "reasonType": "Unplanned"},
    }


def metric(name: str, *series: tuple[str, list[float | None]]) -> dict[str, Any]:
    """A metric, minute by minute up to now; None is a minute for which nothing came yet."""
    until = datetime.now(UTC).replace(second=0, microsecond=0)
    return {
        "id": f"{GROUP}/x/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "unit": "Count",
        "timeseries": [
            {
                "metadatavalues": [{"name": {"value": "backendipaddress"}, "value": of}] if of else [],
                "data": [
                    {
                        "timeStamp": f"{until - timedelta(minutes=len(values) - number):%Y-%m-%dT%H:%M:%SZ}",
                        **({} if value is None else {"average": value}),
                    }
                    for number, value in enumerate(values)
                ],
            }
            for of, values in series
        ],
    }


def metrics(*found: dict[str, Any]) -> Json:
    """An answer with metrics."""
    return {
        "cost": 1,
        "timespan": "",
        "interval": "PT1M",
        "namespace": "x",
        "resourceregion": "x",
        "value": list(found),
    }


def event(name: str, operation: str, status: str, **properties: str) -> dict[str, Any]:
    """An entry of the activity log."""
    return {
        "eventDataId": f"{name}-0000-0000-0000-000000000000",
        "id": f"{OF}/events/{name}",
        "category": {"value": "Autoscale", "localizedValue": "Autoscale"},
        "operationName": {
            "value": f"Microsoft.Insights/AutoscaleSettings/{operation}/Action",
            "localizedValue": operation,
        },
        "resourceId": f"{GROUP}/microsoft.insights/autoscalesettings/web",
        "status": {"value": status, "localizedValue": status},
        "eventTimestamp": (datetime.now(UTC) - timedelta(minutes=3)).isoformat().replace("+00:00", "Z"),
        "description": f"The autoscale engine {operation}",
        "properties": {
            "ResourceName": f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets/web",
            **properties,
        },
    }


def full() -> Rest:
    """Three machines in two pages, a scale set, a load balancer and two databases."""
    scale_set = f"{GROUP}/Microsoft.Compute/virtualMachineScaleSets/web"
    balancer = f"{GROUP}/Microsoft.Network/loadBalancers/front"
    shop = f"{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/shop"
    rest = Rest()

    def machines(request: Request) -> Json:
        if request.query.get("statusOnly") == "true":
            return {"value": [state("web-1", "running"), state("web-2", "running"), state("old", "deallocated")]}
        if request.query.get("page") == "2":
            return {"value": [machine("old", "northeurope")]}
        link = f"{rest.url}{MACHINES}?page=2&api-version=2024-07-01"
        return {"value": [machine("web-1"), machine("web-2")], "nextLink": link}

    setting = {
        "id": f"{GROUP}/microsoft.insights/autoscalesettings/web",
        "name": "web",
        "location": "westeurope",
        "properties": {
            "enabled": True,
            "targetResourceUri": scale_set.lower(),
            "profiles": [
                {"name": "default", "capacity": {"minimum": "2", "maximum": "8", "default": "2"}, "rules": []}
            ],
        },
    }
    flexible = {"location": "West Europe", "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}}
    rest.routes = {
        ("GET", MACHINES): machines,
        ("GET", f"{OF}/providers/Microsoft.ResourceHealth/availabilityStatuses"): {
            "value": [
                availability(machine("web-1")["id"], "Available"),
                availability(machine("web-2")["id"], "Unavailable", "The host has a problem."),
                availability(shop.lower(), "Available"),
            ]
        },
        ("GET", f"{OF}/providers/Microsoft.Compute/virtualMachineScaleSets"): {
            "value": [{"id": scale_set, "name": "web", "location": "westeurope", "sku": {"name": "D2", "capacity": 3}}]
        },
        ("GET", f"{scale_set}/instanceView"): {
            "virtualMachine": {
                "statusesSummary": [
                    {"code": "ProvisioningState/succeeded", "count": 2},
                    {"code": "HealthState/unhealthy", "count": 1},
                ]
            }
        },
        ("GET", f"{OF}/providers/Microsoft.Insights/autoscalesettings"): {"value": [setting]},
        ("GET", f"{OF}/providers/Microsoft.Insights/eventtypes/management/values"): {
            "value": [
                event("b1", "ScaleupResult", "Failed", OldInstancesCount="2", NewInstancesCount="3"),
                event("a1", "Scaleup", "Succeeded"),
            ]
        },
        ("GET", f"{OF}/providers/Microsoft.Network/loadBalancers"): {
            "value": [
                {
                    "id": balancer,
                    "name": "front",
                    "location": "westeurope",
                    "sku": {"name": "Standard"},
                    "properties": {"provisioningState": "Succeeded", "backendAddressPools": [{"name": "web"}]},
                },
                {
                    "id": f"{balancer}-old",
                    "name": "front-old",
                    "location": "westeurope",
                    "sku": {"name": "Basic"},
                    "properties": {"provisioningState": "Succeeded", "backendAddressPools": [{"name": "old"}]},
                },
            ]
        },
        ("GET", f"{balancer}/providers/Microsoft.Insights/metrics"): metrics(
            metric("DipAvailability", ("10.0.0.4", [100.0, 100.0, None]), ("10.0.0.5", [100.0, 40.0, None]))
        ),
        ("GET", f"{OF}/providers/Microsoft.DBforPostgreSQL/flexibleServers"): {
            "value": [{"id": shop, "name": "shop", **flexible, "properties": {"state": "Ready", "version": "16"}}]
        },
        ("GET", f"{OF}/providers/Microsoft.DBforMySQL/flexibleServers"): {"value": []},
        ("GET", f"{shop}/configurations/max_connections"): {
            "id": f"{shop}/configurations/max_connections",
            "name": "max_connections",
            "properties": {"value": "859", "defaultValue": "859", "dataType": "Integer"},
        },
        ("GET", f"{shop}/providers/Microsoft.Insights/metrics"): metrics(
            metric("active_connections", ("", [40.0, 42.0, None])), metric("cpu_percent", ("", [37.5]))
        ),
    }
    return rest


def many(count: int, size: int) -> Rest:
    """Machines in pages."""
    rest = Rest()

    def machines(request: Request) -> Json:
        first = int(request.query.get("skip", "0"))
        items = [machine(f"m-{number}") for number in range(first, min(first + size, count))]
        only = "&statusOnly=true" if request.query.get("statusOnly") else ""
        link = f"{rest.url}{MACHINES}?api-version=2024-07-01&skip={first + size}{only}"
        return {"value": items, **({"nextLink": link} if first + size < count else {})}

    rest.routes[("GET", MACHINES)] = machines
    return rest
