"""column ILIKE 'pattern' → lower(column) LIKE lower('pattern'): what the server compares, and an index can serve."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, parsed, replace_condition, text_of
from trimtab.advise.rewrite.values import deterministic, type_of
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import strings


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every ILIKE with a pattern that begins with a letter or digit."""
    for part in block.where():
        if not isinstance(part, ast.A_Expr) or part.kind != enums.A_Expr_Kind.AEXPR_ILIKE:
            continue
        pattern = text_of(part.rexpr)
        if strings(part.name) != ("~~*",) or not isinstance(part.lexpr, ast.ColumnRef):
            continue
        if not pattern or not isinstance(part.rexpr, ast.Node):
            continue
        of = type_of(query, part.lexpr)
        if of not in {"text", "character varying"} or not (pattern[0].isascii() and pattern[0].isalnum()):
            continue
        if not pattern.isascii() or "\\" in pattern or not deterministic(query, part.lexpr):
            continue
        sign = "LIKE" if "%" in pattern or "_" in pattern else "="
        new = f"lower({spelled(part.lexpr)}) {sign} lower({spelled(part.rexpr)})"
        yield Change(lambda p=part, t=new: replace_condition(block, p, [parsed(t)]))  # type: ignore[misc]


RULE = Rule(
    "ilike_to_lower",
    "ILIKE with a pattern that begins with a letter becomes lower(column) LIKE lower(pattern)",
    "no B-tree serves ILIKE; one on lower(column) serves LIKE of a beginning, and equality",
    "text without a nondeterministic collation; a pattern of ASCII without escapes",
    find,
    (
        Pair(
            "SELECT id FROM customers WHERE name ILIKE 'Abc%'",
            "SELECT customers.id FROM customers WHERE lower(customers.name) LIKE lower('Abc%')",
        ),
        Pair(
            "SELECT id FROM customers WHERE name ILIKE 'Abc'",
            "SELECT customers.id FROM customers WHERE lower(customers.name) = lower('Abc')",
        ),
        Pair("SELECT id FROM customers WHERE name ILIKE '%abc'", None, "no beginning"),
        Pair("SELECT id FROM customers WHERE name NOT ILIKE 'abc%'", None),
    ),
)
