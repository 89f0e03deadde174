"""Latency against load as a straight line and as curves that hold it as a special case, fitted to many resamples at
once.

queue:       base + slope · x / (1 - x / limit)     the response time of M/M/1 where base = slope · limit (Kleinrock
1975) contention:  base + slope · x + bend · x²           Gunther's universal scalability law, latency = concurrency /
throughput
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
LIMITS = np.geomspace(1.01, 3.0, 48)
"""Limits of a queue that are tried, over the highest load; ascending."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Latency summed up by block of time and by bin of load, shape [blocks, bins]: `sums`, and how many points,
    `counts`.

    `loads` is the mean load x of each bin and `squares` that of x², shape [bins]; `waits` is that of x / (1 - x /
    limit) for each of `limits`, shape [limits, bins]: a bin's mean is not the curve at its mean load.
    """

    loads: F64
    squares: F64
    limits: F64
    waits: F64
    sums: F64
    counts: F64


@dataclass(frozen=True, slots=True)
class Fits:
    """One model, fitted to each of r resamples: `at(x)` is base + a · f(x) + b · g(x). Shapes [r]; `limit` NaN where
    the model has none; `loss` is the weighted squared error."""

    model: str
    base: F64
    slope: F64
    bend: F64
    limit: F64
    loss: F64

    def at(self, loads: F64) -> F64:
        """Latency at these loads, shape [r, loads]."""
        slope = self.slope[:, None] * loads
        if self.model == "queue":
            slope = slope / np.maximum(1 - loads / self.limit[:, None], 1e-3)
        return self.base[:, None] + slope + self.bend[:, None] * loads**2

    def of_bins(self, cells: Cells) -> F64:
        """The mean latency of each bin, shape [r, bins]."""
        if self.model == "queue":
            told = cells.waits[np.searchsorted(cells.limits, self.limit)]
        else:
            told = np.broadcast_to(cells.loads, (self.base.size, cells.loads.size))
        return self.base[:, None] + self.slope[:, None] * told + self.bend[:, None] * cells.squares

    def knee(self) -> F64:
        """Where latency is twice the base; NaN where it never is, or where the base is not above 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.model == "queue":
                found = self.base / (self.slope + self.base / self.limit)
            else:
                root = np.sqrt(np.maximum(self.slope**2 + 4 * self.bend * self.base, 0))
                found = np.where(self.bend > 0, (root - self.slope) / (2 * self.bend), self.base / self.slope)
        return np.where((self.base > 0) & (found > 0) & np.isfinite(found), found, np.nan)


def line(weights: F64, cells: Cells) -> Fits:
    """The straight line; `weights` says how often each block was drawn, shape [r, blocks]."""
    sums, counts = weights @ cells.sums, weights @ cells.counts
    base, slope, loss = _straight(cells.loads[None, :], sums, counts)
    return Fits("line", base, slope, np.zeros_like(base), np.full_like(base, np.nan), loss)


def queue(weights: F64, cells: Cells) -> Fits:
    """The queue with the best of the limits that are tried."""
    sums, counts = weights @ cells.sums, weights @ cells.counts
    fits = []
    for waits in cells.waits:
        base, slope, loss = _straight(waits[None, :], sums, counts)
        fits.append((np.where(slope > 0, loss, np.inf), base, slope))
    losses = np.stack([one[0] for one in fits])
    best = np.argmin(losses, axis=0)
    at = np.arange(best.size)
    base, slope = np.stack([one[1] for one in fits])[best, at], np.stack([one[2] for one in fits])[best, at]
    return Fits("queue", base, slope, np.zeros_like(base), cells.limits[best], losses[best, at])


def contention(weights: F64, cells: Cells) -> Fits:
    """The polynomial of the scalability law, by normal equations."""
    sums, counts = weights @ cells.sums, weights @ cells.counts
    scale = float(cells.loads[-1]) or 1.0
    x = cells.loads / scale
    terms = np.stack([np.ones_like(x), x, cells.squares / scale**2])
    left = np.einsum("rb,ib,jb->rij", counts, terms, terms) + 1e-9 * np.eye(3) * counts.sum(axis=1)[:, None, None]
    right = np.einsum("rb,ib->ri", sums, terms)
    found = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    loss = (counts * (means - found @ terms) ** 2).sum(axis=1)
    bend = found[:, 2] / scale**2
    return Fits(
        "contention",
        found[:, 0],
        found[:, 1] / scale,
        bend,
        np.full_like(bend, np.nan),
        np.where(bend > 0, loss, np.inf),
    )


def _straight(x: F64, sums: F64, counts: F64) -> tuple[F64, F64, F64]:
    """Weighted regression of bin means on x, shape [r] each: base, slope, squared error."""
    total = counts.sum(axis=1)
    middle_x = (counts * x).sum(axis=1) / total
    middle_y = sums.sum(axis=1) / total
    away = x - middle_x[:, None]
    spread = (counts * away**2).sum(axis=1)
    slope = (sums * away).sum(axis=1) / np.maximum(spread, 1e-300)
    base = middle_y - slope * middle_x
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    loss = (counts * (means - base[:, None] - slope[:, None] * x) ** 2).sum(axis=1)
    return base, slope, loss
