"""What a rule is, and the few ways to write trees that rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.model.errors import StatementRefused
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import single_statement, strings

GOLDEN_SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text, since date NOT NULL, boss int);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, total numeric(10, 2) NOT NULL,
    paid_on date, placed timestamp NOT NULL, status text NOT NULL, partner_id int REFERENCES customers);
CREATE TABLE items (order_id int NOT NULL, line int NOT NULL, part_id int NOT NULL, quantity int NOT NULL,
    price numeric(10, 2) NOT NULL, note text, seen timestamptz, weight float8, PRIMARY KEY (order_id, line));
CREATE TABLE parts (id int PRIMARY KEY, name varchar(40) NOT NULL, brand text NOT NULL, size int, code text UNIQUE);
CREATE TABLE loose (a int, b int, c text);
"""
"""The tables that golden pairs speak of."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place where a rule can be applied: `do` changes the tree, once."""

    do: Callable[[], None]
    proof: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A golden pair: the statement, and one of the forms that the rule gives; None: it must not fire."""

    before: str
    after: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `what` says what becomes what, `pays` why PostgreSQL does not do it by itself, `needs` what has to be certain.
    """

    name: str
    what: str
    pays: str
    needs: str
    find: Callable[[Query, Block], Iterable[Change]]
    golden: tuple[Pair, ...]


def parsed_select(text: str) -> ast.SelectStmt:
    """A SELECT as a tree."""
    tree = single_statement(text)
    if not isinstance(tree, ast.SelectStmt):
        raise StatementRefused("no SELECT")
    return tree


def parsed(text: str) -> ast.Node:
    """One expression as a tree."""
    target: ast.Node = (parsed_select(f"SELECT ({text})").targetList or ())[0].val
    return target


def from_item(text: str) -> ast.Node:
    """One item of FROM as a tree."""
    item: ast.Node = (parsed_select(f"SELECT 1 FROM {text}").fromClause or ())[0]
    return item


def all_text(parts: Iterable[str]) -> str:
    """Conditions joined by AND, each in brackets; `true` where there is none."""
    return " AND ".join(f"({part})" for part in parts) or "true"


def where_text(parts: Iterable[ast.Node]) -> str:
    """A WHERE clause; empty where there is no condition."""
    texts = [spelled(part) for part in parts]
    return f" WHERE {all_text(texts)}" if texts else ""


def from_text(select: ast.SelectStmt) -> str:
    """A FROM clause; empty where there is none."""
    items = ", ".join(spelled(item) for item in select.fromClause or ())
    return f" FROM {items}" if items else ""


def comparison(node: object) -> tuple[ast.Node, str, ast.Node] | None:
    """(left, operator, right) of a plain comparison."""
    if not isinstance(node, ast.A_Expr) or node.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    names = strings(node.name)
    if len(names) != 1 or names[0] not in TURNED:
        return None
    if not isinstance(node.lexpr, ast.Node) or not isinstance(node.rexpr, ast.Node):
        return None
    return node.lexpr, names[0].replace("!=", "<>"), node.rexpr


TURNED = {"=": "=", "<>": "<>", "!=": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""Comparison operators, and what each is with its sides exchanged."""


def integer_of(node: object) -> int | None:
    """The value of a whole number, where it is one."""
    if isinstance(node, ast.A_Const) and not node.isnull and isinstance(node.val, ast.Integer):
        return int(node.val.ival or 0)
    return None


def text_of(node: object) -> str | None:
    """The value of a text constant, also behind a cast without a length."""
    if isinstance(node, ast.TypeCast):
        if node.typeName is None or node.typeName.typmods:
            return None  # it may be cut off
        node = node.arg
    if isinstance(node, ast.A_Const) and not node.isnull and isinstance(node.val, ast.String):
        return str(node.val.sval)
    return None


def replace_in(select: ast.SelectStmt, old: ast.Node, new: ast.Node) -> None:
    """Put `new` in place of the very node `old`, anywhere in a SELECT."""
    for name in select:
        value = getattr(select, name)
        if isinstance(value, ast.Node | tuple):
            setattr(select, name, _replaced(value, old, new))


def _replaced(value: object, old: ast.Node, new: ast.Node) -> object:
    if value is old:
        return new
    if isinstance(value, tuple):
        return tuple(_replaced(item, old, new) for item in value)
    if isinstance(value, ast.Node):
        for name in value:
            inner = getattr(value, name)
            if isinstance(inner, ast.Node | tuple):
                changed = _replaced(inner, old, new)
                if changed is not inner:
                    setattr(value, name, changed)
    return value


def replace_condition(block: Block, old: ast.Node, new: list[ast.Node]) -> None:
    """Put conditions in place of one part of WHERE."""
    parts: list[ast.Node] = []
    for part in block.where():
        parts += new if part is old else [part]
    block.set_where(parts)


def add_source(block: Block, item: ast.Node) -> None:
    """One more item of FROM."""
    block.select.fromClause = (*(block.select.fromClause or ()), item)


def left_join(block: Block, item: ast.Node, condition: ast.Node) -> None:
    """Everything in FROM, left joined with one more item."""
    items = block.select.fromClause or ()
    whole = items[0]
    for other in items[1:]:
        whole = ast.JoinExpr(jointype=enums.JoinType.JOIN_INNER, isNatural=False, larg=whole, rarg=other, rtindex=0)
    block.select.fromClause = (
        ast.JoinExpr(
            jointype=enums.JoinType.JOIN_LEFT, isNatural=False, larg=whole, rarg=item, quals=condition, rtindex=0
        ),
    )


def sublinks_in(node: object) -> list[ast.SubLink]:
    """The subqueries of an expression, without those inside them."""
    from trimtab.advise.rewrite.nodes import own_nodes

    return [one for one in own_nodes(node) if isinstance(one, ast.SubLink)]
