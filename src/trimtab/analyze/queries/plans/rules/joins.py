"""Joins: loops that do much for nothing, missing conditions, rows that are joined to be thrown away."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.conditions import Compared, comparisons
from trimtab.analyze.queries.plans.document import number, text
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind
from trimtab.analyze.queries.plans.mending import index_mends, work_mem_mend
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint
from trimtab.analyze.queries.plans.steps import Step

_WASTE_MIN = 10.0
"""Rows that are looked at in vain in one loop, for each that is found."""
_INNER_SHARE_MIN = 0.1


def sides(step: Step) -> tuple[Step, Step] | None:
    """The outer and the inner side of a join."""
    outer = next((one for one in step.children if one.relationship == "Outer"), None)
    inner = next((one for one in step.children if one.relationship == "Inner"), None)
    return None if outer is None or inner is None else (outer, inner)


def _nested_loop_large_inner(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind != "Nested Loop" or (both := sides(step)) is None:
            continue
        outer, inner = both
        loops = (inner.loops or 0.0) if step.ran else outer.rows_estimated
        share = look.tree.share_of([step, *inner.all_below()])
        if loops < limits.LOOPS_MIN or share < _INNER_SHARE_MIN:
            continue
        looked, given = _looked_at(step, inner)
        scan = _scan_of(inner)
        if looked is None:  # not run
            if scan is None or scan.kind != "Seq Scan":
                continue
        elif looked * loops < limits.ROWS_MIN or looked < _WASTE_MIN * max(given, 1 / loops):
            continue
        found = f"its inner side ran {count_text(loops)} times"
        if looked is not None:
            found += f", and looked at {count_text(looked)} rows each time to find {count_text(given)}"
        if step.ran and loops > limits.MISESTIMATE_MIN * max(1.0, outer.rows_estimated):
            found += f"; {count_text(outer.rows_estimated)} times were expected"
        yield hint(
            "nested-loop-large-inner",
            "A nested loop looks through many rows for each row of its outer side",
            look,
            step,
            score=share,
            found=found,
            mends=_inner_mends(look, step, scan),
            figures={"loops": loops} | ({} if looked is None else {"looked_at_rows": looked, "found_rows": given}),
        )


def _looked_at(step: Step, inner: Step) -> tuple[float | None, float]:
    """Rows that one loop looks at, and that it gives to the join in the end."""
    if not step.ran:
        return None, 0.0
    thrown = sum(
        (number(one.raw, key) or 0.0) * (one.loops or 0.0)
        for one in inner.all_below()
        for key in ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    )
    loops = inner.loops or 1.0
    joined = (number(step.raw, "Rows Removed by Join Filter") or 0.0) * (step.loops or 0.0) / loops
    given = max(0.0, (inner.rows_actual or 0.0) - joined)
    if not joined and step.rows_all is not None:
        given = min(inner.rows_actual or 0.0, max(step.rows_all / loops, given))
    return (inner.rows_actual or 0.0) + thrown / loops, given


def _scan_of(inner: Step) -> Step | None:
    """The scan of a table at the bottom of a side, through steps that hand its rows on."""
    step: Step | None = inner
    while step is not None and "Relation Name" not in step.raw:
        step = step.children[0] if len(step.children) == 1 else None
    return step


def _inner_mends(look: Look, step: Step, scan: Step | None) -> list[Mend]:
    mends: list[Mend] = []
    if scan is not None:
        names = {text(scan.raw, "Alias"), text(scan.raw, "Relation Name")}
        conditions = [*comparisons(text(step.raw, "Join Filter") or ""), *comparisons(text(scan.raw, "Filter") or "")]
        conditions += comparisons(text(scan.raw, "Index Cond") or "")
        mine = [found for one in conditions if (found := _turned(one, names)) is not None]
        mends += index_mends(look, scan, mine)
    mends.append(
        Mend(
            MendKind.ANALYZE,
            "right estimates, so that the planner takes a hash join where many rows come (see misestimate)",
        )
    )
    return mends


def _turned(one: Compared, names: set[str | None]) -> Compared | None:
    """A comparison whose column is the inner side's: as it stands, or its other side."""
    if one.table in names or (one.table is None and one.column is not None):
        return one
    other = comparisons(f"({one.other} = NULL)") if one.other else ()
    return next((found for found in other if found.table in names), None)


def _cross_join(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind != "Nested Loop" or "Join Filter" in step.raw or (both := sides(step)) is None:
            continue
        if step.raw.get("Join Type", "Inner") != "Inner":
            continue
        inner = both[1]
        rows = [(one.rows_actual if step.ran else one.rows_estimated) or 0.0 for one in both]
        result = (step.rows_all if step.ran else step.rows_estimated) or 0.0
        if min(rows) <= 1 or result < limits.ROWS_MIN or _depends(inner):
            continue
        yield hint(
            "cross-join",
            "Two sides are joined without a condition: every row with every row",
            look,
            step,
            score=look.tree.share_of([step, *inner.all_below()]),
            found=f"{count_text(rows[0])} rows with {count_text(rows[1])} rows each: {count_text(result)}",
            mends=[Mend(MendKind.REWRITE, "a condition between the sides is missing, or one should be one row")],
            figures={"outer_rows": rows[0], "inner_rows": rows[1]},
        )


def _depends(inner: Step) -> bool:
    """Whether the inner side asks for something of the outer one: a parameter, or a column of another table."""
    for step in inner.all_below():
        if step.kind in ("Memoize", "Function Scan", "Subquery Scan", "Values Scan", "Result", "ProjectSet"):
            return True  # may be lateral: its arguments are not told
        for key in ("Index Cond", "Recheck Cond", "Filter", "TID Cond", "One-Time Filter"):
            words = text(step.raw, key)
            if words and (any(one.has_column_there for one in comparisons(words)) or not comparisons(words)):
                return True
    return False


def _join_filter(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        removed = (number(step.raw, "Rows Removed by Join Filter") or 0.0) * (step.loops or 0.0)
        if step.kind not in ("Hash Join", "Merge Join") or removed < limits.ROWS_MIN:
            continue
        ratio = removed / (removed + (step.rows_all or 0.0))
        if ratio < limits.THROWN_AWAY_MIN:
            continue
        yield hint(
            "join-filter-throws-away",
            "A join makes many pairs that its filter throws away",
            look,
            step,
            score=step.share * ratio,
            found=f"{count_text(removed)} pairs fitted the join's key and failed its filter, {ratio:.1%} of all",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    "a more selective key of the join: an equality more, or a range cut into pieces (days, buckets)",
                )
            ],
            figures={"removed_rows": removed, "removed_ratio": ratio},
        )


def _memoize(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        evictions, misses = (number(step.raw, f"Cache {name}") or 0.0 for name in ("Evictions", "Misses"))
        overflows = number(step.raw, "Cache Overflows") or 0.0
        if step.kind != "Memoize" or evictions + overflows <= 0 or misses <= 0:
            continue
        ratio = min(1.0, (evictions + overflows) / misses)
        if look.is_brief(look.tree.share_of(list(step.all_below())) * ratio):
            continue
        peak_kib = number(step.raw, "Peak Memory Usage") or 0.0
        yield hint(
            "memoize-evictions",
            "A cache of a nested loop was too small for what it should remember",
            look,
            step,
            score=look.tree.share_of(list(step.all_below())) * ratio,
            found=f"{count_text(evictions)} of {count_text(misses)} results were forgotten to make room",
            mends=[work_mem_mend(look, peak_kib * misses / max(1.0, misses - evictions), is_hash=True)],
            figures={"evictions_count": evictions, "misses_count": misses},
        )


RULES: tuple[Rule, ...] = (
    Rule(
        "nested-loop-large-inner",
        "A nested loop looks through many rows for each row of its outer side",
        "The inner side of a nested loop ran a hundred times or more and looked at ten rows for each that it found"
        " (where the statement was not run: it is a sequential scan that is expected to run so often).",
        "An index on the inner side's column of the join; right estimates, so that a hash join is taken.",
        "The own time of the loop and of all of its inner side.",
        _nested_loop_large_inner,
    ),
    Rule(
        "cross-join",
        "Two sides are joined without a condition: every row with every row",
        "A nested loop has no condition, its inner side asks nothing of the outer one; both give more than one row.",
        "A condition between the two.",
        "The own time of the loop and of all of its inner side.",
        _cross_join,
    ),
    Rule(
        "join-filter-throws-away",
        "A join makes many pairs that its filter throws away",
        "Nine of ten pairs of a hash or merge join fit its key and fail its filter, a thousand at least.",
        "A more selective key.",
        "The join's own time, times the share of pairs that failed.",
        _join_filter,
        "a statement that was run",
    ),
    Rule(
        "memoize-evictions",
        "A cache of a nested loop was too small for what it should remember",
        "Memoize forgot results to make room for others, and 0.5 ms at least were lost by it.",
        "The work_mem that it would have needed.",
        "The own time of the cache and of all below it, times the share of results that were forgotten.",
        _memoize,
        "a statement that was run",
    ),
)
