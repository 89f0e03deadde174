"""Memory: what was put on disk because it did not fit into work_mem, with the size that would have been enough.

The sizes were measured on PostgreSQL 15: a sort in memory takes what it takes on disk and 65 to 68 bytes a row more
(72 are added here, since its array grows in steps); a hash takes a seventh less than its batches times the greatest of
them; a hashed aggregate what it has in memory and on disk, and up to 100 bytes a group more.
"""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.queries.plans.document import number
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.mending import work_mem_mend
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint, memory_text
from trimtab.analyze.queries.plans.steps import Step

SORT_ROW_BYTES = 72
GROUP_BYTES = 104
STORE_FACTOR = 2.0
"""A store of rows takes about twice as much in memory as on disk."""
PAGE_KIB = 8
_STORES = ("Materialize", "CTE Scan", "WindowAgg", "Function Scan", "Recursive Union", "Table Function Scan")


def _sort_spill(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        disk_kib = _disk_of_sort(step)
        if disk_kib is None:
            continue
        rows = step.rows_actual or step.rows_estimated
        needed_kib = disk_kib + rows * SORT_ROW_BYTES / 1024
        yield hint(
            "sort-spill",
            "A sort did not fit into work_mem and went to disk",
            look,
            step,
            score=step.share,
            found=f"{count_text(rows)} rows were sorted on disk ({memory_text(disk_kib)})",
            mends=[work_mem_mend(look, needed_kib)],
            figures={"disk_kib": disk_kib, "needed_kib": needed_kib},
        )


def _disk_of_sort(step: Step) -> float | None:
    """Of the biggest sort of a process, in KiB."""
    each = (step.raw, *(step.raw.get("Workers") or ()))
    found = [number(raw, "Sort Space Used") or 0.0 for raw in each if raw.get("Sort Space Type") == "Disk"]
    for name in ("Full-sort Groups", "Pre-sorted Groups"):
        groups = step.raw.get(name)
        disk = groups.get("Sort Space Disk") if isinstance(groups, dict) else None
        if isinstance(disk, dict):
            found.append(number(disk, "Peak Sort Space Used") or 0.0)
    return max(found, default=None)


def _hash_spill(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        batches = number(step.raw, "Hash Batches") or 1.0
        if step.kind != "Hash" or batches <= 1 or step.parent is None:
            continue
        peak_kib = number(step.raw, "Peak Memory Usage") or 0.0
        planned = number(step.raw, "Original Hash Batches") or batches
        more = f", {planned:.0f} were planned" if planned != batches else ""
        yield hint(
            "hash-spill",
            "A hash join did not fit into its memory and went through disk in batches",
            look,
            step,
            score=look.tree.share_of([step, step.parent]),
            found=f"{batches:.0f} batches{more}: all but one of each side were written to disk and read again",
            mends=[work_mem_mend(look, peak_kib * batches, is_hash=True)],
            figures={"batches_count": batches, "needed_kib": peak_kib * batches},
        )


def _aggregate_spill(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        disk_kib = number(step.raw, "Disk Usage") or 0.0
        if step.kind != "Aggregate" or disk_kib <= 0:
            continue
        rows = step.rows_actual or step.rows_estimated
        needed_kib = disk_kib + (number(step.raw, "Peak Memory Usage") or 0.0) + rows * GROUP_BYTES / 1024
        yield hint(
            "aggregate-spill",
            "Grouping by hash did not fit into its memory and went to disk",
            look,
            step,
            score=step.share,
            found=f"{count_text(rows)} groups, {memory_text(disk_kib)} of them on disk",
            mends=[work_mem_mend(look, needed_kib, is_hash=True)],
            figures={"disk_kib": disk_kib, "needed_kib": needed_kib},
        )


def _store_spill(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        disk_kib = _disk_of_store(step)
        if disk_kib <= 0:
            continue
        yield hint(
            "store-spill",
            "Rows that were kept for later did not fit into work_mem and went to disk",
            look,
            step,
            score=step.share,
            found=f"{memory_text(disk_kib)} of rows were kept on disk",
            mends=[work_mem_mend(look, disk_kib * STORE_FACTOR)],
            figures={"disk_kib": disk_kib, "needed_kib": disk_kib * STORE_FACTOR},
        )


def _disk_of_store(step: Step) -> float:
    if step.raw.get("Storage") == "Disk":
        return number(step.raw, "Maximum Storage") or 0.0
    if step.kind in _STORES and "Storage" not in step.raw and step.own_pages_temporary:
        return min(step.own_pages_temporary, number(step.raw, "Temp Written Blocks") or 0.0) * PAGE_KIB
    return 0.0


RULES: tuple[Rule, ...] = (
    Rule(
        "sort-spill",
        "A sort did not fit into work_mem and went to disk",
        "A sort, or one group of an incremental sort, used disk.",
        "The work_mem that it would have needed; or an index that gives the order.",
        "The sort's own time: more than can be won, since sorting in memory takes time, too.",
        _sort_spill,
        "a statement that was run",
    ),
    Rule(
        "hash-spill",
        "A hash join did not fit into its memory and went through disk in batches",
        "The hash of a join had more than one batch.",
        "The work_mem that it would have needed, through hash_mem_multiplier where that is known.",
        "The own time of the hash and of its join: more than can be won.",
        _hash_spill,
        "a statement that was run",
    ),
    Rule(
        "aggregate-spill",
        "Grouping by hash did not fit into its memory and went to disk",
        "A hashed aggregate used disk.",
        "The work_mem that it would have needed, through hash_mem_multiplier where that is known.",
        "The aggregate's own time: more than can be won.",
        _aggregate_spill,
        "a statement that was run",
    ),
    Rule(
        "store-spill",
        "Rows that were kept for later did not fit into work_mem and went to disk",
        "A Materialize, a CTE, a window or a function kept its rows in temporary files (told by BUFFERS, and from"
        " version 17 on by the step itself).",
        "The work_mem that it would have needed: twice what was on disk.",
        "The step's own time: more than can be won.",
        _store_spill,
        "a statement that was run, with BUFFERS until version 16",
    ),
)
