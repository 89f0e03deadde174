"""What a plain SELECT would call if it were run: every name in it behind which somebody's code can stand.

Text alone cannot tell which function, operator or view a name means; so names are collected here, and whoever wants
to run the statement asks the catalogue about *everything* that bears one of these names.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pglast import ast

from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog_reader import RelationName
from trimtab.sql.literals import parameters_of
from trimtab.sql.trees import single_statement, strings, walk

_WRITES = ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt


@dataclass
class CalledNames:
    """(schema or None, name) of functions, types and relations; bare names of operators and of fields.

    A field counts because `row.name` may call a function `name(row)`.
    """

    functions: set[RelationName] = field(default_factory=set)
    types: set[RelationName] = field(default_factory=set)
    relations: set[RelationName] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def runnable(text: str) -> ast.SelectStmt:
    """The tree of a statement that only reads, and is complete. Raises `StatementRefused` for anything else.

    >>> type(runnable("SELECT 1")).__name__
    'SelectStmt'
    >>> runnable("SELECT * FROM t FOR UPDATE")
    Traceback (most recent call last):
    trimtab.model.errors.StatementRefused: it locks rows
    """
    tree = single_statement(text)
    if not isinstance(tree, ast.SelectStmt):
        raise StatementRefused("it is no SELECT")
    if parameters_of(tree):
        raise StatementRefused("no complete statement with its real parameters was seen")
    for node in walk(tree):
        if isinstance(node, _WRITES):
            raise StatementRefused("it writes")
        if isinstance(node, ast.SelectStmt) and node.intoClause is not None:
            raise StatementRefused("it makes a table")
        if isinstance(node, ast.LockingClause):
            raise StatementRefused("it locks rows")
        if isinstance(node, ast.RangeTableSample):
            raise StatementRefused("it draws a sample of a table")
    return tree


def called_names(tree: ast.Node, into: CalledNames) -> None:
    """Add the names of one tree.

    >>> names = CalledNames()
    >>> called_names(single_statement("SELECT lower(x.a), b || 'c'::s.d FROM e.f x"), names)
    >>> sorted(names.functions, key=str), sorted(names.operators), sorted(names.types), sorted(names.relations)
    ([(None, 'lower')], ['||'], [('s', 'd')], [('e', 'f')])
    """
    for node in walk(tree):
        match node:
            case ast.FuncCall():
                into.functions.add(_named(strings(node.funcname)))
            case ast.TypeName():
                into.types.add(_named(strings(node.names)))
            case ast.RangeVar() if node.relname:
                into.relations.add((node.schemaname or None, str(node.relname)))
            case ast.A_Expr():
                into.operators.update(strings(node.name)[-1:])
            case ast.SubLink():
                into.operators.update(strings(node.operName)[-1:])
            case ast.SortBy():
                into.operators.update(strings(node.useOp)[-1:])
            case ast.ColumnRef():
                into.fields.update(strings(node.fields)[-1:])
            case ast.A_Indirection():
                into.fields.update(strings(node.indirection))


def _named(parts: tuple[str, ...]) -> RelationName:
    return (parts[-2] if len(parts) > 1 else None, parts[-1] if parts else "")
