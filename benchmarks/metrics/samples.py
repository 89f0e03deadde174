"""The samples that every server gets: remote write bodies of one scrape each, made from a template.

Half of the series are counters with resets, three tenths are buckets of histograms, a fifth are gauges; scrapes come
every 15 s with a jitter of milliseconds, and some are missed. The same seed gives the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import cramjam
import numpy as np
import numpy.typing as npt

SCRAPE_MS = 15_000
BUCKETS = 12
JOBS = 10
_RESET_EVERY = 211
_MISSED_SHARE = 0.002
BODY_SERIES_MAX = 10_000


@dataclass(frozen=True)
class Plan:
    """How much of what."""

    series: int
    scrapes: int
    end_ms: int
    seed: int = 1

    @property
    def start_ms(self) -> int:
        """The time of the first scrape."""
        return self.end_ms - (self.scrapes - 1) * SCRAPE_MS

    @property
    def counters(self) -> int:
        """Series that only grow, but for resets."""
        return self.series // 2

    @property
    def buckets(self) -> int:
        """Series of buckets: whole histograms."""
        return self.series * 3 // 10 // BUCKETS * BUCKETS


def labels_of(plan: Plan, number: int) -> dict[str, str]:
    """The labels of one series."""
    host = {"instance": f"10.0.{number // 250 % 250}.{number % 250}:9100", "job": f"job-{number % JOBS}"}
    if number < plan.counters:
        return {"__name__": "bench_requests_total", **host, "path": f"/api/v1/thing/{number}", "code": "200"}
    number -= plan.counters
    if number < plan.buckets:
        histogram, bucket = divmod(number, BUCKETS)
        bound = "+Inf" if bucket == BUCKETS - 1 else repr(0.005 * 2.0**bucket)
        job = f"job-{histogram % JOBS}"
        return {"__name__": "bench_duration_seconds_bucket", "handler": f"h{histogram}", "job": job, "le": bound}
    number -= plan.buckets
    return {"__name__": "bench_temperature_celsius", **host, "job": f"job-{number % JOBS}", "sensor": f"s{number}"}


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


class _Template:
    """A WriteRequest of one sample for each series, whose values and times are put in their places."""

    def __init__(self, plan: Plan, numbers: range) -> None:
        body = bytearray()
        places = []
        for number in numbers:
            labels = b"".join(
                _field(1, _field(1, name.encode()) + _field(2, value.encode()))
                for name, value in sorted(labels_of(plan, number).items())
            )
            # Sample{1: double, 2: int64}; a time of this century has six bytes as a varint
            one = labels + _field(2, b"\x09" + struct.pack("<d", 0.0) + b"\x10" + _varint(plan.start_ms))
            body += _field(1, one)
            places.append(len(body) - 15)
        self._body = np.frombuffer(bytes(body), np.uint8).copy()
        self._places = np.array(places)

    def filled(self, at_ms: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> bytes:
        """The body with these times and values."""
        body, places = self._body, self._places
        eight = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        body[places[:, None] + np.arange(8)] = eight
        rest = at_ms.copy()
        for byte in range(6):
            body[places + 9 + byte] = (rest & 127) | (128 if byte < 5 else 0)
            rest >>= 7
        return body.tobytes()


def bodies(plan: Plan) -> Iterator[tuple[bytes, int]]:
    """Compressed bodies in order of time, each with how many samples it has."""
    rng = np.random.default_rng(plan.seed)
    parts = [
        range(first, min(first + BODY_SERIES_MAX, plan.series)) for first in range(0, plan.series, BODY_SERIES_MAX)
    ]
    templates = [_Template(plan, part) for part in parts]
    offsets = rng.integers(0, SCRAPE_MS - 100, plan.series)
    rates = rng.gamma(2.0, 20.0, plan.series)
    totals = np.zeros(plan.series)
    levels = rng.normal(20.0, 5.0, plan.series)
    is_bucket = np.zeros(plan.series, bool)
    is_bucket[plan.counters : plan.counters + plan.buckets] = True
    for scrape in range(plan.scrapes):
        grown = rng.poisson(rates).astype(np.float64)
        if plan.buckets:  # a bucket holds what the smaller ones hold
            per_histogram = grown[is_bucket].reshape(-1, BUCKETS)
            grown[is_bucket] = np.cumsum(per_histogram, axis=1).ravel()
        totals += grown
        if scrape and scrape % _RESET_EVERY == 0:
            totals[: plan.counters : 7] = 0.0
        levels += rng.normal(0.0, 0.2, plan.series)
        values = np.where(np.arange(plan.series) < plan.counters + plan.buckets, totals, np.round(levels, 2))
        jitter = rng.integers(0, 20, plan.series)
        at_ms = plan.start_ms + scrape * SCRAPE_MS + offsets + jitter
        missed = rng.random(plan.series) < _MISSED_SHARE
        at_ms = np.where(missed, at_ms + 40, at_ms)  # late instead of missing: a template has a place for each
        for part, template in zip(parts, templates, strict=True):
            body = template.filled(at_ms[part.start : part.stop], values[part.start : part.stop])
            yield bytes(cramjam.snappy.compress_raw(body)), len(part)
