"""Monitors that look when they are asked, without a server: of this machine, of containers, of clouds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from trimtab.app.clouds.clouds import Clouds
from trimtab.app.clouds.health import cloud_health
from trimtab.app.infrastructure.container_collecting import ContainerCollecting, ContainersNow
from trimtab.app.infrastructure.health import NO_CLOUD, container_health
from trimtab.model.clouds import CloudsPolicy, account_problem
from trimtab.model.errors import InputError
from trimtab.model.infrastructure import CLOUD_KEYS, Measure, unknown
from trimtab.model.infrastructure_settings import ContainersPolicy, HostPolicy, cluster_problem, engine_problem
from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.host import Host
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.usage import Usage
from trimtab.store.state import wall_clock_ms

FRESH_S = 1.0
"""What was read so lately is not read again."""


class SystemMonitor:
    """This machine. What is a rate is a mean since the look before; the first look waits for `interval_s`.

    >>> SystemMonitor(interval_s=0.1).get_load_average().unit
    'tasks'
    """

    def __init__(
        self,
        interval_s: float = 1.0,
        *,
        proc_path: str = "/proc",
        sys_path: str = "/sys",
        root_path: str = "/",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0.01 <= interval_s <= 300:
            raise InputError(f"interval_s must be from 0.01 to 300, found {interval_s:g}", field="interval_s")
        self._host = Host(HostPaths(proc_path, sys_path, root_path), slow_s=0.0)
        self._interval_s, self._sleep = interval_s, sleep
        self._looked_s = -1e9
        self.now = HostNow(self._host.name)

    def look(self) -> HostNow:
        """Look at everything now; twice, where there was no look before."""
        if self.now.why:
            self._look()
            self._sleep(self._interval_s)
        return self._look()

    def _look(self) -> HostNow:
        self.now = self.now.after(self._host.look(wall_clock_ms()), self._host.name, self._host.busiest)
        self._looked_s = time.monotonic()
        return self.now

    def _usage(self) -> Usage:
        if time.monotonic() - self._looked_s > FRESH_S:
            self.look()
        return Usage(self.now)

    def get_cpu_usage(self) -> Measure:
        """Busy share of all cores; parts are the cores and the modes."""
        return self._usage().cpu_utilization()

    def get_memory_usage(self) -> Measure:
        """Share of memory that is not available for programs."""
        return self._usage().memory_utilization()

    def get_disk_usage(self) -> Measure:
        """How full the fullest file system is; parts are all of them."""
        return self._usage().disk_usage()

    def get_network_stats(self) -> Measure:
        """Bytes a second in and out; parts are the interfaces by direction."""
        return self._usage().network_throughput()

    def get_load_average(self) -> Measure:
        """Tasks that run or wait, over one minute; parts are 5 and 15 minutes, and the cores."""
        return self._usage().load_average()


class ContainerMonitor:
    """Containers: of this machine's kernel, and of the engines that are named (`docker`, `kubernetes`, as the settings
    of the same names)."""

    def __init__(
        self,
        *,
        docker: str = "",
        kubernetes: str = "",
        cgroups: Sequence[str] = (),
        interval_s: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        for field, problem in (("docker", engine_problem(docker)), ("kubernetes", cluster_problem(kubernetes))):
            if problem is not None:
                raise InputError(f"{field}: {problem}", field=field)
        policy = replace(ContainersPolicy(), docker=docker, kubernetes=kubernetes, cgroups=tuple(cgroups))
        self._collecting = ContainerCollecting(lambda: policy, HostPolicy, lambda: None, wall_clock_ms)
        self._interval_s, self._sleep = interval_s, sleep
        self._looked_s = -1e9

    def look(self) -> ContainersNow:
        """Look now; twice, where there was no look before and there is something of which rates are told."""
        is_first = bool(self._collecting.now.why)
        now = self._collecting.look()
        if is_first and any("cpu_s" in one.numbers for one in now.containers):
            self._sleep(self._interval_s)
            now = self._collecting.look()
        self._looked_s = time.monotonic()
        return now

    def close(self) -> None:
        """Let connections to engines go."""
        self._collecting.stop()

    def _fresh(self) -> ContainersNow:
        if time.monotonic() - self._looked_s > FRESH_S:
            self.look()
        return self._collecting.now

    def is_containerized(self) -> bool:
        """Whether this process runs in a container; `look().evidence` says by which signs."""
        return self._fresh().evidence.is_containerized

    def get_cpu_usage(self) -> Measure:
        """Share of its limit that the busiest container uses; parts are all of them, with throttling."""
        return container_health(self._fresh())["container_cpu"]

    def get_memory_usage(self) -> Measure:
        """Share of its limit that the fullest container uses; parts are all of them, with kills for want of memory."""
        return container_health(self._fresh())["container_memory"]

    def get_restart_count(self) -> Measure:
        """Restarts, all added up; parts are the containers, with why each ended the last time."""
        return container_health(self._fresh())["container_restart_count"]

    def get_health_status(self) -> Measure:
        """Share of the containers with a health check that are healthy."""
        return container_health(self._fresh())["container_health_checks"]


class CloudResourceMonitor:
    """Accounts of clouds, as the setting `clouds.accounts` names them: `prod=aws regions=eu-central-1`."""

    def __init__(self, accounts: Sequence[str] = (), *, timeout_s: float = 30.0) -> None:
        for account in accounts:
            if (problem := account_problem(account)) is not None:
                raise InputError(f"accounts: {account!r}: {problem}", field="accounts")
        self._has_accounts, self._timeout_s = bool(accounts), timeout_s
        self._clouds = Clouds(replace(CloudsPolicy(), accounts=tuple(accounts)), wall_clock_ms)
        self._looked_s = -1e9
        self._health: dict[str, Measure] = {name: unknown(name, "", NO_CLOUD) for name in CLOUD_KEYS}

    def look(self) -> dict[str, Measure]:
        """Ask all of them now; what does not answer within `timeout_s` says so."""
        if self._has_accounts:
            self._health = cloud_health(self._clouds.look(self._timeout_s))
        self._looked_s = time.monotonic()
        return self._health

    def close(self) -> None:
        """End what still asks."""
        self._clouds.stop()

    def _fresh(self) -> dict[str, Measure]:
        return self.look() if time.monotonic() - self._looked_s > FRESH_S else self._health

    def get_instance_health(self) -> Measure:
        """Machines of all accounts."""
        return self._fresh()["instance_status"]

    def get_scaling_events(self) -> Measure:
        """Groups that are scaled, and what was done to them lately."""
        return self._fresh()["auto_scaling_status"]

    def get_lb_health(self) -> Measure:
        """Targets of load balancers."""
        return self._fresh()["load_balancer_health"]

    def get_db_connections(self) -> Measure:
        """Connections of databases that a cloud runs."""
        return self._fresh()["database_connections"]
