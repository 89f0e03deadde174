"""What is underneath: this machine, other hosts by their series, containers, and health as one document."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.infrastructure.answers import ContainersStory, HostStory, containers_story, host_story
from trimtab.app.infrastructure.hosts import HostsAnswer, hosts_of
from trimtab.app.service import Service
from trimtab.model.infrastructure import InfrastructureHealth


def _health(service: Service, _request: Request, _body: None) -> InfrastructureHealth:
    return service.infrastructure.health()


def _host(service: Service, _request: Request, _body: None) -> HostStory:
    return host_story(service.infrastructure.host.now)


def _hosts(service: Service, _request: Request, _body: None) -> HostsAnswer:
    explorer = Explorer(service.querying, lambda: service.upstream)
    return hosts_of(explorer, service.now_ms(), service.infrastructure.own_labels)


def _containers(service: Service, _request: Request, _body: None) -> ContainersStory:
    return containers_story(service.infrastructure.containers.now)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/infrastructure",
        "How the machine, its containers and the clouds are: every value with unit, time and source, or why there is "
        "none",
        _health,
        answer=InfrastructureHealth,
    ),
    Operation(
        "GET",
        "/infrastructure/host",
        "This machine: utilisation, saturation and errors of each resource, the busiest processes, how collecting went",
        _host,
        answer=HostStory,
    ),
    Operation(
        "GET",
        "/infrastructure/hosts",
        "Every host that sends node_exporter's series, this one among them, the busiest first",
        _hosts,
        answer=HostsAnswer,
    ),
    Operation(
        "GET",
        "/infrastructure/containers",
        "Containers: processor time with throttling, memory against its limit, restarts, health",
        _containers,
        answer=ContainersStory,
    ),
)
