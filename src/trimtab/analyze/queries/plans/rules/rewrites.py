"""What another way of asking would mend: subqueries for each row, fences, offsets, sorts that only a LIMIT reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.document import number, text
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind
from trimtab.analyze.queries.plans.mending import conditions_of, index_mends, own
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint
from trimtab.analyze.queries.plans.steps import Step
from trimtab.sql.identifiers import quoted

_SORTS = ("Sort", "Incremental Sort")
_TABLES = ("Seq Scan", "Index Scan", "Bitmap Heap Scan", "Index Only Scan")
_HANDS_ON = ("Gather Merge", "Gather", "Subquery Scan", "Result", "ProjectSet", "LockRows")
_PLAIN_KEY = re.compile(r"(?:(\w+|\"[^\"]+\")\.)?(\w+|\"[^\"]+\")( DESC)?( NULLS (?:FIRST|LAST))?\Z")


def _correlated_subplan(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.relationship != "SubPlan" or step.parent is None or _is_not_in(step) or _is_hashed(step):
            continue
        loops = (step.loops or 0.0) if step.loops is not None else step.parent.rows_estimated
        if loops < limits.LOOPS_MIN or look.is_brief(look.tree.share_of(list(step.all_below()))):
            continue
        yield hint(
            "correlated-subplan",
            "A subquery runs once for each row",
            look,
            step,
            score=look.tree.share_of(list(step.all_below())),
            found=f"{text(step.raw, 'Subplan Name') or 'a subquery'} ran {count_text(loops)} times"
            if step.ran
            else f"{text(step.raw, 'Subplan Name') or 'a subquery'} is expected to run {count_text(loops)} times",
            mends=[*_inner_index(look, step), _as_join()],
            figures={"loops": loops},
        )


def _as_join() -> Mend:
    return Mend(
        MendKind.REWRITE,
        "ask once for all rows: a join with a grouped subquery (COALESCE the counts), or LATERAL with an index",
    )


def _inner_index(look: Look, step: Step) -> list[Mend]:
    """An index for the whole scan that each run of the subquery does."""
    for scan in step.all_below():
        if scan.kind == "Seq Scan" and "Filter" in scan.raw:
            found = [one for one in own(scan, conditions_of(scan, "Filter")) if one.has_column_there or one.is_bare]
            return index_mends(look, scan, found)
    return []


def _is_hashed(step: Step) -> bool:
    return f"hashed {text(step.raw, 'Subplan Name')}" in _conditions(step)


def _is_not_in(step: Step) -> bool:
    """Whether it is the list of a NOT IN, searched for each row: kept as it does not depend on the row around it.

    What is not kept is a NOT EXISTS, or depends on the row: it is a subquery for each row.
    """
    name = re.escape(text(step.raw, "Subplan Name") or "SubPlan")
    is_negated = re.search(rf"\(NOT \((?:ANY \(.* = \()?{name}\)", _conditions(step)) is not None
    return is_negated and step.kind == "Materialize"


def _conditions(step: Step) -> str:
    raw = step.parent.raw if step.parent is not None else {}
    return " ".join(str(raw.get(key, "")) for key in ("Filter", "Join Filter", "Output", "One-Time Filter"))


def _not_in(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.relationship != "SubPlan" or step.parent is None or not _is_not_in(step):
            continue
        loops = (step.loops or 0.0) if step.loops is not None else step.parent.rows_estimated
        rows = (step.rows_actual if step.ran else step.rows_estimated) or 0.0
        if loops * rows < limits.ROWS_MIN:
            continue
        yield hint(
            "not-in-subplan",
            "NOT IN searches a list from its start for each row, since its hash would not fit into work_mem",
            look,
            step,
            score=look.tree.share_of([step.parent, *step.all_below()]),
            found=f"{count_text(loops)} rows, and for each up to {count_text(step.rows_estimated)} rows of the list",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    "NOT EXISTS, which can be an anti join (it is the same only where neither side is NULL)",
                ),
                Mend(MendKind.WORK_MEM, "work_mem that holds the list makes it a hashed SubPlan"),
            ],
            figures={"loops": loops, "list_rows": step.rows_estimated},
        )


def _cte_fence(look: Look) -> Iterator[Hint]:
    scans = [step for step in look.tree.steps if step.kind == "CTE Scan"]
    for step in scans:
        name = text(step.raw, "CTE Name")
        if "Filter" not in step.raw or sum(one.raw.get("CTE Name") == name for one in scans) > 1:
            continue
        cte = next((one for one in look.tree.steps if one.raw.get("Subplan Name") == f"CTE {name}"), None)
        if cte is None or cte.kind in ("Recursive Union", "ModifyTable"):
            continue
        if step.ran:
            made = cte.rows_all or 0.0
            given = step.rows_all or 0.0
        else:
            made, given = cte.rows_estimated, step.rows_estimated
        ratio = 1.0 - given / made if made > 0 else 0.0
        if made - given < limits.ROWS_MIN or ratio < limits.THROWN_AWAY_MIN:
            continue
        yield hint(
            "cte-fence",
            "A WITH makes all of its rows, of which the query then throws most away",
            look,
            step,
            score=look.tree.share_of([step, *cte.all_below()]) * ratio,
            found=f"{count_text(made)} rows were made by {name}, {count_text(made - given)} of them for nothing",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    f"WITH {name} AS NOT MATERIALIZED, or the condition inside of it: it is a fence where it is read"
                    " twice, MATERIALIZED or volatile",
                )
            ],
            figures={"made_rows": made, "given_rows": given},
        )


def _offset(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind != "Limit" or not step.children:
            continue
        child = step.children[0]
        if step.ran and child.rows_all is not None:
            given, came = step.rows_all or 0.0, child.rows_all
            skipped = came - given
            ratio = skipped / came if came > 0 else 0.0
        elif step.rows_actual is None:
            last, start = child.cost, number(child.raw, "Startup Cost") or 0.0
            gap = (number(step.raw, "Startup Cost") or 0.0) - start
            given = step.rows_estimated
            skipped = child.rows_estimated * gap / (last - start) if last > start else 0.0
            ratio = gap / step.cost if step.cost > 0 else 0.0
        else:
            continue
        if skipped < limits.ROWS_MIN or skipped < limits.SKIPPED_MIN * max(1.0, given):
            continue
        yield hint(
            "offset-cost",
            "OFFSET makes rows to throw them away",
            look,
            step,
            score=look.tree.share_of(list(step.all_below())) * ratio,
            found=f"{count_text(skipped)} rows were made and skipped to give {count_text(given)}"
            if step.ran
            else f"about {count_text(skipped)} rows are made and skipped to give {count_text(given)}",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    "go on from the last row that was seen: WHERE (key, id) > (…) ORDER BY key, id LIMIT n, with an"
                    " index on (key, id)",
                )
            ],
            figures={"skipped_rows": skipped, "given_rows": given},
        )


def _sort_for_limit(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind not in _SORTS or not step.children or (limit := _limit_above(step)) is None:
            continue
        child = step.children[0]
        came = (child.rows_all if step.ran else child.rows_estimated) or 0.0
        given = (limit.rows_all if step.ran else limit.rows_estimated) or 0.0
        if came < limits.ROWS_MIN or came < limits.SORTED_FOR_LIMIT_MIN * max(1.0, given):
            continue
        if (scan := _only_scan(child)) is None or (keys := _keys(step, scan)) is None:
            continue
        found = own(scan, conditions_of(scan, "Index Cond", "Recheck Cond", "Filter"))
        yield hint(
            "sort-for-limit",
            "All rows are read and sorted, of which a LIMIT takes the first few",
            look,
            step,
            score=look.tree.share_of(list(step.all_below())) * (1.0 - given / came),
            found=f"{count_text(came)} rows were {'' if step.ran else 'to be '}sorted for {count_text(given)}",
            mends=index_mends(look, scan, found, order=keys),
            figures={"sorted_rows": came, "given_rows": given},
        )


def _limit_above(step: Step) -> Step | None:
    for above in step.above():
        if above.kind == "Limit":
            return above
        if above.kind not in _HANDS_ON or "Filter" in above.raw:
            return None
    return None


def _only_scan(step: Step) -> Step | None:
    """The one table whose rows are sorted."""
    found = [one for one in step.all_below() if not one.is_apart]
    tables = [one for one in found if one.kind in _TABLES]
    bitmaps = ("Bitmap Index Scan", "BitmapAnd", "BitmapOr")
    others = [one for one in found if one.kind not in (*_TABLES, *_HANDS_ON, *bitmaps)]
    return tables[0] if len(tables) == 1 and not others else None


def _keys(step: Step, scan: Step) -> list[str] | None:
    """The sort's keys as columns of an index; None where one is something else."""
    keys = step.raw.get("Sort Key")
    names = (None, text(scan.raw, "Alias"), text(scan.raw, "Relation Name"))
    columns = []
    for key in keys if isinstance(keys, list) else []:
        found = _PLAIN_KEY.match(str(key))
        if found is None or (found[1].strip('"') if found[1] else None) not in names:
            return None
        column = found[2] if found[2].startswith('"') else quoted(found[2])
        columns.append(f"{column}{found[3] or ''}{found[4] or ''}")
    return columns or None


RULES: tuple[Rule, ...] = (
    Rule(
        "correlated-subplan",
        "A subquery runs once for each row",
        "A subquery that depends on the row around it ran a hundred times or more (is expected to, where the statement"
        " was not run), 0.5 ms in all at least.",
        "A join with a grouped subquery, LATERAL, or an index for what it looks for.",
        "The own time of the subquery and of all below it.",
        _correlated_subplan,
    ),
    Rule(
        "not-in-subplan",
        "NOT IN searches a list from its start for each row, since its hash would not fit into work_mem",
        "The list of a NOT IN is materialised and searched for each row, instead of hashed once.",
        "NOT EXISTS, or more work_mem.",
        "The own time of the step that asks and of the list.",
        _not_in,
    ),
    Rule(
        "cte-fence",
        "A WITH makes all of its rows, of which the query then throws most away",
        "A condition on a materialised CTE that is read once throws nine of ten of its rows away, a thousand at least.",
        "NOT MATERIALIZED, or the condition inside.",
        "The own time of the CTE and of its scan, times the share of rows that were thrown away.",
        _cte_fence,
    ),
    Rule(
        "offset-cost",
        "OFFSET makes rows to throw them away",
        "Ten rows or more were skipped for each that was given, a thousand at least.",
        "Keyset pagination.",
        "The own time of all below the LIMIT, times the share of rows that were skipped.",
        _offset,
    ),
    Rule(
        "sort-for-limit",
        "All rows are read and sorted, of which a LIMIT takes the first few",
        "A LIMIT took one row of a hundred that were read from one table and sorted, a thousand at least.",
        "An index that gives the rows in this order, behind the columns that are compared for equality.",
        "The own time of the sort and of all below it, times the share of rows that were not taken.",
        _sort_for_limit,
    ),
)
