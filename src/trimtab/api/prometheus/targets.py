"""`/api/v1/targets`: whom trimtab scrapes, as Prometheus tells it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.observe.scrape.scraper import TargetStatus


def targets_document(statuses: Sequence[TargetStatus]) -> dict[str, object]:
    """The answer's data."""
    return {"activeTargets": [_active(status) for status in statuses], "droppedTargets": [], "droppedTargetCounts": {}}


def _active(status: TargetStatus) -> dict[str, object]:
    target, health = status.target, status.health
    last = datetime.fromtimestamp(health.last_at_ms / 1000, UTC)
    return {
        "discoveredLabels": dict(target.discovered),
        "labels": dict(target.labels),
        "scrapePool": target.job.name,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": health.error,
        "lastScrape": last.isoformat().replace("+00:00", "Z") if health.last_at_ms else "0001-01-01T00:00:00Z",
        "lastScrapeDuration": health.duration_s,
        "health": "unknown" if not health.last_at_ms else "up" if health.is_up else "down",
        "scrapeInterval": f"{target.interval_s:g}s",
        "scrapeTimeout": f"{target.timeout_s:g}s",
    }
