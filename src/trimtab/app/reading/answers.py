"""What the reader answers, as values: the page draws them, the API sends them as JSON and describes them in OpenAPI.

Moments are Unix milliseconds. `*_per_s` is per second of observed time, not of the range's length. Load is execution
time per second of time: 1,000 ms per second is one session that is busy all the time. None means not known; 0 is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.case import Case
from trimtab.model.change import Change, CheckResult, Effect, Judgement, LedgerEntry
from trimtab.model.system import Capability

Interval = tuple[float, float]


class ShapeSort(StrEnum):
    """What a list of shapes may be sorted by; equal ones by system and fingerprint."""

    LOAD = "load"
    CALLS = "calls"
    MEAN = "mean"
    ROWS = "rows"
    P95 = "p95"
    NAME = "name"


class ExecutionOrder(StrEnum):
    """Which executions come first."""

    SLOWEST = "slowest"
    NEWEST = "newest"


# --- shapes


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """What one query shape did in a range.

    `text` has at most 300 characters. `load_share` (0..1) is its part of its system's execution time, `hit_ratio`
    (0..1) the part of its blocks found in shared buffers. `p95_ms` is what callers saw, from their spans.
    `case_state` is the case's verdict once it has one.
    """

    system: str
    fingerprint: str
    text: str | None
    statement: str | None
    tables: tuple[str, ...]
    calls: int
    calls_per_s: float
    mean_exec_time_ms: float
    total_exec_time_ms: float
    load_ms_per_s: float
    load_share: float
    rows_per_call: float
    hit_ratio: float | None
    p95_ms: float | None
    case_id: int | None
    case_state: str | None


@dataclass(frozen=True, slots=True)
class ShapesPage:
    """A page of a list of shapes. `total` counts all that ran and fit the search. `source` names the tables read."""

    from_ms: int
    to_ms: int
    observed_s: float
    source: str
    total: int
    rows: tuple[ShapeRow, ...]


@dataclass(frozen=True, slots=True)
class ShapeStory:
    """One shape: its whole text, what it did (None: it did not run), its cases, changes of it and of its tables."""

    system: str
    fingerprint: str
    shape: str
    statement: str | None
    tables: tuple[str, ...]
    totals: ShapeRow | None
    cases: tuple[CaseRow, ...]
    changes: tuple[ChangeRow, ...]


# --- series


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart. `values[i]` belongs to the `step_ms` from `from_ms + i * step_ms` on; None: not observed."""

    key: str
    name: str
    unit: str
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: `kind` is `finding`, `change` (its build), `verdict` or `event` (of the server)."""

    at_ms: int
    end_ms: int | None
    kind: str
    label: str
    system: str
    case_id: int | None = None
    change_id: str | None = None


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """Lines on one grid: `from_ms` is the range's start, rounded down to a whole step; `to_ms` is exclusive."""

    from_ms: int
    to_ms: int
    step_ms: int
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]


# --- executions


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as its caller's span tells it. `status` is unset, ok or error."""

    trace_id: str
    span_id: str
    started_at_ms: int
    duration_ms: float
    service: str
    status: str
    attributes: dict[str, str]


# --- cases, changes, ledger


@dataclass(frozen=True, slots=True)
class Undo:
    """How a change is taken back: the statement (None: not known yet), what it does, and where that stands.

    `state` is `none_needed` (nothing was touched), `possible` (trimtab does it when asked), `running`, `done`,
    `by_hand` (the change is settled: a person runs the statement) or `left` (it could not be taken back).
    """

    statement: str | None
    what: str
    state: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change in a list. Ratios are after ÷ before of the mean execution time; intervals hold 9 times in 10."""

    id: str
    case_id: int
    system: str
    fingerprint: str
    kind: str
    target: str
    tables: tuple[str, ...]
    summary: str
    state: str
    created_at_ms: int
    updated_at_ms: int
    apply_started_at_ms: int | None
    applied_at_ms: int | None
    finished_at_ms: int | None
    approved_by: str | None
    reason: str | None
    predicted_ratio: float
    predicted_interval_90: Interval
    size_bytes: int
    effect: Effect | None
    undo: Undo


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in a list. `query_text` has at most 300 characters; `waits_for` says whose turn it is."""

    id: int
    system: str
    fingerprint: str
    kind: str
    severity: str
    title: str
    query_text: str
    state: str
    verdict: str | None
    reason: str | None
    opened_at_ms: int
    updated_at_ms: int
    change: ChangeRow | None


@dataclass(frozen=True, slots=True)
class CasesPage:
    """A page of a list of cases, newest first. `total` counts all that fit the filters."""

    total: int
    rows: tuple[CaseRow, ...]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One moment of a case in plain words. `kind` is the ledger's event, or `noticed`."""

    at_ms: int
    kind: str
    title: str
    detail: str
    actor: str
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A way to the evidence: a path on this server."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class CaseStory:
    """Everything about one case. `checks` are the last ones made, `judgement` the last look at the change's effect."""

    case: Case
    row: CaseRow
    change: Change | None
    waits_for: str | None
    timeline: tuple[TimelineEntry, ...]
    checks: tuple[CheckResult, ...]
    checked_at_ms: int | None
    judgement: Judgement | None
    judged_at_ms: int | None
    undo: Undo | None
    evidence: tuple[Link, ...]
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One ledger entry with its change in a few words."""

    entry: LedgerEntry
    system: str
    summary: str
    title: str


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Ledger entries, newest first; `before_seq` asks for the next page, None on the last."""

    entries_count: int
    rows: tuple[LedgerRow, ...]
    before_seq: int | None


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Everything that ever touched a target, newest first."""

    total: int
    rows: tuple[ChangeRow, ...]


# --- overview


@dataclass(frozen=True, slots=True)
class SystemRow:
    """How one system does. `stale_s` is how long ago trimtab last looked; `cost_share` (0..1) what looking costs it.

    `problems` are sentences about what does not work now, `missing` what trimtab may not see, with the SQL for it.
    `slow_count` is how many of its queries break their objective or carry the load now; None where trimtab cannot see
    that, and then `blind` says why.
    """

    name: str
    dsn: str
    change_dsn: str | None
    state: str
    server_version: str | None
    last_look_at_ms: int | None
    stale_s: float | None
    problems: tuple[str, ...]
    missing: tuple[Capability, ...]
    observed_s: float
    load_ms_per_s: float | None
    calls_per_s: float | None
    mean_ms: float | None
    cost_share: float | None
    cases_open_count: int
    slow_count: int | None
    blind: str | None


@dataclass(frozen=True, slots=True)
class SlowRow:
    """A query that breaks its objective or carries the load, as the last look for slow queries found it.

    `case_id` is its newest case (None: it has none yet), `case_state` that case's verdict, or its state before that.
    """

    system: str
    fingerprint: str
    kind: str
    severity: str
    title: str
    query_text: str
    noticed_at_ms: int
    load_share: float
    case_id: int | None
    case_state: str | None
    case_reason: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The first page. `slow` is what is slow now, `findings` are open cases, both worst first.

    `slow_count` and `cases_open_count` count all of them; the lists are bounded. `frozen` says who pulled the kill
    switch.
    """

    from_ms: int
    to_ms: int
    systems: tuple[SystemRow, ...]
    slow: tuple[SlowRow, ...]
    slow_count: int
    findings: tuple[CaseRow, ...]
    cases_open_count: int
    last_changes: tuple[ChangeRow, ...]
    in_flight: tuple[ChangeRow, ...]
    waiting: tuple[ChangeRow, ...]
    frozen: str | None
