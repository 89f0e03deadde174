"""The SELECT whose plan stands for a statement: a role that may only read can EXPLAIN it.

EXPLAIN of an UPDATE, a DELETE or a SELECT ... FOR UPDATE asks for the right to write; what an index can speed up is
how their rows are found, and that is a SELECT.
"""

from __future__ import annotations

import re

from pglast import ast

from trimtab.model.errors import StatementRefused
from trimtab.sql.expressions import same_tree
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import single_statement, walk

_SPELLED = {
    "INDEX": "CREATE INDEX",
    "CREATE": "CREATE TABLE",
    "VIEW": "CREATE VIEW",
    "REFRESH MAT VIEW": "REFRESH MATERIALIZED VIEW",
    "INSERT": "INSERT of VALUES",
    "VARIABLE SET": "SET",
    "VARIABLE SHOW": "SHOW",
}

_WRITES = ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt


def explainable(text: str, parsed: ast.Node | None = None) -> str:
    """The text to put behind EXPLAIN: `text` itself where it is a plain SELECT. `parsed` is its tree where it is known.

    >>> explainable("UPDATE orders o SET a = 1 FROM users u WHERE u.id = o.user_id")
    'SELECT o.* FROM orders AS o, users AS u WHERE u.id = o.user_id'
    >>> explainable("SELECT * FROM orders WHERE id = 1 FOR UPDATE")
    'SELECT * FROM orders WHERE id = 1'

    Raises `StatementRefused` for anything else, also for a SELECT that writes (INTO, or in a WITH).
    """
    tree = single_statement(text) if parsed is None or not _is_plain(parsed) else parsed
    select = _select_of(tree)
    if select.intoClause is not None or any(isinstance(node, _WRITES) for node in walk(select)):
        raise StatementRefused("a statement that writes inside a SELECT cannot be priced without the right to write")
    if select is tree and not select.lockingClause:
        return text
    select.lockingClause = None
    written = spelled(select)
    if not same_tree(single_statement(written), select):
        raise StatementRefused("the statement could not be written back unchanged as a SELECT")
    return written


def _is_plain(tree: ast.Node) -> bool:
    """Whether the tree itself stays as it is: any other becomes part of what is written."""
    return isinstance(tree, ast.SelectStmt) and not tree.lockingClause


def _select_of(tree: ast.Node) -> ast.SelectStmt:
    match tree:
        case ast.SelectStmt():
            return tree
        case ast.InsertStmt(selectStmt=ast.SelectStmt() as select) if not select.valuesLists:
            if tree.withClause is not None:
                select.withClause = tree.withClause
            return select
        case ast.UpdateStmt() | ast.DeleteStmt() if tree.relation is not None:
            others = tree.fromClause if isinstance(tree, ast.UpdateStmt) else tree.usingClause
            alias = tree.relation.alias.aliasname if tree.relation.alias is not None else tree.relation.relname
            if isinstance(tree.whereClause, ast.CurrentOfExpr):
                raise StatementRefused("WHERE CURRENT OF finds its row by a cursor, not by an index")
            found = _select_of(single_statement("SELECT x.*"))
            for target in found.targetList or ():
                target.val.fields = (ast.String(sval=alias), ast.A_Star())
            found.fromClause = (tree.relation, *(others or ()))
            found.whereClause = tree.whereClause
            found.withClause = tree.withClause
            return found
    if isinstance(tree, ast.MergeStmt):
        raise StatementRefused("MERGE is not priced: a SELECT over the same join can be")
    raise StatementRefused(f"{_named(tree)} finds no rows that an index could find faster")


def _named(tree: ast.Node) -> str:
    """What a command is called, of which only the parser's name is known.

    >>> _named(ast.VacuumStmt()), _named(ast.AlterTableStmt()), _named(ast.IndexStmt())
    ('VACUUM', 'ALTER TABLE', 'CREATE INDEX')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(tree).__name__.removesuffix("Stmt")).upper()
    return _SPELLED.get(words, words)
