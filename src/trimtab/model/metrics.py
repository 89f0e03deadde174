"""How much of metrics is kept, and where: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """Metrics that are sent to trimtab: bounds of memory and disk, and what is taken. How long they are kept is
    `retention.metrics_days`."""

    hot_mb: int = setting(
        256,
        "Memory for the newest samples (16 bytes each): reading them there costs a tenth of reading them from disk.",
        unit="MiB",
        low=8,
        high=65_536,
        needs_restart=True,
    )
    disk_mb: int = setting(
        0,
        "Disk for samples; the oldest days go when there are more, but never the newest. 0: as much as retention says.",
        unit="MiB",
        low=0,
        high=100_000_000,
        needs_restart=True,
    )
    series_max: int = setting(
        2_000_000,
        "Most series in all; further ones are refused.",
        unit="series",
        low=1,
        high=100_000_000,
        needs_restart=True,
    )
    series_of_a_metric_max: int = setting(
        500_000,
        "Most series of one metric; further ones are refused.",
        unit="series",
        low=1,
        high=100_000_000,
        needs_restart=True,
    )
    labels_max: int = setting(
        64, "Most labels of a series, its name among them.", unit="labels", low=1, high=1024, needs_restart=True
    )
    label_name_bytes_max: int = setting(
        1024, "Longest name of a label.", unit="bytes", low=8, high=65_536, needs_restart=True
    )
    label_value_bytes_max: int = setting(
        4096, "Longest value of a label.", unit="bytes", low=8, high=65_536, needs_restart=True
    )
    out_of_order_window_s: float = setting(
        3600.0,
        "A sample may be older than the newest of its series by this much; what is older still is refused.",
        unit="s",
        low=0,
        high=864_000,
        needs_restart=True,
    )
    ahead_s_max: float = setting(
        600.0, "A sample may be later than the clock by this much.", unit="s", low=0, high=86_400, needs_restart=True
    )
    samples_a_query_max: int = setting(
        50_000_000,
        "Most samples that one query may read (16 bytes of memory each).",
        unit="samples",
        low=1000,
        high=500_000_000,
        needs_restart=True,
    )
