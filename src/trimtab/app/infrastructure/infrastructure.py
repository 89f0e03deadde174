"""What is underneath, for everybody above: collecting of the host and its containers, and how they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from trimtab.app.infrastructure.container_collecting import ContainerCollecting
from trimtab.app.infrastructure.health import health_of
from trimtab.app.infrastructure.host_collecting import HostCollecting
from trimtab.app.own.metrics import Number
from trimtab.model.infrastructure import InfrastructureHealth, Measure

if TYPE_CHECKING:
    from trimtab.app.config import Config
    from trimtab.store.metrics.contract import MetricStore


class Infrastructure:
    """Thread-safe."""

    def __init__(
        self,
        config: Callable[[], Config],
        metrics: Callable[[], MetricStore | None],
        now_ms: Callable[[], int],
        on_look: Callable[[int], None] = lambda _at_ms: None,
    ) -> None:
        self._now_ms = now_ms
        self.host = HostCollecting(lambda: config().host, metrics, now_ms, lambda now: on_look(now.at_ms))
        self.containers = ContainerCollecting(
            lambda: config().containers, lambda: config().host, metrics, now_ms, lambda now: on_look(now.at_ms)
        )
        self.cloud: Callable[[], Mapping[str, Measure]] | None = None
        """Who tells of clouds, where somebody looks at them: values by the names of `CLOUD_KEYS`."""

    def start(self) -> None:
        """Begin to collect."""
        self.host.start()
        self.containers.start()

    def stop(self) -> None:
        """End, before the store is closed."""
        self.host.stop()
        self.containers.stop()

    @property
    def own_labels(self) -> tuple[str, str]:
        """`job` and `instance` of this machine's series."""
        return self.host.labels

    def health(self) -> InfrastructureHealth:
        """How everything underneath was when it was looked at last."""
        cloud = None if self.cloud is None else self.cloud()
        return health_of(self.host.now, self.containers.now, cloud, self._now_ms())

    def numbers(self) -> Iterator[Number]:
        """What collecting costs, and how it went."""
        yield from self.host.numbers()
        yield from self.containers.numbers()

    def warnings(self) -> Iterator[str]:
        """What a person should mend."""
        for problem in (self.host.problem, self.containers.problem):
            if problem:
                yield problem
        for one in self.containers.now.sources:
            if one.why and not one.is_absent and one.source != "cgroups" and not one.source.startswith("cgroup v"):
                yield f"containers: {one.source}: {one.why}"
            if one.left_out_count:
                yield f"containers: {one.left_out_count} of {one.source} are beyond containers.containers_max"
