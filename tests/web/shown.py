"""What pages read, made up: one of everything, with text that would break a page that does not escape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind, ScoreOf
from trimtab.app.reading.answers import (
    CaseRow,
    ChangeRow,
    Execution,
    Overview,
    Series,
    SeriesAnswer,
    ShapeRow,
    ShapesPage,
    ShapeStory,
    SlowRow,
    SystemRow,
    Undo,
)
from trimtab.app.reading.plan_tree import PlanNode, PlanText
from trimtab.app.reading.plans import StoredPlan
from trimtab.model.change import Effect
from trimtab.model.system import Capability

NOW_MS = 1_790_000_000_000
HOSTILE = """</script><img src=x onerror=alert(1)>"'"""
SYSTEM = "db:5432/shop"
FINGERPRINT = "ab12cd34ef56ab78"


def effect(ratio: float = 0.08) -> Effect:
    """A measured effect."""
    return Effect(
        fingerprint=FINGERPRINT,
        ratio=ratio,
        interval_90=(ratio * 0.8, ratio * 1.25),
        raw_ratio=ratio,
        mean_before_ms=80.0,
        mean_after_ms=80.0 * ratio,
        calls_before=1000,
        calls_after=900,
        slices_before=120,
        slices_after=60,
        before_start_ms=NOW_MS - 900_000,
        before_end_ms=NOW_MS - 600_000,
        after_start_ms=NOW_MS - 500_000,
        after_end_ms=NOW_MS - 300_000,
        control_ratio=1.01,
        controls=("c1", "c2", "c3"),
    )


def change(state: str = "kept", *, measured: bool = True, case_id: int = 3) -> ChangeRow:
    """A change in a list."""
    return ChangeRow(
        id=f"change-{case_id}",
        case_id=case_id,
        system=SYSTEM,
        fingerprint=FINGERPRINT,
        kind="create_index",
        target="public.orders",
        tables=("public.orders",),
        summary=f"Index on orders (email) {HOSTILE}",
        state=state,
        created_at_ms=NOW_MS - 1_000_000,
        updated_at_ms=NOW_MS - 300_000,
        apply_started_at_ms=NOW_MS - 600_000,
        applied_at_ms=NOW_MS - 500_000,
        finished_at_ms=NOW_MS - 300_000,
        approved_by=None,
        reason=None,
        predicted_ratio=0.1,
        predicted_interval_90=(0.05, 0.2),
        size_bytes=12_345_678,
        effect=effect() if measured else None,
        undo=Undo("DROP INDEX CONCURRENTLY x", "drops the index", "possible"),
    )


def case(*, severity: str = "critical", state: str = "open") -> CaseRow:
    """A case in a list."""
    return CaseRow(
        id=3,
        system=SYSTEM,
        fingerprint=FINGERPRINT,
        kind="objective_broken",
        severity=severity,
        title=f"80 ms instead of 50 ms {HOSTILE}",
        query_text=f"SELECT {HOSTILE}",
        state=state,
        verdict=None,
        reason=None,
        opened_at_ms=NOW_MS - 2_000_000,
        updated_at_ms=NOW_MS - 1_000_000,
        change=None,
    )


def system(name: str = SYSTEM, *, state: str = "watching", stale_s: float = 2.0) -> SystemRow:
    """A watched system."""
    return SystemRow(
        name=name,
        dsn="postgresql://trimtab_watch@db:5432/shop",
        change_dsn="service=shop_change",
        state=state,
        server_version="15.8",
        last_look_at_ms=NOW_MS - round(stale_s * 1000),
        stale_s=stale_s,
        problems=(f"statements: {HOSTILE}",) if state != "watching" else (),
        missing=(Capability("hypopg", False, "what-if plans", "not installed", "CREATE EXTENSION hypopg"),),
        observed_s=3600.0,
        load_ms_per_s=412.5,
        calls_per_s=1234.5,
        mean_ms=0.334,
        cost_share=0.0021,
        cases_open_count=1,
        slow_count=1 if state == "watching" else None,
        blind=None if state == "watching" else "it does not answer",
    )


def slow(case_id: int | None = 2, case_state: str | None = "no_advice", **other: Any) -> SlowRow:
    """A query that is slow now, whose case has ended."""
    told: dict[str, Any] = {
        "system": SYSTEM,
        "fingerprint": FINGERPRINT,
        "kind": "objective_broken",
        "severity": "critical",
        "title": f"mean 412 ms is over the objective of 20 ms {HOSTILE}",
        "query_text": f"SELECT {HOSTILE}",
        "noticed_at_ms": NOW_MS - 20_000,
        "load_share": 0.4,
        "case_reason": "no index would help",
    }
    return SlowRow(case_id=case_id, case_state=case_state, **(told | other))


def overview(*, systems: tuple[SystemRow, ...] | None = None, **other: Any) -> Overview:
    """The first page with one of everything."""
    found = Overview(
        from_ms=NOW_MS - 3_600_000,
        to_ms=NOW_MS,
        systems=(system(),) if systems is None else systems,
        slow=(slow(),),
        slow_count=1,
        findings=(case(), case(severity="warning", state="proposed")),
        cases_open_count=2,
        last_changes=(change(), change("rolled_back", case_id=2)),
        in_flight=(change("watching", measured=False, case_id=4),),
        waiting=(change("proposed", measured=False, case_id=5),),
        frozen=None,
    )
    return replace(found, **other)


def shape(number: int = 1) -> ShapeRow:
    """A row of the list of queries."""
    return ShapeRow(
        system=SYSTEM,
        fingerprint=FINGERPRINT if number == 1 else f"{number:016x}",
        text=f"SELECT * FROM orders WHERE email = $1 AND note <> '{HOSTILE}'",
        statement="select",
        tables=("public.orders",),
        calls=4321 * number,
        calls_per_s=1.2 * number,
        mean_exec_time_ms=80.123,
        total_exec_time_ms=346_211.0,
        load_ms_per_s=96.1,
        load_share=0.61,
        rows_per_call=1.0,
        hit_ratio=0.991,
        p95_ms=120.5 if number % 2 else None,
        case_id=3 if number == 1 else None,
        case_state="open" if number == 1 else None,
    )


def shapes(count: int = 50, total: int = 10_000) -> ShapesPage:
    """A page of the list."""
    return ShapesPage(NOW_MS - 3_600_000, NOW_MS, 3600.0, "minutes", total, tuple(map(shape, range(1, count + 1))))


def story() -> ShapeStory:
    """One shape."""
    row = shape()
    return ShapeStory(
        system=row.system,
        fingerprint=row.fingerprint,
        shape=f"SELECT * FROM orders WHERE email = $1 AND note <> '{HOSTILE}'",
        statement="select",
        tables=("public.orders",),
        totals=row,
        cases=(case(),),
        changes=(change(),),
    )


def node(title: str, *children: PlanNode, share: float = 0.5, factor: float | None = None) -> PlanNode:
    """A step of a plan."""
    return PlanNode(
        node_type=title.split(" on ")[0],
        title=title,
        line=1,
        relation="orders",
        index=None,
        cost_start=0.0,
        cost_total=1234.5,
        self_cost=1000.0,
        share=share,
        rows_estimated=10.0,
        rows_actual=None if factor is None else 10.0 * factor,
        loops=1,
        misestimate_factor=factor,
        time_ms=None if factor is None else 80.0,
        self_time_ms=None if factor is None else 79.0,
        buffers_hit=100,
        buffers_read=2000,
        buffers_temp=0,
        self_buffers=2000,
        conditions=(PlanText("Filter", f"(email = ?) {HOSTILE}"),),
        details=(),
        rows_removed=99_990.0,
        nodes_left_out=0,
        children=children,
    )


def plan(plan_id: str, root: PlanNode, *, since_ms: int = NOW_MS) -> StoredPlan:
    """A stored plan."""
    return StoredPlan(
        plan_id=plan_id,
        system=SYSTEM,
        fingerprint=FINGERPRINT,
        structure=root.title,
        origin="advice",
        change_id=None,
        since_ms=since_ms,
        taken_at_ms=since_ms,
        seen_at_ms=since_ms,
        seen_count=2,
        has_actuals=False,
        source="a statement with literals",
        why_no_actuals="policy does not allow it",
        settings={"work_mem": "64MB"},
        planning_ms=0.3,
        execution_ms=None,
        root=root,
        findings=(finding(),) if root.title.startswith("Seq Scan") else (),
    )


def finding() -> Hint:
    """Something wrong with a plan."""
    mend = Mend(MendKind.INDEX, f"an index {HOSTILE}", f"CREATE INDEX CONCURRENTLY ON orders ({HOSTILE})")
    return Hint(
        "rows-thrown-away",
        "A scan throws most rows away",
        0.997,
        ScoreOf.COST,
        1,
        f"Seq Scan on {HOSTILE}",
        f"99,990 rows {HOSTILE}",
        (mend,),
    )


def plans() -> tuple[StoredPlan, ...]:
    """A plan after a change, and the one before it."""
    return (
        plan("after", node("Index Scan using i on orders", share=1.0)),
        plan("before", node("Seq Scan on orders", share=1.0, factor=240.0), since_ms=NOW_MS - 600_000),
    )


def executions() -> tuple[Execution, ...]:
    """Single executions."""
    return (
        Execution("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", NOW_MS - 5000, 81.2, "shop", "error", {}),
        Execution("1af7651916cd43dd8448eb211c80319c", "c7ad6b7169203331", NOW_MS - 9000, 80.2, HOSTILE, "unset", {}),
    )


def series(keys: list[str]) -> SeriesAnswer:
    """Lines for charts."""
    lines = tuple(Series(key, key.rpartition("/")[2], "ms", [1.0, None, 2.123456789]) for key in keys)
    return SeriesAnswer(NOW_MS - 3000, NOW_MS, 1000, lines, ())
