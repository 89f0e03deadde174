"""What the server did besides: compiling, planning, waiting for pages and workers, triggers, forbidden steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.document import number, text
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind, ScoreOf
from trimtab.analyze.queries.plans.rule import Look, Rule, count_text, hint
from trimtab.analyze.queries.plans.steps import Step

_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Append")


def _jit(look: Look) -> Iterator[Hint]:
    jit = look.tree.document.raw.get("JIT")
    timing = jit.get("Timing") if isinstance(jit, Mapping) else None
    total_ms = number(timing, "Total") if isinstance(timing, Mapping) else None
    if total_ms is None or look.tree.score_of is not ScoreOf.TIME or look.tree.whole <= 0:
        return
    share = total_ms / look.tree.whole
    if share < limits.JIT_MIN or total_ms < limits.JIT_MS_MIN:
        return
    functions = number(jit, "Functions") if isinstance(jit, Mapping) else 0.0
    yield hint(
        "jit-time",
        "Compiling took a good part of the time",
        look,
        look.tree.root,
        score=share,
        line=_line(look, "JIT:"),
        found=f"{count_text(functions or 0)} functions were compiled in {total_ms:,.1f} ms,"
        f" {min(1.0, share):.0%} of the time",
        mends=[
            Mend(
                MendKind.SETTING,
                "compiling pays for long statements alone: a higher jit_above_cost, or none for this statement",
                "SET jit = off",
            )
        ],
        figures={"jit_ms": total_ms},
    )


def _workers(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        planned, launched = number(step.raw, "Workers Planned"), number(step.raw, "Workers Launched")
        if not planned or launched is None or launched >= planned:
            continue
        lost = 1.0 - (1.0 + launched) / (1.0 + planned)
        share = look.tree.share_of(list(step.all_below())) * lost
        if look.is_brief(share):
            continue
        yield hint(
            "workers-not-launched",
            "Fewer workers came than were planned",
            look,
            step,
            score=share,
            found=f"{launched:.0f} of {planned:.0f} workers came: others had them",
            mends=[
                Mend(
                    MendKind.SETTING,
                    "more max_parallel_workers (and max_worker_processes, which needs a restart), or fewer for each"
                    " query (max_parallel_workers_per_gather)",
                )
            ],
            figures={"planned_count": planned, "launched_count": launched},
        )


def _triggers(look: Look) -> Iterator[Hint]:
    triggers = look.tree.document.raw.get("Triggers")
    for trigger in triggers if isinstance(triggers, list | tuple) else ():
        if not isinstance(trigger, Mapping) or look.tree.score_of is not ScoreOf.TIME or look.tree.whole <= 0:
            continue
        time_ms, calls = number(trigger, "Time") or 0.0, number(trigger, "Calls") or 0.0
        share = time_ms / look.tree.whole
        if share < limits.TRIGGERS_MIN or time_ms < limits.TRIGGERS_MS_MIN:
            continue
        constraint, name = text(trigger, "Constraint Name"), text(trigger, "Trigger Name")
        what = f"constraint {constraint}" if constraint else f"trigger {name}"
        words = (
            "an index on the constraint's columns, on the table that refers: without one it is read for each row"
            if constraint
            else "what the trigger does, or doing it once for the statement (FOR EACH STATEMENT with transition tables)"
        )
        yield hint(
            "trigger-time",
            "Triggers or foreign keys took a good part of the time",
            look,
            look.tree.root,
            score=share,
            line=_line(look, f"constraint {constraint}" if constraint else f"Trigger {name}"),
            found=f"{what} was called {count_text(calls)} times and took {time_ms:,.1f} ms",
            mends=[Mend(MendKind.INDEX if constraint else MendKind.REWRITE, words)],
            figures={"trigger_ms": time_ms, "calls": calls},
        )


def _planning(look: Look) -> Iterator[Hint]:
    raw = look.tree.document.raw
    planning_ms, execution_ms = number(raw, "Planning Time"), number(raw, "Execution Time")
    if planning_ms is None or execution_ms is None or planning_ms < limits.PLANNING_MS_MIN:
        return
    share = planning_ms / (planning_ms + execution_ms)
    if share < limits.PLANNING_MIN:
        return
    appends = [step for step in look.tree.steps if step.kind in ("Append", "Merge Append")]
    members = max((len(step.children) for step in appends), default=0)
    more = f"; it has to look at {members} partitions" if members >= limits.MEMBERS_MIN else ""
    yield hint(
        "planning-time",
        "Planning took longer than the statement itself",
        look,
        look.tree.root,
        score=share,
        line=_line(look, "Planning Time"),
        found=f"planning took {planning_ms:,.1f} ms, execution {execution_ms:,.1f} ms{more}",
        mends=[
            Mend(
                MendKind.REWRITE, "prepare it once, execute it often; name the partition key, so that fewer are planned"
            )
        ],
        figures={"planning_ms": planning_ms, "execution_ms": execution_ms},
    )


def _forbidden(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        own_cost = (number(step.raw, "Startup Cost") or 0.0) - sum(
            number(child.raw, "Startup Cost") or 0.0 for child in step.children
        )
        if step.raw.get("Disabled") is not True and own_cost < limits.FORBIDDEN_COST:
            continue
        yield hint(
            "forbidden-step",
            "The settings forbid a step, and there was no other way",
            look,
            step,
            score=step.share,
            found=f"{step.kind} is switched off (enable_…), and was planned since nothing else was possible",
            mends=[Mend(MendKind.SETTING, "let the planner choose: take the enable_… = off back where it was set")],
        )


def _waits_for_pages(look: Look) -> Iterator[Hint]:
    if look.tree.score_of is not ScoreOf.TIME or look.tree.whole <= 0:
        return
    waiting = [step for step in look.tree.steps if step.own_io_ms]
    total_ms = sum((step.own_io_ms or 0.0) / max(1, step.processes) for step in waiting)
    share = total_ms / look.tree.whole
    pages = sum(step.own_pages_read or 0.0 for step in waiting)
    if share < limits.IO_MIN or total_ms < limits.IO_MS_MIN or pages < limits.IO_PAGES_MIN:
        return
    worst = max(waiting, key=lambda step: step.own_io_ms or 0.0)
    yield hint(
        "read-from-disk",
        "Waiting for pages that were not in memory took a good part of the time",
        look,
        worst,
        score=share,
        found=f"{total_ms:,.1f} ms were waited for {count_text(pages)} pages, most of them here",
        mends=[
            Mend(
                MendKind.INDEX,
                "fewer pages: an index that holds all that is asked for (INCLUDE), rows that belong together in one"
                " place (CLUSTER, partitions); or more memory",
            )
        ],
        figures={"io_ms": total_ms, "pages_read": pages},
    )


def _partitions(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        members = [one for one in step.children if one.relationship == "Member"]
        if step.kind not in ("Append", "Merge Append") or len(members) < limits.MEMBERS_MIN or not step.ran:
            continue
        empty = [one for one in members if one.ran and not one.rows_actual and _scans(one)]
        share = look.tree.share_of([below for one in empty for below in one.all_below()])
        if len(empty) < limits.MEMBERS_EMPTY_MIN * len(members) or look.is_brief(share):
            continue
        yield hint(
            "partitions-all-read",
            "Most partitions were read and had nothing",
            look,
            step,
            score=share,
            found=f"{len(empty)} of {len(members)} parts gave no row",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    "a condition on the partition key itself (no function or cast of it), so that the planner leaves"
                    " parts out",
                )
            ],
            figures={"empty_count": float(len(empty)), "members_count": float(len(members))},
        )


def _scans(step: Step) -> bool:
    return any("Relation Name" in one.raw for one in step.all_below())


def _line(look: Look, words: str) -> int | None:
    """The line below the tree that says it."""
    return next((place for place, line in enumerate(look.tree.lines, start=1) if words in line), None)


RULES: tuple[Rule, ...] = (
    Rule(
        "read-from-disk",
        "Waiting for pages that were not in memory took a good part of the time",
        "Three tenths of the time were spent waiting for pages (track_io_timing), 5 ms and 50 pages at least.",
        "Fewer pages: a covering index, rows that are close together; more memory.",
        "The time waited for pages, as a share of the plan's.",
        _waits_for_pages,
        "a statement that was run, with BUFFERS and track_io_timing",
    ),
    Rule(
        "partitions-all-read",
        "Most partitions were read and had nothing",
        "Three of four parts of an Append, of four at least, gave no row, and took 0.5 ms at least.",
        "A condition on the partition key.",
        "The own time of the parts that gave nothing.",
        _partitions,
        "a statement that was run",
    ),
    Rule(
        "jit-time",
        "Compiling took a good part of the time",
        "JIT took a tenth of the time or more, 5 ms at least.",
        "A higher jit_above_cost, or jit = off for the statement.",
        "The time of compiling, as a share of the plan's.",
        _jit,
        "a statement that was run",
    ),
    Rule(
        "workers-not-launched",
        "Fewer workers came than were planned",
        "A Gather got fewer workers than the plan was made for, and 0.5 ms at least were lost by it.",
        "More max_parallel_workers, or fewer for each query.",
        "The own time of all below the Gather, times the share of processes that were missing.",
        _workers,
        "a statement that was run",
    ),
    Rule(
        "trigger-time",
        "Triggers or foreign keys took a good part of the time",
        "A trigger, or the check of a foreign key, took a tenth of the time or more, 1 ms at least.",
        "An index on the referring columns; statement triggers.",
        "The trigger's time, as a share of the plan's.",
        _triggers,
        "a statement that was run",
    ),
    Rule(
        "planning-time",
        "Planning took longer than the statement itself",
        "Planning took half of both together, and two milliseconds at least.",
        "Prepared statements; fewer partitions to look at.",
        "Planning's share of planning and execution together.",
        _planning,
        "a statement that was run",
    ),
    Rule(
        "forbidden-step",
        "The settings forbid a step, and there was no other way",
        "A step is switched off by enable_… = off and was planned all the same.",
        "The setting taken back.",
        "The step's own time.",
        _forbidden,
    ),
)
