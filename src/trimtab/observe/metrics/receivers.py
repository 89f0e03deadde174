"""All ways in for metrics, with what they share: one store, one room for bodies, one pace for each sender, one count.

Nothing here is loaded before the first body comes: the kernels wait on a thread of their own until then.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING

from trimtab.model.errors import InputError, StoreError
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.room import Room

if TYPE_CHECKING:
    from trimtab.observe.metrics.otlp import OtlpMetrics
    from trimtab.observe.metrics.remote_write import RemoteWrite
    from trimtab.store.metrics.contract import MetricStore

REMOTE_WRITE, OTLP = "remote_write", "otlp"
_PROTOCOLS = (REMOTE_WRITE, OTLP)
_USUAL = ("out_of_order", "duplicate_timestamp", "too_old", "too_far_ahead", "series_max", "series_of_a_metric_max")
_USUAL_OF_BODIES = ("body_broken", "body_too_long", "elsewhere", "full", "too_fast")
_REASONS_MAX = 100


class KeptElsewhere(InputError):
    """Questions for metrics go to another server: what was taken here would never be found."""


class IngestCounts:
    """What came in since the start. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter(dict.fromkeys(_PROTOCOLS, 0))
        self._refused: Counter[tuple[str, str]] = Counter(dict.fromkeys(product(_PROTOCOLS, _USUAL), 0))
        self._bodies: Counter[tuple[str, str]] = Counter(dict.fromkeys(product(_PROTOCOLS, _USUAL_OF_BODIES), 0))

    def stored(self, protocol: str, count: int, refused: Mapping[str, int]) -> None:
        """Samples of one body: how many were stored, and how many not, by reason."""
        with self._lock:
            self._taken[protocol] += count
            for reason, refused_count in refused.items():
                is_known = (protocol, reason) in self._refused or len(self._refused) < _REASONS_MAX
                self._refused[protocol, reason if is_known else "other"] += refused_count

    def refused_body(self, protocol: str, reason: str) -> None:
        """One body of which nothing was stored."""
        with self._lock:
            self._bodies[protocol, reason] += 1

    @property
    def taken(self) -> Mapping[str, int]:
        """Samples that were stored, by protocol."""
        with self._lock:
            return dict(self._taken)

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """Samples that were not, by protocol and reason."""
        with self._lock:
            return dict(self._refused)

    @property
    def bodies(self) -> Mapping[tuple[str, str], int]:
        """Bodies of which nothing was stored, by protocol and reason."""
        with self._lock:
            return dict(self._bodies)


class MetricsIn:
    """Thread-safe. `store` is asked when the first body comes; None: no metrics are kept here."""

    def __init__(self, store: Callable[[], MetricStore | None], limits: IngestLimits | None = None) -> None:
        self.limits = limits or IngestLimits()
        self.room = Room(self.limits.inflight_bytes_max)
        self.counts = IngestCounts()
        self.elsewhere: str | None = None
        """The address of the server that is asked for metrics instead of the own store."""
        self._store = store
        self._pace = Pace(self.limits)
        self._lock = threading.Lock()
        self._remote_write: RemoteWrite | None = None
        self._otlp: OtlpMetrics | None = None

    def check_kept_here(self) -> None:
        """KeptElsewhere where samples that are taken could not be asked for."""
        if self.elsewhere is not None:
            raise KeptElsewhere(
                f"this trimtab takes no metrics: it was started with --metrics, and asks {self.elsewhere} for them. "
                "Send them there, or start trimtab without --metrics"
            )

    @property
    def remote_write(self) -> RemoteWrite:
        """For worker threads: the first call waits for the kernels. KeptElsewhere where none are taken."""
        self.check_kept_here()
        with self._lock:
            if self._remote_write is None:
                from trimtab.observe.metrics.remote_write import RemoteWrite

                self._remote_write = RemoteWrite(self._open(), self.limits, self._pace)
            return self._remote_write

    @property
    def otlp(self) -> OtlpMetrics:
        """Likewise."""
        self.check_kept_here()
        with self._lock:
            if self._otlp is None:
                from trimtab.observe.metrics.otlp import OtlpMetrics

                self._otlp = OtlpMetrics(self._open(), self.limits, self._pace)
            return self._otlp

    def _open(self) -> MetricStore:
        store = self._store()
        if store is None:
            raise StoreError("this server keeps no metrics of its own")
        return store
