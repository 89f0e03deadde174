"""Which text an index is priced in.

HypoPG handles an index with an expression or a predicate only on the first table of a statement (see `sql.leading`).
So for such an index the statement is turned until the table comes first; where that cannot be, only the table's own
part of the statement is priced, and the rest taken as it is today.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pglast import ast, enums

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.plans import Node, cost, is_repeated, nodes
from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Catalog
from trimtab.sql.conditions import TableUse
from trimtab.sql.expressions import parsed_expression
from trimtab.sql.identifiers import qualified, quoted
from trimtab.sql.leading import with_first
from trimtab.sql.predicates import analyse
from trimtab.sql.trees import single_statement


@dataclass(frozen=True, slots=True)
class Frame:
    """A text to explain; `before` is the whole statement's cost today, `rest` what of it is not in the text."""

    text: str
    before: float
    rest: float = 0.0


_COMPARED = ("=", "<>", "<", "<=", ">", ">=")


class Frames:
    """The frames of one query's statements, made once each."""

    def __init__(
        self,
        statements: Sequence[str],
        catalog: Catalog,
        baseline: Callable[[], Sequence[Node]],
        explain: Callable[[str], Node],
    ) -> None:
        self._statements = statements
        self._catalog = catalog
        self._baseline = baseline
        self._explain = explain
        self._made: dict[tuple[int, int, str], Frame | str] = {}
        self._uses: dict[int, tuple[TableUse, ...]] = {}

    def of(self, candidate: Candidate, place: int) -> Frame | str:
        """The frame for a candidate in one statement, or why there is none. Raises `StatementRefused`."""
        definition = candidate.definition
        if definition.predicate is None and not any(key.is_expression for key in definition.keys):
            return Frame(self._statements[place], cost(self._baseline()[place]))
        key = (place, candidate.table.oid, candidate.alias)
        if key not in self._made:
            self._made[key] = self._turned(candidate, place) or self._part(candidate, place)
        return self._made[key]

    def _turned(self, candidate: Candidate, place: int) -> Frame | None:
        text = with_first(self._statements[place], candidate.table, candidate.alias)
        if text is None:
            return None
        if text == self._statements[place]:
            return Frame(text, cost(self._baseline()[place]))
        return Frame(text, cost(self._explain(text)))

    def _part(self, candidate: Candidate, place: int) -> Frame | str:
        """The scan of the table by itself, in place of the one in today's plan."""
        plan = self._baseline()[place]
        scans = [n for n in nodes(plan) if n.get("Relation Name") == candidate.table.name and "Total Cost" in n]
        if len(scans) != 1 or is_repeated(plan, scans[0]):
            return "cannot be priced: the table is read inside a subquery or loop, where HypoPG sees no such index"
        use = self._use(candidate, place)
        conditions = [c.predicate for c in use.conditions if c.predicate is not None] if use is not None else []
        if use is None or not conditions:
            return "cannot be priced: the table's own conditions are not known"
        columns = ", ".join(quoted(name) for name in sorted(use.columns)) or "1"
        table = qualified(candidate.table.schema, candidate.table.name)
        text = f"SELECT {columns} FROM {table} WHERE {' AND '.join(f'({c})' for c in dict.fromkeys(conditions))}"
        return Frame(text, cost(plan), max(0.01, cost(plan) - cost(scans[0])))

    def _use(self, candidate: Candidate, place: int) -> TableUse | None:
        if place not in self._uses:
            self._uses[place] = analyse(single_statement(self._statements[place]), self._catalog).uses
        same = [use for use in self._uses[place] if use.table.oid == candidate.table.oid]
        return same[0] if len(same) == 1 else None


@lru_cache(maxsize=4096)
def is_safe_predicate(predicate: str) -> bool:
    """Whether HypoPG can estimate a predicate without reading beyond its own arrays (its issue 116).

    It does where the server looks for the ends of a column's values: for a range against a constant, and for a pattern
    that begins with letters. Two columns against each other have a fixed share, `<>` and a pattern with a wildcard in
    front are estimated from statistics alone.

    >>> is_safe_predicate("a IS NULL AND NOT b AND c = 'x' AND d IN ('y', 'z')"), is_safe_predicate("a > 0")
    (True, False)
    >>> is_safe_predicate("a < b AND c NOT LIKE '%x%' AND d <> 'y'"), is_safe_predicate("c LIKE 'x%'")
    (True, False)
    """
    try:
        return _is_safe(parsed_expression(predicate))
    except StatementRefused:
        return False


def _is_safe(tree: ast.Node) -> bool:
    match tree:
        case ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR):
            return all(_is_safe(part) for part in tree.args or ())
        case ast.BoolExpr(boolop=enums.BoolExprType.NOT_EXPR):
            return all(isinstance(part, ast.ColumnRef) for part in tree.args or ())
        case ast.ColumnRef():
            return True
        case ast.NullTest(arg=ast.ColumnRef()) | ast.BooleanTest(arg=ast.ColumnRef()):
            return True
        case ast.A_Expr(kind=enums.A_Expr_Kind.AEXPR_LIKE, lexpr=ast.ColumnRef()):
            return _has_wildcard_first(tree.rexpr)
        case ast.A_Expr(kind=enums.A_Expr_Kind.AEXPR_OP, lexpr=ast.ColumnRef(), rexpr=ast.ColumnRef()):
            return [part.sval for part in tree.name or ()][-1:] in [[name] for name in _COMPARED]
        case ast.A_Expr(lexpr=ast.ColumnRef()):
            kinds = {enums.A_Expr_Kind.AEXPR_OP, enums.A_Expr_Kind.AEXPR_IN, enums.A_Expr_Kind.AEXPR_OP_ANY}
            operator = [part.sval for part in tree.name or ()]
            values = tree.rexpr if isinstance(tree.rexpr, tuple) else (tree.rexpr,)
            return tree.kind in kinds and operator in (["="], ["<>"]) and all(_is_constant(value) for value in values)
    return False


def _has_wildcard_first(pattern: object) -> bool:
    while isinstance(pattern, ast.TypeCast):
        pattern = pattern.arg
    value = pattern.val if isinstance(pattern, ast.A_Const) else None
    return isinstance(value, ast.String) and str(value.sval or "")[:1] in ("%", "_")


def _is_constant(value: object) -> bool:
    if isinstance(value, ast.TypeCast):
        return _is_constant(value.arg)
    if isinstance(value, ast.A_ArrayExpr):
        return all(_is_constant(element) for element in value.elements or ())
    return isinstance(value, ast.A_Const)
