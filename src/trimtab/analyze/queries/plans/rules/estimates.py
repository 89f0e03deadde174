"""Estimates: the step at which the planner began to be wrong, and tables of which it knows nothing, or old things."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.conditions import columns_in
from trimtab.analyze.queries.plans.document import text
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind
from trimtab.analyze.queries.plans.mending import columns_of, conditions_of, is_made, own, statistics_mends
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint
from trimtab.analyze.queries.plans.rules.thrown import thrown_away
from trimtab.analyze.queries.plans.steps import BLOCKING, Step

_NO_ROWS = ("BitmapAnd", "BitmapOr", "Bitmap Index Scan", "Hash", "ModifyTable")
"""Steps whose count of rows means something else, or nothing."""
_JOINS = ("Nested Loop", "Hash Join", "Merge Join")
_TABLES = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan", "Sample Scan")


def misestimate(step: Step) -> float | None:
    """Actual ÷ estimated rows; None where they cannot be compared (not run, stopped early, read twice).

    A server before version 18 rounds rows to whole ones for each loop: what half a row can hide does not count.
    """
    rows, loops = step.rows_actual, step.loops
    if rows is None or not loops or "Plan Rows" not in step.raw:
        return None
    factor = max(1.0, rows) / max(1.0, step.rows_estimated)
    if factor < 1.0 and step.may_be_stopped:
        return None
    return None if factor > 1.0 and step.may_repeat else factor


def is_off(step: Step) -> bool:
    """Whether the estimate was off by more than the lint lets pass."""
    factor = misestimate(step)
    return (
        factor is not None
        and step.kind not in _NO_ROWS
        and max(factor, 1 / factor) >= limits.MISESTIMATE_MIN
        and max(step.rows_all or 0.0, step.rows_estimated * (step.loops or 0.0)) >= limits.ROWS_MIN
    )


def begins(step: Step) -> bool:
    """Whether an error begins here: the step is off, and no step below it that hands it rows is."""
    return is_off(step) and not any(is_off(child) for child in _givers(step))


def origin(step: Step) -> Step:
    """Where an error of a step comes from: one below may be wrong by as much on few rows, which a join makes many."""
    factor = misestimate(step) or 1.0
    wrong = [(_wrong_by(child, factor), child) for child in _givers(step)]
    by, child = max(wrong, key=lambda pair: pair[0], default=(0.0, step))
    return origin(child) if by >= limits.MISESTIMATE_MIN else step


def _wrong_by(step: Step, factor: float) -> float:
    """By how many times a step is wrong in the direction of `factor`; 0 where that is not known."""
    own_factor = misestimate(step)
    if own_factor is None or step.kind in _NO_ROWS:
        return 0.0
    return own_factor if factor > 1 else 1 / own_factor


def affected(step: Step) -> list[Step]:
    """Steps that were planned by a wrong estimate: the ones above, as far as it goes up, and what loops run for it."""
    found = {step.at: step}
    child = step
    for above in step.above():
        if child.is_apart:
            break
        found[above.at] = above
        if above.kind == "Nested Loop" and child.relationship == "Outer":
            for one in above.children:
                if one.relationship == "Inner":
                    found.update((below.at, below) for below in one.all_below())
        if not is_off(above) and above.kind in BLOCKING:
            break
        child = above
    return list(found.values())


def _givers(step: Step) -> Iterator[Step]:
    """The steps below whose rows come to this one: through steps that hand rows on as they are."""
    for child in step.children:
        if child.is_apart:
            continue
        if child.kind in _NO_ROWS:
            yield from _givers(child)
        else:
            yield child


def _misestimates(look: Look) -> Iterator[Hint]:
    for seen in look.tree.steps:
        if not begins(seen):
            continue
        step = origin(seen)
        factor = misestimate(step) or 1.0
        score = look.tree.share_of(list({one.at: one for one in (*affected(step), *affected(seen))}.values()))
        if score < limits.MISESTIMATE_SCORE_MIN:
            continue
        times = f"{max(factor, 1 / factor):,.0f} times {'more' if factor > 1 else 'fewer'}"
        each = f" in each of {count_text(step.loops or 0)} loops" if (step.loops or 0) > 1 else ""
        yield hint(
            "misestimate",
            "The planner was wrong about the number of rows, and it begins here",
            look,
            step,
            score=score,
            found=f"{count_text(step.rows_estimated)} rows were expected, {count_text(step.rows_actual or 0)}"
            f" came{each}: {times}",
            mends=_mends(look, step),
            figures={"factor": factor, "rows_estimated": step.rows_estimated, "rows_actual": step.rows_actual or 0.0},
        )


def _mends(look: Look, step: Step) -> list[Mend]:
    if step.kind in _TABLES:
        made = [one for one in own(step, conditions_of(step, "Filter", "Index Cond")) if is_made(one)]
        return statistics_mends(look, step, columns_of(step), made)
    if step.kind in _JOINS:
        names = [one.side for key in ("Hash Cond", "Merge Cond", "Join Filter") for one in conditions_of(step, key)]
        what = f" ({', '.join(names[:3])})" if names else ""
        relations = (look.relation_sql(one) for one in step.all_below() if one.kind in _TABLES)
        tables = list(dict.fromkeys(one for one in relations if one is not None))[:2]
        words = (
            f"statistics of both sides of the join{what}; a value that is very frequent on both sides is not foreseen"
        )
        return [Mend(MendKind.ANALYZE, words, "; ".join(f"ANALYZE {one}" for one in tables) or None)]
    if step.kind in ("Aggregate", "Group", "Unique"):
        keys = step.raw.get("Group Key")
        names = [name for key in (keys if isinstance(keys, list) else []) for name in columns_in(str(key))]
        table = next((one for one in step.all_below() if one.kind in _TABLES), None)
        if table is not None and names:
            return statistics_mends(look, table, names, kinds="(ndistinct) ")
    if step.kind in ("Function Scan", "Table Function Scan"):
        return [Mend(MendKind.REWRITE, "say how many rows the function gives: ALTER FUNCTION … ROWS n")]
    return [_without_statistics(step)]


def _without_statistics(step: Step) -> Mend:
    """For rows of which no statistics can be kept."""
    if step.kind == "CTE Scan":
        name = text(step.raw, "CTE Name") or "…"
        words = (
            f"the planner has no statistics of what WITH {name} gives, and guesses. Where it is read once, AS NOT"
            " MATERIALIZED lets it look at the tables; else its rows in a temporary table, with ANALYZE before it is"
            " read"
        )
    else:
        words = (
            f"nothing is known that mends the estimate of a {step.kind}: there are no statistics of what it gives. Its"
            " rows in a temporary table would have some, with ANALYZE before it is read"
        )
    return Mend(MendKind.REWRITE, words)


def _has_rows(look: Look, step: Step) -> bool:
    """Whether enough rows go through a scan, or through what was planned by it, to be worth a word."""
    thrown = thrown_away(look, step)
    rows = [one.rows_all if one.ran else one.rows_estimated for one in affected(step)]
    return max(0.0 if thrown is None else thrown[0], *(one or 0.0 for one in rows)) >= limits.ROWS_MIN


def _missing_statistics(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        facts = look.table(step)
        if facts is None or facts.has_statistics is not False or step.kind not in _TABLES or not _has_rows(look, step):
            continue
        yield hint(
            "missing-statistics",
            "The planner has no statistics of a table",
            look,
            step,
            score=look.tree.share_of(affected(step)),
            found=f"ANALYZE never looked at {facts.schema}.{facts.name}: what its conditions let through is guessed",
            mends=[Mend(MendKind.ANALYZE, "first statistics", f"ANALYZE {look.relation_sql(step)}")],
        )


def _stale_statistics(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        facts = look.table(step)
        if facts is None or step.kind not in _TABLES or not facts.has_statistics:
            continue
        changed, rows = facts.changed_since_analyze or 0.0, max(facts.rows_alive or 0.0, facts.rows, 1.0)
        if changed < limits.ROWS_MIN or changed / rows < limits.STALE_MIN:
            continue
        if step.ran and not any(is_off(one) for one in affected(step)):
            continue  # old, and right all the same
        yield hint(
            "stale-statistics",
            "The planner's statistics of a table are old",
            look,
            step,
            score=look.tree.share_of(affected(step)) * min(1.0, changed / rows),
            found=f"{count_text(changed)} of about {count_text(rows)} rows changed since ANALYZE looked",
            mends=[Mend(MendKind.ANALYZE, "fresh statistics", f"ANALYZE {look.relation_sql(step)}")],
            figures={"changed_rows": changed, "changed_ratio": min(1.0, changed / rows)},
        )


_AFFECTED = "The own time of the steps that were planned by it: those above, and what loops ran for it."

RULES: tuple[Rule, ...] = (
    Rule(
        "misestimate",
        "The planner was wrong about the number of rows, and it begins here",
        "Rows were ten times more or fewer than expected (a thousand at least), and the steps below were right. Where"
        " one below was wrong by as much on fewer rows, it is that one. Steps that a LIMIT or a join may have stopped"
        " early are not blamed for too few, those that a merge join reads twice not for too many.",
        "ANALYZE; CREATE STATISTICS on columns that go together, or on an expression.",
        _AFFECTED,
        _misestimates,
        "a statement that was run",
    ),
    Rule(
        "missing-statistics",
        "The planner has no statistics of a table",
        "The catalogue has no statistics of the table's columns; a thousand rows go through what was planned by it.",
        "ANALYZE.",
        _AFFECTED,
        _missing_statistics,
        "the catalogue",
    ),
    Rule(
        "stale-statistics",
        "The planner's statistics of a table are old",
        "A fifth of the table's rows, and a thousand at least, changed since it was analysed. Where the statement was"
        " run and all estimates were right, nothing is said.",
        "ANALYZE; an autovacuum_analyze_scale_factor of the table's own.",
        _AFFECTED[:-1] + ", times the share of rows that changed.",
        _stale_statistics,
        "the catalogue",
    ),
)
