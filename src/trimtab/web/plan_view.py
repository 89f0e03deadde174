"""A plan made ready for drawing: steps that are open at first, that the other plan lacks, that were misjudged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trimtab.analyze.queries.plans.hint import Hint
from trimtab.app.reading.plan_tree import PlanNode
from trimtab.model.readable import digits_of
from trimtab.web.format import bytes_text, duration_text, number_text

BLOCK_BYTES = 8192
FACTOR_BAD, FACTOR_WARN, FACTOR_SAID = 10.0, 3.0, 1.5
SHARE_OPEN = 0.1
"""A step that takes at least this share of the whole is open at first, and so is everything above it."""


class HasRoot(Protocol):
    """A stored plan."""

    @property
    def root(self) -> PlanNode:
        """The topmost step."""

    @property
    def findings(self) -> Sequence[Hint]:
        """What the lint says of it."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One step as it is drawn. `factor` is how far the estimate of rows was off, in words; "" where it was close.
    `rows` are those that were expected and that came, `marks` the numbers (from 1) of the findings about it."""

    step: PlanNode
    is_open: bool
    is_changed: bool
    factor: str
    tone: str
    rows: str
    marks: tuple[int, ...]
    facts: tuple[tuple[str, str], ...]
    children: tuple[NodeView, ...]


def plan_view(stored: HasRoot, other: HasRoot | None = None) -> NodeView:
    """The tree to draw. With `other`, a step that it does not have is changed."""
    known = None if other is None else Counter(node.title for node in _all(other.root))
    marks: dict[int, tuple[int, ...]] = {}
    for place, finding in enumerate(stored.findings, start=1):
        marks[finding.line] = (*marks.get(finding.line, ()), place)
    return _view(stored.root, known, marks, is_top=True)


def _all(node: PlanNode) -> Iterator[PlanNode]:
    yield node
    for child in node.children:
        yield from _all(child)


def _view(
    node: PlanNode, known: Counter[str] | None, marks: Mapping[int, tuple[int, ...]], *, is_top: bool
) -> NodeView:
    changed = False
    if known is not None:
        changed = known[node.title] <= 0
        known[node.title] -= 1
    children = tuple(_view(child, known, marks, is_top=False) for child in node.children)
    factor, tone = factor_text(node.misestimate_factor)
    mine = marks.get(node.line, ())
    wanted = (
        is_top
        or changed
        or bool(mine)
        or node.share >= SHARE_OPEN
        or tone == "bad"
        or any(child.is_open for child in children)
    )
    return NodeView(node, wanted, changed, factor, tone, rows_text(node), mine, tuple(_facts(node)), children)


def rows_text(node: PlanNode) -> str:
    """Expected and actual rows of one loop, in a few words."""
    if node.loops == 0:
        return "never ran"
    if node.rows_actual is None:
        return f"{number_text(node.rows_estimated)} rows expected"
    loops = f" × {number_text(float(node.loops))}" if node.loops is not None and node.loops > 1 else ""
    return f"{number_text(node.rows_estimated)} → {number_text(node.rows_actual)} rows{loops}"


def factor_text(factor: float | None) -> tuple[str, str]:
    """How many more or fewer rows there were than thought, and its tone.

    >>> factor_text(240.0), factor_text(0.2), factor_text(1.1), factor_text(None)
    (('×240 rows', 'bad'), ('÷5 rows', 'warn'), ('', 'ok'), ('', 'quiet'))
    """
    if factor is None or factor <= 0:
        return "", "quiet"
    size = max(factor, 1 / factor)
    tone = "bad" if size >= FACTOR_BAD else "warn" if size >= FACTOR_WARN else "ok"
    if size < FACTOR_SAID:
        return "", "ok"
    return f"{'×' if factor > 1 else '÷'}{digits_of(size, 2)} rows", tone


def _facts(node: PlanNode) -> Iterator[tuple[str, str]]:
    rows = f"{number_text(node.rows_estimated)} estimated"
    if node.rows_actual is not None:
        rows += f", {number_text(node.rows_actual)} actual"
    if node.loops is not None and node.loops > 1:
        rows += f", in each of {number_text(float(node.loops))} loops"
    yield "Rows", rows
    if node.rows_removed:
        yield "Rows thrown away", number_text(node.rows_removed)
    if node.time_ms is not None:
        own = "" if node.self_time_ms is None else f", {duration_text(node.self_time_ms)} its own"
        yield "Time", duration_text(node.time_ms) + own
    yield "Cost", f"{number_text(node.cost_start)} to the first row, {number_text(node.cost_total)} to the last"
    if node.buffers_hit is not None or node.buffers_read is not None:
        hit, read = node.buffers_hit or 0, node.buffers_read or 0
        own = f", {_blocks(node.self_buffers)} its own" if node.self_buffers and node.children else ""
        yield "Blocks", f"{_blocks(hit)} from memory, {_blocks(read)} read{own}"
    if node.buffers_temp:
        yield "Temporary files", _blocks(node.buffers_temp)
    for condition in node.conditions:
        yield condition.label, condition.text
    for detail in node.details:
        yield detail.label, detail.text


def _blocks(count: int) -> str:
    return f"{number_text(float(count))} ({bytes_text(float(count) * BLOCK_BYTES)})"
