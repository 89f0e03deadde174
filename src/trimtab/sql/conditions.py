"""What a statement asks of each table: the nouns that `predicates` fills and candidates are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.query import StatementKind
from trimtab.sql.catalog import Table


class Match(StrEnum):
    """How a condition narrows its term, as far as a B-tree cares."""

    EQUAL = "equal"
    ONE_OF = "one_of"
    IS_NULL = "is_null"
    RANGE = "range"
    PREFIX = "prefix"
    JOIN = "join"
    OTHER = "other"

    @property
    def pins(self) -> bool:
        """Whether it fixes the term to single values, so that keys behind it stay useful."""
        return self in {Match.EQUAL, Match.ONE_OF, Match.IS_NULL}


@dataclass(frozen=True, slots=True)
class Term:
    """What an index key can be: a column of one table (`sql` is its bare name), or an expression over its columns."""

    sql: str
    is_expression: bool
    columns: tuple[str, ...]
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of WHERE, ON or a correlated subquery on one table.

    `predicate` is the condition as SQL over bare column names where it speaks of this table alone and holds no
    parameter: what a partial index could be made from. `has_literal` says that a literal is part of it. `arm` is
    (number of the OR, number of the arm) for conditions inside an OR. `row_terms` are the further members of a row
    comparison such as (a, b) > (1, 2). `values` are the literals that a pinned term is compared with, as text.
    """

    term: Term
    match: Match
    operator: str
    predicate: str | None = None
    has_literal: bool = False
    arm: tuple[int, int] | None = None
    row_terms: tuple[Term, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of a wanted order; `nulls_first` as the statement means it, its default resolved."""

    term: Term
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Sort:
    """An order wanted of one table. `limited`: only the first rows are. `source` says which clause wants it."""

    keys: tuple[SortKey, ...]
    complete: bool
    limited: bool
    source: str


@dataclass(slots=True)
class TableUse:
    """One occurrence of a table in a statement, under one alias.

    `columns` are all columns that the statement reads; `needs_heap` says that an index alone can never answer it
    (rows are locked, updated or deleted).
    """

    table: Table
    alias: str
    conditions: list[Condition] = field(default_factory=list)
    sorts: list[Sort] = field(default_factory=list)
    groups: list[tuple[Term, ...]] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    needs_heap: bool = False


class Role(StrEnum):
    """What a parameter `$n` is compared as: `any_of` is an array, `low` a lower bound, `high` an upper one.

    `pattern` begins a text, `within` may stand anywhere in it; `part` is of an array or a JSON document.
    """

    EQUAL = "equal"
    ANY_OF = "any_of"
    LOW = "low"
    HIGH = "high"
    PATTERN = "pattern"
    WITHIN = "within"
    PART = "part"
    LIMIT = "limit"
    OFFSET = "offset"


@dataclass(frozen=True, slots=True)
class ParameterRole:
    """Where a parameter stands: against which term of which table."""

    role: Role
    table: Table | None = None
    term: Term | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A statement taken apart. `notes` say in words what was seen and could not be used.

    `hidden` are relations with an expression that a parameter is part of, such as `payload ->> $1`.
    """

    kind: StatementKind
    uses: tuple[TableUse, ...]
    parameters: Mapping[int, ParameterRole]
    notes: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
