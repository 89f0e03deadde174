"""What the lists read of the telemetry, each answer perhaps a moment old where that will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trimtab.app.reading.ranges import Range
from trimtab.app.reading.recent import Recent, Value
from trimtab.store.latencies import quantile_by_shape
from trimtab.store.shape_sums import ShapeSums, SystemSums, observed_ms, shape_sums, system_sums

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

P95 = 0.95


class Facts:
    """Asks the store, or remembers; answers may be `fresh_s` old (0: never)."""

    def __init__(self, telemetry: TelemetryStore, recent: Recent, fresh_s: float) -> None:
        self._telemetry = telemetry
        self._recent = recent
        self._fresh_s = fresh_s

    def shapes(self, within: Range, system: str | None, fingerprint: str | None = None) -> ShapeSums:
        """Sums by shape, of one system or all, of one shape or all."""
        only = None if fingerprint is None else [fingerprint]
        return self._get(
            ("shapes", system, fingerprint),
            within,
            lambda: shape_sums(self._telemetry, within.from_ms, within.to_ms, system, only),
        )

    def systems(self, within: Range) -> dict[str, SystemSums]:
        """Sums by system."""
        return self._get(("systems",), within, lambda: system_sums(self._telemetry, within.from_ms, within.to_ms))

    def observed_ms(self, within: Range) -> dict[str, int]:
        """How long each system was observed."""
        return self._get(("observed",), within, lambda: observed_ms(self._telemetry, within.from_ms, within.to_ms))

    def p95_ms(self, within: Range, fingerprints: Sequence[str] | None) -> dict[str, float]:
        """The p95 of these shapes. Where it may be kept, that of all is asked for: the next page needs others."""
        if fingerprints is not None and len(fingerprints) > 1 and self._fresh_s > 0:
            fingerprints = None
        return self._get(
            ("p95", None if fingerprints is None else tuple(fingerprints)),
            within,
            lambda: quantile_by_shape(self._telemetry, P95, within.from_ms, within.to_ms, fingerprints),
        )

    def _get(self, what: tuple[object, ...], within: Range, make: Callable[[], Value]) -> Value:
        return self._recent.get((*what, within.from_ms, within.to_ms), self._fresh_s, make)
