"""What trimtab may do by itself, and how far a change may go.

Every field is declared with its default, unit, limits and what it does (see `trimtab.model.setting`); a value is what
is in force for one target. How it comes about is `trimtab.app.policies`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from trimtab.model.change import Autonomy
from trimtab.model.change_window import window_problem
from trimtab.model.setting import setting

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class DetectPolicy:
    """When a query shape becomes a finding."""

    window_s: float = setting(300.0, "How far back each look for slow queries reaches.", unit="s", low=5, high=86_400)
    latency_objective_ms: float = setting(
        50.0,
        "A query whose mean execution time is above this is a finding.",
        unit="ms",
        low=0.01,
        high=3_600_000,
    )
    load_share_min: float = setting(
        0.10,
        "A query that takes at least this share of all execution time is a finding, if it also reaches "
        "load_mean_ms_min.",
        unit="share",
        low=0.0,
        high=1.0,
    )
    load_mean_ms_min: float = setting(
        5.0,
        "Queries with a mean execution time below this are no finding for their load.",
        unit="ms",
        low=0.0,
        high=3_600_000,
    )
    calls_min: int = setting(
        20, "Queries that ran less often than this in the window are no finding.", unit="calls", low=1, high=1_000_000
    )
    slices_min: int = setting(
        12, "Nothing is found before the window has this many slices.", unit="slices", low=2, high=100_000
    )


@dataclass(frozen=True, slots=True)
class WatchPolicy:
    """How an applied change is judged.

    A slice is one look at the statistics. Ratios are after ÷ before. A shape other than the target counts as harmed
    when it is proven slower than `harm_ratio_max` **and** by `harm_mean_ms_min` a call.
    """

    slice_s: float = setting(
        5.0, "Time between two looks at the statistics.", unit="s", low=0.5, high=300, needs_restart=True
    )
    slow_s: float = setting(
        0.0,
        "Time between two looks at tables, indexes, locks, transactions, replication and settings. 0: ten slices, but"
        " 30 s at least.",
        unit="s",
        low=0.0,
        high=3600,
        needs_restart=True,
    )
    cost_share_max: float = setting(
        0.005,
        "Looking at a server may take this part of its time; where it takes more, looks become rarer (those at"
        " statements eight times at most).",
        unit="share",
        low=0.0005,
        high=1.0,
        needs_restart=True,
    )
    baseline_slices_min: int = setting(
        120,
        "A change waits until its baseline has this many quiet slices in all.",
        unit="slices",
        low=36,
        high=10_000,
    )
    baseline_slices_max: int = setting(
        240, "The baseline reaches back over at most this many slices.", unit="slices", low=36, high=10_000
    )
    settle_slices_min: int = setting(
        60,
        "Of the baseline, this many slices must lie after the last other change on that system.",
        unit="slices",
        low=18,
        high=10_000,
    )
    warm_up_slices: int = setting(
        6,
        "The first slices after a change are not judged: caches are cold and plans are made anew.",
        unit="slices",
        low=0,
        high=1000,
    )
    watch_slices_max: int = setting(
        120,
        "After this many judged slices a change that is still undecided is inconclusive.",
        unit="slices",
        low=24,
        high=10_000,
    )
    batch_slices: int = setting(6, "Slices are judged in batches of this many.", unit="slices", low=1, high=100)
    batches_min: int = setting(4, "No verdict is given before this many batches.", unit="batches", low=4, high=100)
    alpha: float = setting(
        0.05, "Chance of a wrong verdict that is accepted for each change.", unit="probability", low=0.0001, high=0.2
    )
    tolerance_ratio: float = setting(
        1.02, "An effect smaller than this, either way, is none.", unit="ratio", low=1.0, high=2.0
    )
    harm_ratio_max: float = setting(
        1.10, "Another query of the table proven slower than this is harmed.", unit="ratio", low=1.0, high=10.0
    )
    harm_mean_ms_min: float = setting(
        0.5,
        "Another query of the table counts as harmed only if it also lost this much a call.",
        unit="ms",
        low=0.0,
        high=3_600_000,
    )
    controls_min: int = setting(
        3, "This many untouched queries are needed to compare with.", unit="queries", low=1, high=100
    )
    guard_ratio_max: float = setting(
        20.0,
        "A query that becomes this many times slower is rolled back at once, without waiting for a verdict.",
        unit="ratio",
        low=1.5,
        high=10_000,
    )
    deadline_s: float = setting(
        1800.0,
        "Time from the end of the build within which a verdict must be reached; afterwards it is inconclusive.",
        unit="s",
        low=30,
        high=604_800,
    )
    keep_when_inconclusive: bool = setting(
        False, "Whether a change of which nothing could be proven is left in place instead of taken back."
    )


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """Limits for one kind of change. A limit is the largest value that passes."""

    autonomy: Autonomy = setting(
        Autonomy.SUGGEST,
        "How far trimtab goes by itself: observe, suggest, approve or auto (see Autonomy).",
    )
    change_windows: tuple[str, ...] = setting(
        (),
        "When changes may be begun, as 'Mon-Fri 22:00-06:00 Europe/Berlin'; an empty list: at any time.",
        low=0,
        high=50,
        problem=window_problem,
    )
    window_build_factor: float = setting(
        2.0,
        "A change is begun only if this many times its predicted build time is left in the window.",
        unit="times",
        low=1.0,
        high=100,
    )
    window_margin_s: float = setting(
        60.0,
        "A change is begun only if this much is left in the window beyond the build.",
        unit="s",
        low=0,
        high=86_400,
    )
    blast_radius_bytes_max: int = setting(
        200 * GIB,
        "Tables larger than this (without their indexes) are not touched.",
        unit="bytes",
        low=8192,
        high=2**60,
    )
    blast_radius_rows_max: int = setting(
        2_000_000_000, "Tables with more rows than this (by estimate) are not touched.", unit="rows", low=1, high=2**60
    )
    blast_radius_indexes_max: int = setting(
        20,
        "Tables that have this many indexes already get no further one: each is kept up by every write.",
        unit="indexes",
        low=1,
        high=1000,
    )
    blast_radius_calls_share_max: float = setting(
        1.0,
        "Tables that are named by more than this share of the system's calls are not touched; 1 is no limit.",
        unit="share",
        low=0.0,
        high=1.0,
    )
    error_budget_left_min: float = setting(
        0.1,
        "While an objective of the system has less than this share of its error budget left, nothing is changed "
        "without a person's yes; 0: until the budget is spent.",
        unit="share",
        low=0.0,
        high=1.0,
    )
    index_size_bytes_max: int = setting(
        20 * GIB, "Indexes predicted to be larger than this are not built.", unit="bytes", low=8192, high=2**60
    )
    disk_free_factor_min: float = setting(
        2.2,
        "Free disk needed before a build, as a multiple of the index's predicted size.",
        unit="times",
        low=1.0,
        high=100,
    )
    long_transaction_s_max: float = setting(
        30.0,
        "No build begins while a transaction is open for longer than this: the build would wait for it.",
        unit="s",
        low=0.0,
        high=86_400,
    )
    active_sessions_per_cpu_max: float = setting(
        4.0,
        "No build begins while more sessions than this are active for each CPU.",
        unit="sessions per CPU",
        low=0.1,
        high=1000,
    )
    replica_lag_bytes_max: int = setting(
        256 * 1024 * 1024,
        "No build begins while a replica is further behind than this.",
        unit="bytes",
        low=0,
        high=2**60,
    )
    lock_timeout_s: float = setting(
        5.0, "A statement of trimtab gives up when it waits this long for a lock.", unit="s", low=0.05, high=600
    )
    build_timeout_s: float = setting(
        3600.0, "A build that takes longer is stopped and cleaned up.", unit="s", low=1, high=604_800
    )
    attempts_max: int = setting(
        3, "How often one change is tried when the server breaks it off.", unit="attempts", low=1, high=100
    )
    changes_per_hour_max: int = setting(
        12, "At most this many changes are begun on one system within an hour.", unit="changes", low=0, high=10_000
    )
    cool_down_s: float = setting(
        0.0, "Time that must pass after a change on a system before the next is begun.", unit="s", low=0, high=604_800
    )
    freeze_after_rollbacks: int = setting(
        3,
        "After this many rollbacks within freeze_window_s the kind of change is frozen on that system until a person "
        "thaws it; 0: never.",
        unit="rollbacks",
        low=0,
        high=1000,
    )
    freeze_window_s: float = setting(
        86_400.0, "Within which time rollbacks are counted together.", unit="s", low=60, high=31_536_000
    )
    retry_measured_after_s: float = setting(
        30 * 86_400.0,
        "The very change that was measured and rolled back, or stayed inconclusive, is not applied by itself again "
        "within this time; one that a person rejected never is. A yes stands above both.",
        unit="s",
        low=0,
        high=315_360_000,
    )
    approval_valid_s: float = setting(
        24 * 3600.0, "An approval that was not used within this time expires.", unit="s", low=1, high=2_592_000
    )


_CLONE = re.compile(r"(make|env:[A-Za-z_][A-Za-z0-9_]*|service=[A-Za-z0-9_.-]{1,64})?")


def clone_problem(text: str) -> str | None:
    """What is wrong with the name of a clone: it never holds a password.

    >>> clone_problem("service=shop_copy"), clone_problem("make"), clone_problem("")
    (None, None, None)
    >>> clone_problem("postgresql://u:p@h/d")
    'it must be make, service=NAME or env:NAME'
    """
    return None if _CLONE.fullmatch(text) else "it must be make, service=NAME or env:NAME"


@dataclass(frozen=True, slots=True)
class AdvisePolicy:
    """When advice is asked for."""

    samples_min: int = setting(
        8, "Advice waits until this many statements were seen with real values.", unit="statements", low=0, high=1000
    )
    samples_wait_s: float = setting(
        120.0, "Advice waits no longer than this for statements with real values.", unit="s", low=0, high=86_400
    )
    reopen_after_s: float = setting(
        21_600.0,
        "A query whose case was closed gets no new case before this.",
        unit="s",
        low=0,
        high=31_536_000,
    )
    clone: str = setting(
        "",
        "A clone on which indexes are tried before they are proposed: service=NAME, env:NAME, or make (one is made for "
        "each advice, which reads the whole database, or a sample of a large one); empty: none.",
        problem=clone_problem,
    )
    clone_time_s: float = setting(
        60.0, "So long the proposals of one case are measured on the clone.", unit="s", low=1, high=3600
    )
    cycle_days: float = setting(
        35.0,
        "An index is advised to be dropped only after nobody read it for this long: a whole cycle of the business.",
        unit="days",
        low=1,
        high=800,
    )


@dataclass(frozen=True, slots=True)
class PlansPolicy:
    """How plans are taken for people to look at."""

    analyze: bool = setting(
        False,
        "Whether plans may be taken by running the query (EXPLAIN ANALYZE of plain SELECTs, read only).",
    )
    analyze_timeout_ms: int = setting(
        5_000, "A query that is run for its plan is stopped after this.", unit="ms", low=10, high=600_000
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that is in force for one target; one `GuardPolicy` for each kind of action, under the kind's name."""

    detect: DetectPolicy = field(default_factory=DetectPolicy)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    advise: AdvisePolicy = field(default_factory=AdvisePolicy)
    plans: PlansPolicy = field(default_factory=PlansPolicy)
    create_index: GuardPolicy = field(default_factory=GuardPolicy)
