"""What the metrics store is made of."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.store.metrics.cold import Cold
from trimtab.store.metrics.exemplars import RecentExemplars
from trimtab.store.metrics.hot import HotWindow
from trimtab.store.metrics.hot_histograms import HotHistograms
from trimtab.store.metrics.known_metadata import KnownMetadata
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.registry import Registry
from trimtab.store.metrics.starts import Starts


@dataclass(frozen=True, slots=True)
class Parts:
    """Each has its own lock."""

    limits: MetricLimits
    registry: Registry
    hot: HotWindow
    histograms: HotHistograms
    starts: Starts
    exemplars: RecentExemplars
    metadata: KnownMetadata
    cold: Cold
