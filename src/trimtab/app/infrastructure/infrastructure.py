"""What is underneath, for everybody above: collecting of the host and its containers, and how they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from trimtab.app.infrastructure.host_collecting import HostCollecting
from trimtab.app.own.metrics import Number
from trimtab.observe.host.now import HostNow

if TYPE_CHECKING:
    from trimtab.app.config import Config
    from trimtab.store.metrics.contract import MetricStore


class Infrastructure:
    """Thread-safe."""

    def __init__(
        self, config: Callable[[], Config], metrics: Callable[[], MetricStore | None], now_ms: Callable[[], int]
    ) -> None:
        self.host = HostCollecting(lambda: config().host, metrics, now_ms)

    def start(self) -> None:
        """Begin to collect."""
        self.host.start()

    def stop(self) -> None:
        """End, before the store is closed."""
        self.host.stop()

    def host_now(self) -> HostNow:
        """This machine as it was seen last."""
        return self.host.now

    def numbers(self) -> Iterator[Number]:
        """What collecting costs, and how it went."""
        yield from self.host.numbers()

    def warnings(self) -> Iterator[str]:
        """What a person should mend."""
        if self.host.problem:
            yield self.host.problem
