"""Looks at containers again and again, on a thread of its own: cgroups, Docker's engine, Kubernetes; what several tell
of one container is put together by its id. An engine that does not answer keeps nobody waiting but this thread.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from trimtab.app.infrastructure.host_collecting import is_on, why_off
from trimtab.app.infrastructure.writer import Group, SeriesWriter
from trimtab.app.own.metrics import Number
from trimtab.model.errors import InputError, ServerUnreachable, SpoolFull, StoreError
from trimtab.observe.containers.asking import Asking
from trimtab.observe.containers.cgroups import Evidence, evidence
from trimtab.observe.containers.container import Container, Listed
from trimtab.observe.containers.docker import SOURCE as DOCKER
from trimtab.observe.containers.docker import DockerEngine
from trimtab.observe.containers.kernel import OWN, KernelContainers
from trimtab.observe.containers.kubernetes import SOURCE as KUBERNETES
from trimtab.observe.containers.kubernetes import Kubernetes, asking_of
from trimtab.observe.containers.series_of import series_of
from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.series import HostSeries
from trimtab.observe.host.small import host_name

if TYPE_CHECKING:
    from trimtab.model.infrastructure_settings import ContainersPolicy, HostPolicy
    from trimtab.store.metrics.contract import MetricStore

JOB = "cadvisor"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ContainersNow:
    """Containers as they were seen last; replaced as a whole. `before` is one look earlier, for what is a rate."""

    at_ms: int = 0
    containers: tuple[Container, ...] = ()
    before: Mapping[str, Container] = field(default_factory=dict)
    sources: tuple[Listed, ...] = ()
    """What each source told, without its containers."""
    evidence: Evidence = field(default_factory=lambda: Evidence(False, ()))
    why: str = "nothing was collected yet"

    def cores(self, one: Container) -> float | None:
        """How many cores it kept busy between the last two looks, or as its source says."""
        if (told := one.numbers.get("cpu_cores")) is not None:
            return told
        return self.rate(one, "cpu_s")

    def rate(self, one: Container, name: str) -> float | None:
        """How much a counter grew a second; None where there were not two looks, or it began anew."""
        earlier = self.before.get(one.key)
        now, then = one.numbers.get(name), None if earlier is None else earlier.numbers.get(name)
        if earlier is None or now is None or then is None or one.at_ms <= earlier.at_ms or now < then:
            return None
        return (now - then) / ((one.at_ms - earlier.at_ms) / 1000)

    def throttled_share(self, one: Container) -> float | None:
        """Of the scheduler's periods in which it ran, the share in which it was stopped for having used its limit."""
        earlier = self.before.get(one.key)
        periods = _grown(one, earlier, "cpu_periods")
        stopped = _grown(one, earlier, "cpu_throttled_periods")
        if periods is None or stopped is None:
            return None
        return stopped / periods if periods else 0.0


def _grown(one: Container, earlier: Container | None, name: str) -> float | None:
    now, then = one.numbers.get(name), None if earlier is None else earlier.numbers.get(name)
    return None if now is None or then is None or now < then else now - then


class ContainerCollecting:
    """Thread-safe to read. `look` is for one thread at a time."""

    def __init__(
        self,
        policy: Callable[[], ContainersPolicy],
        host: Callable[[], HostPolicy],
        metrics: Callable[[], MetricStore | None],
        now_ms: Callable[[], int],
        on_look: Callable[[ContainersNow], None] | None = None,
    ) -> None:
        self._policy, self._host, self._metrics, self._now_ms, self._on_look = policy, host, metrics, now_ms, on_look
        self._kernel: KernelContainers | None = None
        self._docker: DockerEngine | None = None
        self._kubernetes: Kubernetes | None = None
        self._writer: SeriesWriter | None = None
        self._series: dict[str, tuple[HostSeries, ...]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.now = ContainersNow()
        self.looks_count = 0
        self.look_cpu_s = 0.0
        self.failures: dict[str, int] = {}
        self.store_failures_count = 0
        self.problem: str | None = None

    def start(self) -> None:
        """Begin, on a thread."""
        self._thread = threading.Thread(target=self._run, name="containers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, before the store is closed; a question that is under way is waited for no longer than it may take."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for engine in (self._docker, self._kubernetes):
            if engine is not None:
                engine.close()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stop.wait(max(0.0, next_s - time.monotonic())):
            policy = self._policy()
            if is_on(collect=policy.collect):
                try:
                    self.look()
                except Exception as error:  # a fault of ours must not end the collecting; it is logged, counted, shown
                    log.exception("containers_look_broke")
                    self._failed("look")
                    self.problem = f"internal error: {type(error).__name__}: {error}"
            else:
                self.now = ContainersNow(why=why_off(collect=policy.collect, section="containers"))
            next_s = max(next_s + policy.interval_s, time.monotonic())

    def look(self) -> ContainersNow:
        """Look, store, and keep."""
        policy, host = self._policy(), self._host()
        paths = HostPaths(host.proc_path, host.sys_path, host.root_path)
        if self._kernel is None:
            self._kernel = KernelContainers(paths, policy.cgroups)
            self._writer = SeriesWriter(self._metrics, {"job": JOB, "instance": host.instance or host_name(paths)})
        at_ms, began_s = self._now_ms(), time.thread_time()
        kernel = self._kernel.look(at_ms, policy.containers_max)
        seen = {one.key: one for one in kernel.containers}
        docker = self._ask_docker(policy, at_ms, seen)
        cluster = self._ask_kubernetes(policy, at_ms)
        whole = together(kernel, docker, cluster)
        self.look_cpu_s += time.thread_time() - began_s
        self.looks_count += 1
        sources = (kernel, docker, cluster)
        for one in sources:
            if one.why and not one.is_absent and one is not kernel:
                self._failed(one.source)
        before = {one.key: one for one in self.now.containers}
        kept = tuple(Listed(one.source, (), one.why, one.left_out_count, one.is_absent) for one in sources)
        self.now = ContainersNow(at_ms, whole, before, kept, evidence(), "")
        self._store(at_ms)
        if self._on_look is not None:
            self._on_look(self.now)
        return self.now

    def _ask_docker(self, policy: ContainersPolicy, at_ms: int, seen: Mapping[str, Container]) -> Listed:
        if not policy.docker:
            why = 'no engine is named (containers.docker = "unix:///var/run/docker.sock")'
            return Listed(DOCKER, why=why, is_absent=True)
        if self._docker is None:
            self._docker = DockerEngine(Asking(policy.docker))
        return self._docker.look(at_ms, policy.containers_max, seen)

    def _ask_kubernetes(self, policy: ContainersPolicy, at_ms: int) -> Listed:
        if not policy.kubernetes:
            why = 'no cluster is named (containers.kubernetes = "in-cluster")'
            return Listed(KUBERNETES, why=why, is_absent=True)
        try:
            if self._kubernetes is None:
                self._kubernetes = Kubernetes(asking_of(policy.kubernetes), policy.kubernetes_node)
            return self._kubernetes.look(at_ms, policy.containers_max)
        except ServerUnreachable as error:
            return Listed(KUBERNETES, why=error.message)

    def _store(self, at_ms: int) -> None:
        groups: list[Group] = []
        for one in self.now.containers:
            series, values = series_of(one)
            known = self._series.get(one.key)
            if known is None or known != series:
                self._series[one.key] = known = series
            groups.append((one.key, known, values))
        ended = [key for key in self._series if key not in {one.key for one in self.now.containers}]
        for key in ended:
            del self._series[key]
        if self._writer is None or not (groups or ended):
            return
        try:
            self._writer.write(groups, at_ms, ended)
        except (StoreError, SpoolFull, InputError) as error:
            self.store_failures_count += 1
            self.problem = f"what was seen of containers could not be stored: {error.message}"
            log.warning("containers_not_stored", reason=error.message)
        else:
            refused = self._writer.refusals
            self.problem = f"series of containers were refused: {refused[0]}" if refused else None

    def _failed(self, source: str) -> None:
        self.failures[source] = self.failures.get(source, 0) + 1

    def numbers(self) -> Iterator[Number]:
        """What collecting costs, and how it went."""
        yield Number("trimtab_containers_looks_total", self.looks_count)
        yield Number("trimtab_containers_look_cpu_seconds_total", self.look_cpu_s)
        yield Number("trimtab_containers_store_failures_total", self.store_failures_count)
        yield Number("trimtab_containers_seen", len(self.now.containers))
        for source, count in list(self.failures.items()):
            yield Number("trimtab_containers_source_failures_total", count, {"source": source})


def together(kernel: Listed, docker: Listed, cluster: Listed) -> tuple[Container, ...]:
    """One entry for each container: words of engines, numbers of the kernel where it has them.

    A cluster says more of a container than the engine of one node, so its name and labels win.
    """
    found = {one.key: one for one in kernel.containers}
    for listed in (docker, cluster):
        for one in listed.containers:
            seen = found.get(one.key)
            found[one.key] = one if seen is None else one.with_kernel(seen)
    own = [key for key, one in found.items() if one.name == OWN]
    if len(found) > len(own):  # what an engine tells by id is the same container seen from outside
        for key in own:
            same = [one for one in found.values() if one.key != key and _is_own(one)]
            if same:
                del found[key]
    return tuple(sorted(found.values(), key=lambda one: (one.labels.get("namespace", ""), one.name, one.key)))


def _is_own(one: Container) -> bool:
    name = os.uname().nodename
    return one.key.startswith(name) or one.labels.get("pod") == name
