"""What trimtab may do by itself, and how far a change may go."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.model.change import Autonomy


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How an applied change is judged.

    A slice is one look at the statistics (`slice_s` seconds). A baseline has at least `baseline_slices_min` quiet
    slices in all, and at least `settle_slices_min` since the last other change on that system. The first
    `warm_up_slices` after a change are not judged: caches are cold and plans are made anew. Ratios are
    after ÷ before. A shape other than the target counts as harmed when it is proven slower than `harm_ratio_max`
    **and** by `harm_mean_ms_min` a call. `deadline_s` counts from the end of the build.
    """

    slice_s: float = 5.0
    baseline_slices_min: int = 120
    baseline_slices_max: int = 240
    settle_slices_min: int = 60
    warm_up_slices: int = 6
    watch_slices_max: int = 120
    batch_slices: int = 6
    batches_min: int = 4
    alpha: float = 0.05
    tolerance_ratio: float = 1.02
    harm_ratio_max: float = 1.10
    harm_mean_ms_min: float = 0.5
    controls_min: int = 3
    guard_ratio_max: float = 20.0
    deadline_s: float = 1800.0
    keep_when_inconclusive: bool = False


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """Limits for changes. Sizes in bytes, times in seconds; a limit is the largest value that passes."""

    autonomy: Autonomy = Autonomy.SUGGEST
    disk_free_factor_min: float = 2.2
    long_transaction_s_max: float = 30.0
    lock_timeout_s: float = 5.0
    build_timeout_s: float = 3600.0
    active_sessions_per_cpu_max: float = 4.0
    replica_lag_bytes_max: int = 256 * 1024 * 1024
    changes_per_hour_max: int = 12
    cool_down_s: float = 0.0
    approval_valid_s: float = 24 * 3600.0
    index_size_bytes_max: int = 20 * 1024**3
    attempts_max: int = 3


@dataclass(frozen=True, slots=True)
class DetectPolicy:
    """When a query shape becomes a finding. `load_share_min` is a share (0..1) of all execution time."""

    window_s: float = 300.0
    latency_objective_ms: float = 50.0
    load_share_min: float = 0.10
    load_mean_ms_min: float = 5.0
    calls_min: int = 20
    slices_min: int = 12


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything together; `guard` has one entry per action kind, default SUGGEST."""

    detect: DetectPolicy = field(default_factory=DetectPolicy)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    create_index: GuardPolicy = field(default_factory=GuardPolicy)
