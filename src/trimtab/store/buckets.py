"""Durations as counts in buckets that grow by 4 %: counts add up, over minutes and shards, as quantiles do not."""

from __future__ import annotations

GROWTH = 1.04
"""Each bucket ends this much further than the one before."""

BUCKET = f"toInt16(ceil(log(greatest(duration_ms, 0.0001)) / log({GROWTH})))"
"""SQL for the bucket of a duration."""
