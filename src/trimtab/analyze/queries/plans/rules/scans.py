"""Scans: rows that were read to be thrown away, and indexes that could not help."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.conditions import Compared
from trimtab.analyze.queries.plans.document import number
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind
from trimtab.analyze.queries.plans.mending import (
    conditions_of,
    index_mends,
    own,
    work_mem_mend,
)
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint
from trimtab.analyze.queries.plans.rules.columns import is_cast, is_expression
from trimtab.analyze.queries.plans.rules.thrown import INDEX_SCANS, WHOLE_SCANS, thrown_away
from trimtab.analyze.queries.plans.steps import Step

BITMAP_PAGE_BYTES = 64
"""What one page takes in a bitmap (an entry of its hash, as the server reckons it)."""


def _rows_thrown_away(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind not in WHOLE_SCANS or (thrown := thrown_away(look, step)) is None:
            continue
        removed, ratio = thrown
        mine = own(step, conditions_of(step, "Filter"))
        if ratio < limits.THROWN_AWAY_MIN or removed < limits.ROWS_MIN or _is_on_expressions_alone(look, step, mine):
            continue
        was = "were" if step.ran else "are expected to be"
        yield hint(
            "rows-thrown-away",
            "A scan of the whole table throws most rows away",
            look,
            step,
            score=step.share * ratio,
            found=f"{count_text(removed)} rows {was} read and thrown away by its filter, {ratio:.1%} of all",
            mends=index_mends(look, step, mine),
            figures={"removed_rows": removed, "removed_ratio": ratio},
        )


def _inefficient_index(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        if step.kind not in INDEX_SCANS or not step.ran or (thrown := thrown_away(look, step)) is None:
            continue
        removed, ratio = thrown
        if ratio < limits.INDEX_THROWN_AWAY_MIN or removed < limits.ROWS_MIN:
            continue
        found = own(step, conditions_of(step, "Index Cond", "Recheck Cond", "Filter"))
        yield hint(
            "inefficient-index",
            "An index finds many rows of which the filter keeps few",
            look,
            step,
            score=_with_bitmap(look, step) * ratio,
            found=f"the index found {count_text(removed + (step.rows_all or 0))} rows, {ratio:.1%} of them in vain",
            mends=index_mends(look, step, found),
            figures={"removed_rows": removed, "removed_ratio": ratio},
        )


def _with_bitmap(look: Look, step: Step) -> float:
    return look.tree.share_of(list(step.all_below())) if step.kind == "Bitmap Heap Scan" else step.share


def _not_leading(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        table = step if "Relation Name" in step.raw else step.parent
        facts = None if table is None else look.table(table)
        keys = (facts.indexes.get(str(step.raw.get("Index Name"))) or ()) if facts is not None else ()
        found = conditions_of(step, "Index Cond")
        columns = {one.column for one in found}
        if table is None or not keys or not found or keys[0] in columns or not columns & set(keys[1:]):
            continue
        pages = step.own_pages
        if (step.cost < limits.ROWS_MIN) if not step.ran else (pages is not None and pages < limits.PAGES_MIN):
            continue
        yield hint(
            "index-not-leading",
            "An index is read from its beginning to its end: its first column is not in the condition",
            look,
            step,
            score=step.share,
            found=f"the condition is on {', '.join(sorted(map(str, columns)))}, the index begins with {keys[0]}",
            mends=index_mends(look, table, own(table, found)),
            figures={} if pages is None else {"pages": pages},
        )


def _index_recheck(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        removed = (number(step.raw, "Rows Removed by Index Recheck") or 0.0) * (step.loops or 0.0)
        if removed < limits.ROWS_MIN or number(step.raw, "Lossy Heap Blocks"):
            continue
        ratio = removed / (removed + (step.rows_all or 0.0))
        yield hint(
            "index-recheck",
            "An index cannot decide by itself, and most rows fail when they are looked at",
            look,
            step,
            score=step.share * ratio,
            found=f"{count_text(removed)} rows that the index named did not fit, {ratio:.1%} of all",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    "ask for something longer or rarer (three letters at least for trigrams), or give the index more to"
                    " decide on",
                )
            ],
            figures={"removed_rows": removed, "removed_ratio": ratio},
        )


def _heap_fetches(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        fetches = number(step.raw, "Heap Fetches") or 0.0
        given = (step.rows_all or 0.0) + (number(step.raw, "Rows Removed by Filter") or 0.0) * (step.loops or 0.0)
        if step.kind != "Index Only Scan" or fetches < limits.HEAP_FETCHES_ROWS_MIN or given <= 0:
            continue
        ratio = min(1.0, fetches / given)
        if ratio < limits.HEAP_FETCHES_MIN:
            continue
        relation = look.relation_sql(step)
        yield hint(
            "heap-fetches",
            "An index-only scan had to look rows up in the table after all",
            look,
            step,
            score=step.share * ratio,
            found=f"{count_text(fetches)} of {count_text(given)} rows were looked up in the table: their pages are not"
            " known to be visible to all",
            mends=[
                Mend(
                    MendKind.VACUUM,
                    "VACUUM marks pages as visible to all; where rows change often, autovacuum has to come more often",
                    f"VACUUM {relation}" if relation else None,
                )
            ],
            figures={"heap_fetches_count": fetches, "heap_fetches_ratio": ratio},
        )


def _lossy_bitmap(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        lossy, exact = (number(step.raw, f"{how} Heap Blocks") or 0.0 for how in ("Lossy", "Exact"))
        if lossy < limits.PAGES_MIN:
            continue
        ratio = lossy / (lossy + exact)
        removed = (number(step.raw, "Rows Removed by Index Recheck") or 0.0) * (step.loops or 0.0)
        yield hint(
            "lossy-bitmap",
            "A bitmap was too big for work_mem and forgot which rows it meant",
            look,
            step,
            score=step.share * ratio,
            found=f"{count_text(lossy)} of {count_text(lossy + exact)} pages were known only as a whole;"
            f" {count_text(removed)} rows were looked at in vain",
            mends=[work_mem_mend(look, (lossy + exact) * BITMAP_PAGE_BYTES / 1024)],
            figures={"lossy_pages": lossy, "exact_pages": exact, "removed_rows": removed},
        )


def _is_on_expressions_alone(look: Look, step: Step, found: list[Compared]) -> bool:
    """Whether other rules say it better."""
    return (
        bool(found)
        and not any(one.is_bare for one in found)
        and any(is_expression(one) or is_cast(look, step, one) for one in found)
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "rows-thrown-away",
        "A scan of the whole table throws most rows away",
        "A sequential scan reads a table and its filter throws nine of ten rows away, a thousand at least. Where the"
        " statement was not run, the catalogue must say how many rows the table has.",
        "An index on what the filter compares: equalities first, then one range; GIN for patterns and containment.",
        "The scan's own time, times the share of rows that were thrown away.",
        _rows_thrown_away,
    ),
    Rule(
        "inefficient-index",
        "An index finds many rows of which the filter keeps few",
        "Behind an index scan or a bitmap, the filter throws away three of four rows, a thousand at least.",
        "An index that has the filter's columns, too.",
        "The scan's own time, times the share of rows that were thrown away.",
        _inefficient_index,
        "a statement that was run",
    ),
    Rule(
        "index-not-leading",
        "An index is read from its beginning to its end: its first column is not in the condition",
        "The condition of a B-tree's scan is on later columns of it alone, so that it is read as a whole (fifty pages"
        " at least; from version 18 on a skip scan may read less of it).",
        "An index that begins with the columns that are compared.",
        "The scan's own time.",
        _not_leading,
        "the catalogue",
    ),
    Rule(
        "index-recheck",
        "An index cannot decide by itself, and most rows fail when they are looked at",
        "A GIN or GiST index names rows that may fit, and a thousand or more of them do not.",
        "A more selective condition, or a column more in the index.",
        "The scan's own time, times the share of rows that did not fit.",
        _index_recheck,
        "a statement that was run",
    ),
    Rule(
        "heap-fetches",
        "An index-only scan had to look rows up in the table after all",
        "One row in ten of an index-only scan, and a hundred at least, were looked up in the table.",
        "VACUUM, or an autovacuum that comes more often to this table.",
        "The scan's own time, times the share of rows that were looked up.",
        _heap_fetches,
        "a statement that was run",
    ),
    Rule(
        "lossy-bitmap",
        "A bitmap was too big for work_mem and forgot which rows it meant",
        "A bitmap kept whole pages instead of rows (`lossy`), fifty at least, and every row of these was looked at.",
        "work_mem that holds the bitmap: 64 bytes a page.",
        "The scan's own time, times the share of pages that were lossy.",
        _lossy_bitmap,
        "a statement that was run",
    ),
)
