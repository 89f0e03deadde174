"""`InfrastructureMonitor`: how this machine, its containers and the clouds are, asked from Python, without a server."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.app.infrastructure.health import health_of
from trimtab.app.infrastructure.monitors import CloudResourceMonitor, ContainerMonitor, SystemMonitor
from trimtab.model.infrastructure import InfrastructureHealth
from trimtab.observe.containers.cgroups import evidence
from trimtab.store.state import wall_clock_ms

__all__ = ["CloudResourceMonitor", "ContainerMonitor", "InfrastructureMonitor", "SystemMonitor", "is_containerized"]


def is_containerized() -> bool:
    """Whether this process runs in a container. What engines leave behind (`/.dockerenv`) is not believed where every
    namespace is the machine's own; `ContainerMonitor().look().evidence` has the signs.

    >>> is_containerized() in (True, False)
    True
    """
    return evidence().is_containerized


class InfrastructureMonitor:
    """All three together. Every value has a unit, a time and a source, or says why there is none.

    >>> health = InfrastructureMonitor(interval_s=0.1).monitor_infrastructure_health()
    >>> health["system"]["memory_utilization"].unit, sorted(health.containers)[0]
    ('ratio', 'container_cpu')
    """

    def __init__(
        self,
        *,
        interval_s: float = 1.0,
        docker: str = "",
        kubernetes: str = "",
        cgroups: Sequence[str] = (),
        accounts: Sequence[str] = (),
    ) -> None:
        self.system_monitor = SystemMonitor(interval_s)
        self.container_monitor = ContainerMonitor(
            docker=docker, kubernetes=kubernetes, cgroups=cgroups, interval_s=interval_s
        )
        self.cloud_monitor = CloudResourceMonitor(accounts)

    def monitor_infrastructure_health(self) -> InfrastructureHealth:
        """Look at everything now."""
        cloud = self.cloud_monitor.look()
        containers = self.container_monitor.look()
        return health_of(self.system_monitor.look(), containers, cloud, wall_clock_ms())

    def close(self) -> None:
        """Let connections to engines and clouds go."""
        self.container_monitor.close()
        self.cloud_monitor.close()
