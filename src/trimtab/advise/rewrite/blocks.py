"""The parts of a statement: blocks (FROM, WHERE, GROUP BY), their sources, the bodies that they stand in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pglast import ast

from trimtab.advise.rewrite.nodes import all_of, conjuncts, has_aggregate, own_nodes
from trimtab.sql.catalog import Table


@dataclass(slots=True, eq=False)
class Body:
    """A subquery, CTE or arm of a set operation: its simple blocks (`blocks`, one where there is no set operation).

    `link` is the expression that it stands in, where it stands in one; `is_set` says that there is a set operation.
    """

    select: ast.SelectStmt
    blocks: list[Block]
    names: list[str] | None
    is_set: bool = False
    link: ast.SubLink | None = None
    cte: ast.CommonTableExpr | None = None


@dataclass(slots=True, eq=False)
class Source:
    """One item of FROM under its alias: a table (or view), or the rows of a body.

    `names` are its columns, None where they are not known. `optional`: an outer join may give NULLs in its place.
    `is_inner`: it stands in no outer join at all.
    """

    alias: str
    node: ast.Node
    table: Table | None = None
    body: Body | None = None
    names: list[str] | None = None
    optional: bool = False
    is_inner: bool = True
    lateral: bool = False
    own_names: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether it surely has this column."""
        return self.names is not None and name in self.names


class Meaning(NamedTuple):
    """A reference means this column of this source of this block."""

    block: Block
    source: Source
    column: str


@dataclass(slots=True, eq=False)
class Block:
    """One simple SELECT: FROM, WHERE, GROUP BY. `parent` is the block whose names it may use."""

    select: ast.SelectStmt
    parent: Block | None
    sources: list[Source] = field(default_factory=list)
    body: Body | None = None
    merged: dict[str, Source] = field(default_factory=dict)
    ctes: dict[str, Body] = field(default_factory=dict)
    targets: list[tuple[str, ast.Node]] | None = None
    inner_conditions: list[ast.Node] = field(default_factory=list)
    outer_joins: list[tuple[ast.JoinExpr, list[Source], list[Source]]] = field(default_factory=list)

    @property
    def is_plain(self) -> bool:
        """Whether it is only FROM and WHERE (and outputs, order, limit): no grouping, no windows, no DISTINCT."""
        return not (self.is_grouped or self.select.distinctClause or self.has_windows or self.select.withClause)

    @property
    def is_grouped(self) -> bool:
        """Whether it gives one row for a group of rows."""
        select = self.select
        if select.groupClause or select.havingClause is not None:
            return True
        parts = (*(target.val for target in select.targetList or ()), *(s.node for s in select.sortClause or ()))
        return any(has_aggregate(part) for part in parts)

    @property
    def has_windows(self) -> bool:
        """Whether a window function stands in it."""
        if self.select.windowClause:
            return True
        parts = (*(target.val for target in self.select.targetList or ()), *(self.select.sortClause or ()))
        return any(isinstance(n, ast.FuncCall) and n.over is not None for part in parts for n in own_nodes(part))

    @property
    def is_limited(self) -> bool:
        """Whether it gives only some of its rows."""
        return self.select.limitCount is not None or self.select.limitOffset is not None

    @property
    def has_star(self) -> bool:
        """Whether `*` stands among its outputs."""
        return any(
            isinstance(target.val, ast.ColumnRef) and isinstance((target.val.fields or (None,))[-1], ast.A_Star)
            for target in self.select.targetList or ()
        )

    @property
    def has_grouping_sets(self) -> bool:
        """Whether its grouping columns may be NULL in rows of sums: ROLLUP, CUBE, GROUPING SETS."""
        return any(isinstance(part, ast.GroupingSet) for part in self.select.groupClause or ())

    def expand_star(self) -> None:
        """Write `*` out as columns, so that more can be joined without being seen."""
        if self.has_star and self.targets is not None:
            given = [target for target in self.select.targetList or () if target.name]
            named = {id(target.val): target for target in given}
            self.select.targetList = tuple(named.get(id(n)) or ast.ResTarget(val=n) for _, n in self.targets)

    def where(self) -> list[ast.Node]:
        """The parts of WHERE that are joined by AND."""
        return conjuncts(self.select.whereClause)

    def conditions(self) -> list[ast.Node]:
        """Conditions that every row fulfils: WHERE, and ON of inner joins that stand in no outer join."""
        return [*self.where(), *self.inner_conditions]

    def set_where(self, parts: list[ast.Node]) -> None:
        """Replace WHERE."""
        self.select.whereClause = all_of(parts)
