"""Every bound of the metrics store in one place."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.metrics import MetricsPolicy
from trimtab.store.limits import MIB


@dataclass(frozen=True, slots=True)
class MetricLimits:
    """Bounds, with units in their names. A limit is the largest value that passes."""

    series_max: int = 2_000_000
    """Series in all, also those that get no more samples but are still kept."""
    series_of_a_metric_max: int = 500_000
    labels_max: int = 64
    """Labels of one series, its name among them."""
    label_name_bytes_max: int = 1024
    label_value_bytes_max: int = 4096
    labels_bytes_max: int = 16_384
    """Names and values of one series together."""
    samples_a_request_max: int = 1_000_000
    """Samples of one `append`."""
    hot_bytes_max: int = 256 * MIB
    """Samples in memory; the oldest that the engine has go first."""
    out_of_order_window_s: float = 3600.0
    """A sample may be older than the newest of its series by this much."""
    ahead_s_max: float = 600.0
    """A sample may be later than the clock by this much."""
    disk_bytes_max: int = 0
    """The oldest days go when metrics take more on disk; 0: no budget."""
    segment_rows_max: int = 2_000_000
    """A spool segment of samples is handed to the engine when it holds this many, whatever its age: few large heaps
    cost it half of what many small ones do, which it has to merge."""
    load_interval_s: float = 30.0
    """How long a segment of samples waits for more: queries find them in the hot window meanwhile, and the engine takes
    30,000 at once for less than half of what it takes for three times 10,000."""
    series_a_query_max: int = 1_000_000
    samples_a_query_max: int = 50_000_000
    """Samples of one `select`."""
    hot_histograms_max: int = 200_000
    """Native histograms in memory."""


def limits_of(policy: MetricsPolicy) -> MetricLimits:
    """What the settings say.

    >>> limits_of(MetricsPolicy()) == MetricLimits()
    True
    """
    return MetricLimits(
        series_max=policy.series_max,
        series_of_a_metric_max=policy.series_of_a_metric_max,
        labels_max=policy.labels_max,
        label_name_bytes_max=policy.label_name_bytes_max,
        label_value_bytes_max=policy.label_value_bytes_max,
        hot_bytes_max=policy.hot_mb * MIB,
        disk_bytes_max=policy.disk_mb * MIB,
        out_of_order_window_s=policy.out_of_order_window_s,
        ahead_s_max=policy.ahead_s_max,
        samples_a_query_max=policy.samples_a_query_max,
    )
