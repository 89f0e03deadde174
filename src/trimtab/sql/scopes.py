"""Names inside one statement: which table and column a reference means, through aliases, CTEs and derived tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pglast import ast
from pglast.stream import RawStream

from trimtab.sql.conditions import TableUse, Term
from trimtab.sql.trees import column_named, rebuilt, strings, walk

_WHOLE = ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt
_KEY_LETTERS_MAX = 2_000


@dataclass(slots=True)
class Derived:
    """The rows of a subquery, CTE, view or function: each output column, with the expression behind it if known."""

    outputs: dict[str, Behind | None]
    is_open: bool = False

    def renamed(self, names: Sequence[str]) -> Derived:
        """With the first columns called otherwise, as in `AS t(a, b)`."""
        old = list(self.outputs)
        new = [*names, *old[len(names) :]]
        return Derived({name: self.outputs.get(was) for name, was in zip(new, old, strict=False)}, self.is_open)


@dataclass(slots=True)
class Base:
    """A table under an alias. `renames` maps a name given by `AS t(a, b)` to the column's own."""

    use: TableUse
    renames: dict[str, str] = field(default_factory=dict)

    def own_name(self, name: str) -> str | None:
        """The table's column behind a name, or None."""
        own = self.renames.get(name, name)
        hidden = name not in self.renames and name in self.renames.values()
        return own if own in self.use.table.columns and not hidden else None

    def names(self) -> list[str]:
        """All column names as the statement sees them."""
        back = {own: name for name, own in self.renames.items()}
        return [back.get(column, column) for column in self.use.table.columns]


Source = Base | Derived


class OwnColumn(NamedTuple):
    """A reference means this column of this table."""

    use: TableUse
    column: str


class Behind(NamedTuple):
    """A reference means this expression of an inner scope."""

    node: ast.Node
    scope: Scope


Resolved = OwnColumn | Behind


@dataclass(slots=True)
class Scope:
    """The names of one FROM list, and the scopes around it."""

    parent: Scope | None = None
    sources: list[tuple[str, Source]] = field(default_factory=list)
    ctes: dict[str, Derived] = field(default_factory=dict)

    def chain(self) -> Iterator[Scope]:
        """This scope, then the ones around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def cte(self, name: str) -> Derived | None:
        """The common table expression of that name in reach."""
        return next((scope.ctes[name] for scope in self.chain() if name in scope.ctes), None)

    def resolve(self, reference: ast.ColumnRef) -> Resolved | None:
        """What a column reference means; None for what is unknown, a whole row, or a system column."""
        parts = reference.fields or ()
        names = strings(parts)
        if len(names) != len(parts) or not names:
            return None
        for scope in self.chain():
            for alias, source in scope.sources:
                if len(names) >= 2 and not _is_called(alias, source, names[:-1]):
                    continue
                if (found := _column_of(source, names[-1])) is not None:
                    return found
                if isinstance(source, Derived) and names[-1] in source.outputs:
                    return None
        return None

    def whole_rows(self, reference: ast.ColumnRef) -> list[Source]:
        """The sources meant by `*`, `alias.*` or a bare alias."""
        parts = reference.fields or ()
        names = strings(parts)
        if any(isinstance(part, ast.A_Star) for part in parts):
            if not names:
                return [source for _, source in self.sources]
        elif len(names) != 1 or self.resolve(reference) is not None:
            return []
        for scope in self.chain():
            for alias, source in scope.sources:
                if _is_called(alias, source, names):
                    return [source]
        return []


def _is_called(alias: str, source: Source, names: tuple[str, ...]) -> bool:
    if names[-1] != alias:
        return False
    return len(names) == 1 or (isinstance(source, Base) and source.use.table.schema == names[-2])


def _column_of(source: Source, name: str) -> Resolved | None:
    if isinstance(source, Base):
        own = source.own_name(name)
        return None if own is None else OwnColumn(source.use, own)
    return source.outputs.get(name)


@dataclass(slots=True)
class Reading:
    """An expression with its references resolved: `references` in order, `node` rewritten to bare column names."""

    node: ast.Node
    references: list[OwnColumn] = field(default_factory=list)
    is_plain: bool = True
    has_parameter: bool = False

    @property
    def uses(self) -> list[TableUse]:
        """The tables it speaks of, each once, in order."""
        found: list[TableUse] = []
        for use, _ in self.references:
            if not any(use is known for known in found):
                found.append(use)
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, each once, in order; only of use where there is one table."""
        return tuple(dict.fromkeys(column for _, column in self.references))

    def term(self) -> Term | None:
        """As an index key; None when it is constant, or over several tables, or holds a parameter or subquery."""
        if len(self.uses) != 1 or not self.is_plain or self.has_parameter:
            return None
        if isinstance(self.node, ast.ColumnRef):
            return Term(self.columns[0], is_expression=False, columns=self.columns)
        calls = {strings(n.funcname)[-1] for n in walk(self.node) if isinstance(n, ast.FuncCall)}
        return Term(spelled(self.node), is_expression=True, columns=self.columns, functions=tuple(sorted(calls)))


_SPELLED_MAX = 20_000
_spelled: dict[str, str] = {}
"""Expressions that were written before, by what they are: writing takes a millisecond, and statements are alike."""


def spelled(node: ast.Node) -> str:
    """A tree as SQL text on one line."""
    is_part = not isinstance(node, _WHOLE)
    key = repr(node) if is_part else ""  # says all but places in the text
    known = _spelled.get(key) if is_part else None
    if known is not None:
        return known
    text: str = RawStream()(node)
    if is_part and len(key) <= _KEY_LETTERS_MAX:
        if len(_spelled) >= _SPELLED_MAX:
            _spelled.clear()
        _spelled[key] = text
    return text


def read(node: ast.Node, scope: Scope) -> Reading:
    """Resolve every reference of an expression; subqueries inside it are left as they are."""
    reading = Reading(node)

    def replace(part: ast.Node, where: Scope) -> ast.Node | None:
        if isinstance(part, ast.SubLink | ast.WindowDef):
            reading.is_plain = False
            return part
        if isinstance(part, ast.ParamRef):
            reading.has_parameter = True
            return part
        if not isinstance(part, ast.ColumnRef):
            return None
        match where.resolve(part):
            case OwnColumn(_, column) as found:
                reading.references.append(found)
                return column_named(column)
            case Behind(inner, inner_scope):
                return rebuilt(inner, lambda n: replace(n, inner_scope))
        reading.is_plain = False
        return part

    reading.node = rebuilt(node, lambda n: replace(n, scope))
    return reading
