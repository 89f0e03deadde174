"""The steps of a plan, each with what it did itself: its own time, pages and cost, without the steps below it.

EXPLAIN tells times and pages of a step with all that is below it, a time for one of its loops, and on average over all
processes that worked at it. Three things make a plain difference wrong, and are put right here:

* **several processes**: a step below a Gather ran in `1 + launched` processes side by side. Its time on the clock is
  its time for one loop, times its loops, through the processes; its pages are the sum of all and stay;
* **InitPlans and CTEs** stand below the step they were planned with, and run inside the step that first asks for their
  rows: they are taken from *that* step (`borrowed`), so that nothing is counted twice;
* **rounding**: EXPLAIN rounds each loop to a microsecond, and parts of an Append may have run side by side: where the
  steps below took more than the step, its own time is 0 and theirs are scaled down to what it took.

All own times together are the time of the plan; what `share` means for a plan that was not run is the planner's cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trimtab.analyze.queries.plans.borrowed import taken_from
from trimtab.analyze.queries.plans.document import PlanDocument, Raw, below, number, text
from trimtab.analyze.queries.plans.hint import ScoreOf
from trimtab.analyze.queries.plans.words import title_of
from trimtab.analyze.queries.plans.write_text import write_text

BLOCKING = frozenset({"Sort", "Aggregate", "Hash", "Bitmap Heap Scan", "Bitmap Index Scan", "Materialize", "SetOp"})
"""Steps that take in everything before they give the first row: a LIMIT above them stops nothing below."""
_GATHERS = ("Gather", "Gather Merge")
_TOUCHED = ("Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks")
_READ = ("Shared Read Blocks", "Local Read Blocks")
_TEMPORARY = ("Temp Read Blocks", "Temp Written Blocks")
_IO_TIMES = ("I/O Read Time", "Shared I/O Read Time", "Local I/O Read Time")


@dataclass(slots=True, eq=False)
class Step:
    """One step. Times are on the clock and None where they were not measured; pages are blocks of 8 KiB as a rule.

    `rows_estimated` and `rows_actual` are for one loop (and one process), `loops` counts all. `may_be_stopped`: what is
    above may have stopped it before its last row. `may_repeat`: what is above may have read some of its rows twice.
    """

    raw: Raw
    at: int
    parent: Step | None
    depth: int
    line: int = 0
    children: list[Step] = field(default_factory=list)
    processes: int = 1
    may_be_stopped: bool = False
    may_repeat: bool = False
    time_ms: float | None = None
    own_ms: float | None = None
    pages: float | None = None
    own_pages: float | None = None
    own_pages_read: float | None = None
    own_pages_temporary: float | None = None
    own_io_ms: float | None = None
    spent_cost: float = 0.0
    own_cost: float = 0.0
    share: float = 0.0

    @property
    def kind(self) -> str:
        """The node type."""
        return str(self.raw.get("Node Type", "?"))

    @property
    def title(self) -> str:
        """The step in EXPLAIN's words."""
        return title_of(self.raw)

    @property
    def relationship(self) -> str:
        """What it is to the step above: Outer, Inner, Member, InitPlan, SubPlan, Subquery."""
        return text(self.raw, "Parent Relationship") or ""

    @property
    def is_apart(self) -> bool:
        """Whether it gives its rows to a condition or another step, not up the tree."""
        return self.relationship in ("InitPlan", "SubPlan")

    @property
    def rows_estimated(self) -> float:
        """For one loop."""
        return number(self.raw, "Plan Rows") or 0.0

    @property
    def rows_actual(self) -> float | None:
        """For one loop, on average."""
        return number(self.raw, "Actual Rows")

    @property
    def loops(self) -> float | None:
        """How often it ran, over all processes; 0 where never."""
        return number(self.raw, "Actual Loops")

    @property
    def rows_all(self) -> float | None:
        """Rows that it gave in all loops; None where it was not run."""
        rows, loops = self.rows_actual, self.loops
        return None if rows is None or loops is None else rows * loops

    @property
    def ran(self) -> bool:
        """Whether the statement was run, and this step in it."""
        return bool(self.loops)

    @property
    def cost(self) -> float:
        """Of one run."""
        return number(self.raw, "Total Cost") or 0.0

    def all_below(self) -> Iterator[Step]:
        """The step and everything below it, parents first."""
        waiting = [self]
        while waiting:
            found = waiting.pop()
            yield found
            waiting.extend(reversed(found.children))

    def above(self) -> Iterator[Step]:
        """The steps above, nearest first."""
        found = self.parent
        while found is not None:
            yield found
            found = found.parent


@dataclass(frozen=True, slots=True)
class StepTree:
    """A plan taken apart. `whole` is what all shares are shares of, in the unit of `score_of`."""

    document: PlanDocument
    steps: tuple[Step, ...]
    lines: tuple[str, ...]
    score_of: ScoreOf
    whole: float

    @property
    def root(self) -> Step:
        """The topmost step."""
        return self.steps[0]

    @property
    def ran(self) -> bool:
        """Whether the statement was run."""
        return self.root.loops is not None

    def share_of(self, steps: Sequence[Step]) -> float:
        """What these steps took themselves, as a share of the whole."""
        return min(1.0, sum(step.share for step in steps))


def steps_of(document: PlanDocument) -> StepTree:
    """The steps with their accounts.

    >>> tree = steps_of(PlanDocument({"Plan": {"Node Type": "Limit", "Total Cost": 10.0, "Plan Rows": 5, "Plans": [
    ...     {"Node Type": "Seq Scan", "Relation Name": "orders", "Total Cost": 400.0, "Plan Rows": 200}]}}))
    >>> [(step.title, step.own_cost, step.share) for step in tree.steps]
    [('Limit', 0.0, 0.0), ('Seq Scan on orders', 10.0, 1.0)]
    """
    steps = _flat(document.raw["Plan"])
    lines, line_of = write_text(document)
    for step, line in zip(steps, line_of, strict=True):
        step.line = line
    _processes(steps)
    _stopped(steps)
    _costs(steps)
    _times(steps)
    _pages(steps)
    score_of, whole = _whole(document, steps)
    for step in steps:
        own = {ScoreOf.TIME: step.own_ms, ScoreOf.PAGES: step.own_pages, ScoreOf.COST: step.own_cost}[score_of]
        step.share = min(1.0, (own or 0.0) / whole) if whole > 0 else 0.0
    return StepTree(document, tuple(steps), lines, score_of, whole)


def _flat(root: Raw) -> list[Step]:
    steps: list[Step] = []
    waiting: list[tuple[Raw, Step | None, int]] = [(root, None, 0)]
    while waiting:
        raw, parent, depth = waiting.pop()
        step = Step(raw, len(steps), parent, depth)
        steps.append(step)
        if parent is not None:
            parent.children.append(step)
        waiting.extend((child, step, depth + 1) for child in reversed(below(raw)))
    return steps


def _processes(steps: Sequence[Step]) -> None:
    for step in steps:
        for child in step.children:
            child.processes = step.processes
            if step.kind in _GATHERS:
                child.processes = 1 + int(number(step.raw, "Workers Launched") or 0)


def _stopped(steps: Sequence[Step]) -> None:
    for step in steps:
        stops_one = step.raw.get("Inner Unique") is True or step.raw.get("Join Type") in ("Semi", "Anti")
        for child in step.children:
            passed = (step.may_be_stopped and step.kind not in BLOCKING) or step.kind == "Limit"
            if step.kind == "Merge Join" or (
                step.kind == "Nested Loop" and child.relationship == "Inner" and stops_one
            ):
                passed = True
            child.may_be_stopped = passed and not child.is_apart
            if child.relationship == "SubPlan":
                child.may_be_stopped = True  # EXISTS and ANY stop at the first row that decides
            child.may_repeat = (step.kind == "Merge Join" and child.relationship == "Inner") or (
                step.may_repeat and step.kind not in BLOCKING
            )


def _times(steps: Sequence[Step]) -> None:
    for step in steps:
        one_ms, loops = number(step.raw, "Actual Total Time"), step.loops
        if one_ms is not None and loops is not None:
            step.time_ms = one_ms * loops / max(1, min(step.processes, int(loops) or 1))
    if steps[0].time_ms is None:
        return
    values = [step.time_ms or 0.0 for step in steps]
    for step, own, scale in zip(steps, taken_from(steps, values), _scales(steps, values), strict=True):
        step.own_ms = own * scale
    io = [sum(number(step.raw, key) or 0.0 for key in _IO_TIMES) for step in steps]
    if any(io):
        for step, own in zip(steps, taken_from(steps, io), strict=True):
            step.own_io_ms = own


def _scales(steps: Sequence[Step], values: Sequence[float]) -> list[float]:
    """By what each step's time is to be multiplied, so that no step took longer than the one it ran inside."""
    scales = [1.0] * len(steps)
    for step in steps:
        inside = [child for child in step.children if child.relationship != "InitPlan"]
        total = sum(values[child.at] for child in inside)
        scale = values[step.at] / total if total > values[step.at] else 1.0
        for child in step.children:
            scales[child.at] = scales[step.at] * (scale if child.relationship != "InitPlan" else 1.0)
    return scales


def _pages(steps: Sequence[Step]) -> None:
    if not any(key in steps[0].raw for key in _TOUCHED):
        return
    touched, read, temporary = (
        [sum(number(step.raw, key) or 0.0 for key in keys) for step in steps] for keys in (_TOUCHED, _READ, _TEMPORARY)
    )
    own = [taken_from(steps, values) for values in (touched, read, temporary)]
    for step in steps:
        step.pages = touched[step.at]
        step.own_pages, step.own_pages_read, step.own_pages_temporary = (values[step.at] for values in own)


def _costs(steps: Sequence[Step]) -> None:
    """What of the whole cost each step is charged, from the top: a step below counts as often as it is expected to run,
    and never as more than what is left of the step above (below a LIMIT most of it is not expected to happen)."""
    steps[0].spent_cost = steps[0].cost
    for step in steps:
        runs = step.spent_cost / step.cost if step.cost > 0 else 1.0
        wanted = [child.cost * _times_run(step, child) * runs for child in step.children]
        total = sum(wanted)
        scale = step.spent_cost / total if total > step.spent_cost and total > 0 else 1.0
        for child, charge in zip(step.children, wanted, strict=True):
            child.spent_cost = charge * scale
        step.own_cost = max(0.0, step.spent_cost - total * scale)


def _times_run(step: Step, child: Step) -> float:
    """How often a step is expected to run for one run of the step above it."""
    if child.relationship == "SubPlan":
        return max(1.0, step.rows_estimated)
    if step.kind == "Nested Loop" and child.relationship == "Inner":
        outer = next((one for one in step.children if one.relationship == "Outer"), None)
        return 1.0 if outer is None else max(1.0, outer.rows_estimated)
    return 1.0


def _whole(document: PlanDocument, steps: Sequence[Step]) -> tuple[ScoreOf, float]:
    if steps[0].time_ms is not None:
        own = sum(step.own_ms or 0.0 for step in steps)
        return ScoreOf.TIME, max(own, number(document.raw, "Execution Time") or 0.0)
    if steps[0].loops is not None and (pages := sum(step.own_pages or 0.0 for step in steps)) > 0:
        return ScoreOf.PAGES, pages
    return ScoreOf.COST, steps[0].spent_cost
