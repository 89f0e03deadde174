"""One evaluation of one query: what it may use, what it has said, and the walk over the tree.

Each kind of node has a function in `OPERATORS`, each function of PromQL one in `FUNCTIONS`; both are filled by the
modules that know how. What is the same at every step (`is_invariant`) is evaluated once and repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from trimtab.store.metrics.block import DivisibleSource, Matcher, PartialSource, Pieces, SeriesBlock, Source
from trimtab.store.metrics.whole import Whole
from trimtab.store.promql.errors import QueryCancelled, QueryTimeout, QueryTooBig
from trimtab.store.promql.lexer import words
from trimtab.store.promql.notes import Note, Notes, partial
from trimtab.store.promql.options import Options
from trimtab.store.promql.rolled import Rolled
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Unary,
    unwrapped,
)
from trimtab.store.promql.vector import Scalar, Steps, Vector

Value = Vector | Scalar | str

DEPENDS_ON_TIME = frozenset(
    words("days_in_month day_of_month day_of_week day_of_year hour minute month year predict_linear time timestamp")
)


@dataclass(slots=True)
class Evaluation:
    """State of one evaluation."""

    source: Source
    query: str
    options: Options
    whole: Steps
    """The steps of the query itself."""
    end_ms: int
    """The end that was asked for (the last step may be before it)."""
    notes: Notes = field(default_factory=Notes)
    samples_count: int = 0
    held: int = 0
    """Cells of the parts that are needed now."""
    blocks_held: int = 0
    """Samples that were read; they stay until the end."""
    began_s: float = field(default_factory=time.monotonic)
    is_ordered: bool = False
    _found: dict[tuple[object, ...], Pieces] = field(default_factory=dict)
    _invariant: dict[int, bool] = field(default_factory=dict)
    rolled: Rolled = field(init=False)

    def __post_init__(self) -> None:
        self.rolled = Rolled(self.source, self.options)
        if isinstance(self.source, PartialSource):
            self.source.missing()  # what an earlier query did not take

    def check(self) -> None:
        """Raise where nobody waits any more, or where it has taken too long."""
        if self.options.cancelled():
            raise QueryCancelled("query was canceled in expression evaluation")
        took_s = time.monotonic() - self.began_s
        if took_s > self.options.timeout_s:
            raise QueryTimeout(
                f"query timed out in expression evaluation after {took_s:.1f} s (limit {self.options.timeout_s:g} s)",
                limit_s=self.options.timeout_s,
                seen_s=took_s,
            )

    def note(self, note: Note, node: Node) -> None:
        """Tell something about a part of the query."""
        self.notes.add(note, node.start)

    def hold(self, count: int) -> None:
        """Count samples that are in memory from now on."""
        self.held += count
        seen = self.held + self.blocks_held
        if seen > self.options.samples_max:
            raise QueryTooBig(
                "query processing would load too many samples into memory in query execution: "
                f"{seen:,}, more than {self.options.samples_max:,}",
                limit=self.options.samples_max,
                seen=seen,
            )

    def open(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, how: str, place: int) -> Pieces:
        """Samples of a selector, which stands at `place`; the same question is asked of the store once.

        `how` says what is done with them, where roll-ups have to stand in for samples.
        """
        key = (tuple(map(tuple, alternatives)), from_ms, to_ms)
        found = self._found.get(key)
        if found is None:
            self.check()
            found = self._opened(alternatives, from_ms, to_ms, how, place)
            if isinstance(self.source, PartialSource):
                for reason in self.source.missing():
                    self.notes.add(partial(reason), place)
            self._found[key] = found
            self.samples_count += found.samples_count
            self.blocks_held += found.samples_count
            self.hold(0)
        return found

    def _opened(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, how: str, place: int
    ) -> Pieces:
        if self.rolled.border(alternatives, from_ms, to_ms) is None and isinstance(self.source, DivisibleSource):
            return self.source.open(alternatives, from_ms, to_ms)
        block, border, resolution_ms = self.rolled.block(alternatives, from_ms, to_ms)
        if border is not None:
            self.notes.add(border.note(how, resolution_ms), place)
        return Whole(block)

    def block(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, how: str, place: int
    ) -> SeriesBlock:
        """As `open`, all in one block."""
        return self.open(alternatives, from_ms, to_ms, how, place).whole()

    def eval(self, node: Node, steps: Steps) -> Value:
        """The value of a node at some steps."""
        self.check()
        held = self.held
        if steps.count > 1 and not isinstance(node, Number | String) and self.is_invariant(node):
            once = self.eval(node, steps.first())
            if isinstance(once, Vector):
                self.hold(len(once.labels) * steps.count)
                return once.repeated(steps.count)
            return once if isinstance(once, str) else Scalar(np.repeat(once.values, steps.count))
        value = OPERATORS[type(node)](self, node, steps)
        self.held = held + (value.values.size if not isinstance(value, str) else 0)
        self.hold(0)
        return value

    def vector(self, node: Node, steps: Steps) -> Vector:
        """The value of a node that is an instant vector."""
        return _of(Vector, self.eval(node, steps))

    def scalar(self, node: Node, steps: Steps) -> Scalar:
        """The value of a node that is a scalar."""
        return _of(Scalar, self.eval(node, steps))

    def text(self, node: Node) -> str:
        """The value of a node that is a string."""
        inner = unwrapped(node)
        return inner.value if isinstance(inner, String) else ""

    def is_invariant(self, node: Node) -> bool:
        """Whether it is the same at every step."""
        known = self._invariant.get(id(node))
        if known is None:
            known = self._is_invariant(node)
            self._invariant[id(node)] = known
        return known

    def _is_invariant(self, node: Node) -> bool:
        match node:
            case Selector() | Subquery():
                return node.is_pinned
            case Matrix():
                return node.selector.is_pinned
            case Aggregate():
                return all(self.is_invariant(child) for child in node.children())
            case Call():
                inner = [unwrapped(argument) for argument in node.arguments]
                if node.name == "timestamp":
                    return isinstance(inner[0], Selector) and inner[0].is_pinned
                return node.name not in DEPENDS_ON_TIME and all(self.is_invariant(child) for child in inner)
            case Binary() | Unary() | Paren():
                return all(self.is_invariant(child) for child in node.children())
            case _:
                return True


OPERATORS: dict[type[Node], Callable[[Evaluation, Node, Steps], Value]] = {}
FUNCTIONS: dict[str, Callable[[Evaluation, Call, Steps], Value]] = {}

T = TypeVar("T", Vector, Scalar)


def _of(kind: type[T], value: Value) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} expected, got {type(value).__name__}")
    return value


def function(*names: str) -> Callable[[Callable[[Evaluation, Call, Steps], Value]], Callable[..., Value]]:
    """Register what evaluates some functions of PromQL."""

    def register(implementation: Callable[[Evaluation, Call, Steps], Value]) -> Callable[..., Value]:
        FUNCTIONS.update(dict.fromkeys(names, implementation))
        return implementation

    return register
