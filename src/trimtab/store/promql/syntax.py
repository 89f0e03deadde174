"""The tree of a query: what was written, with the place of each part.

`start` and `end` are offsets into the text (`text[start:end]` is the part). Durations and offsets are milliseconds, and
a literal number is a number of seconds where a duration is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trimtab.store.metrics.block import Matcher

ValueType = Literal["none", "scalar", "vector", "matrix", "string"]
Bound = Literal["start", "end"]
Extension = Literal["", "anchored", "smoothed"]
Card = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]

WRITTEN_TYPE: dict[str, str] = {
    "scalar": "scalar",
    "vector": "instant vector",
    "matrix": "range vector",
    "string": "string",
    "none": "none",
}


@dataclass(slots=True, kw_only=True)
class Node:
    """Part of a query."""

    start: int
    end: int

    @property
    def type(self) -> ValueType:
        """What it evaluates to."""
        raise NotImplementedError

    def children(self) -> Sequence[Node]:
        """The parts that it is made of."""
        return ()


@dataclass(slots=True, kw_only=True)
class Number(Node):
    value: float
    is_duration: bool = False

    @property
    def type(self) -> ValueType:
        return "scalar"


@dataclass(slots=True, kw_only=True)
class String(Node):
    value: str

    @property
    def type(self) -> ValueType:
        return "string"


@dataclass(slots=True, kw_only=True)
class Timed(Node):
    """What can be looked at from another time: `offset` and `@`."""

    offset_ms: int = 0
    offset_text: str = ""
    """As it was written, where it is more than a duration; so in all fields of this kind."""
    at_ms: int | None = None
    at_bound: Bound | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether it has an `@`, so that it is the same at every step."""
        return self.at_ms is not None or self.at_bound is not None


@dataclass(slots=True, kw_only=True)
class Selector(Timed):
    """`name{label="value"}`: alternatives (`or` in the braces) of matchers that must all match."""

    name: str = ""
    extension: Extension = ""
    """What of the time around it a selector, or the range over it, takes in."""
    alternatives: list[list[Matcher]] = field(default_factory=lambda: [[]])

    @property
    def type(self) -> ValueType:
        return "vector"

    @property
    def matchers(self) -> list[Matcher]:
        """The matchers of all alternatives."""
        return [matcher for matchers in self.alternatives for matcher in matchers]


@dataclass(slots=True, kw_only=True)
class Matrix(Node):
    """`selector[range]`; offset and `@` stand at the selector."""

    selector: Selector
    range_ms: int
    range_text: str = ""

    @property
    def type(self) -> ValueType:
        return "matrix"

    def children(self) -> Sequence[Node]:
        return (self.selector,)


@dataclass(slots=True, kw_only=True)
class Subquery(Timed):
    """`expression[range:step]`; step None is the default step."""

    expression: Node
    range_ms: int
    step_ms: int | None
    range_text: str = ""
    step_text: str = ""

    @property
    def type(self) -> ValueType:
        return "matrix"

    def children(self) -> Sequence[Node]:
        return (self.expression,)


@dataclass(slots=True, kw_only=True)
class Call(Node):
    name: str
    arguments: list[Node]
    returns: ValueType

    @property
    def type(self) -> ValueType:
        return self.returns

    def children(self) -> Sequence[Node]:
        return self.arguments


@dataclass(slots=True, kw_only=True)
class Aggregate(Node):
    operator: str
    expression: Node
    parameter: Node | None
    grouping: list[str]
    is_without: bool

    @property
    def type(self) -> ValueType:
        return "vector"

    def children(self) -> Sequence[Node]:
        return (self.expression,) if self.parameter is None else (self.parameter, self.expression)


@dataclass(slots=True, kw_only=True)
class Matching:
    """How the sides of a binary operator find each other."""

    card: Card = "one-to-one"
    is_on: bool = False
    labels: list[str] = field(default_factory=list)
    include: list[str] = field(default_factory=list)
    fill_left: float | None = None
    fill_right: float | None = None

    @property
    def is_filled(self) -> bool:
        """Whether a number stands in where a series has no partner."""
        return self.fill_left is not None or self.fill_right is not None


@dataclass(slots=True, kw_only=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node
    is_bool: bool
    matching: Matching | None

    @property
    def type(self) -> ValueType:
        return "scalar" if self.left.type == self.right.type == "scalar" else "vector"

    def children(self) -> Sequence[Node]:
        return (self.left, self.right)


@dataclass(slots=True, kw_only=True)
class Unary(Node):
    operator: str
    expression: Node

    @property
    def type(self) -> ValueType:
        return self.expression.type

    def children(self) -> Sequence[Node]:
        return (self.expression,)


@dataclass(slots=True, kw_only=True)
class Paren(Node):
    expression: Node

    @property
    def type(self) -> ValueType:
        return self.expression.type

    def children(self) -> Sequence[Node]:
        return (self.expression,)


def unwrapped(node: Node) -> Node:
    """What stands in the parentheses."""
    while isinstance(node, Paren):
        node = node.expression
    return node


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(here.children()))
