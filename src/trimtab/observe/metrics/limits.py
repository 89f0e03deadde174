"""Every bound of what receivers of metrics take, before the store's own (`store.metrics.limits`)."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.store.limits import MIB


@dataclass(frozen=True, slots=True)
class IngestLimits:
    """Bounds, with units in their names. A limit is the largest value that passes."""

    body_bytes_max: int = 32 * MIB
    """One body, packed or unpacked."""
    inflight_bytes_max: int = 192 * MIB
    """Bodies in memory at one time, packed and unpacked, of all receivers of metrics together."""
    samples_a_body_max: int = 1_000_000
    """Samples, series or data points of one body."""
    samples_per_s_max: int = 0
    """Samples a second from one sender (a token, or whoever is on this machine); 0: as many as come."""
    burst_s: float = 10.0
    """A sender may send at once what this many seconds allow."""
    delta_streams_max: int = 100_000
    """Streams of differences that are added up at one time."""
    delta_idle_s_max: float = 3600.0
    """A stream of differences is forgotten after so long without one."""


class TooFast(Exception):
    """A sender sent more samples a second than it may; come back after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
