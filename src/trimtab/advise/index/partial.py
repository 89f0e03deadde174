"""Partial indexes: only on what every execution of the shape asks for, never on a parameter that varies.

A condition without a literal (IS NULL, a boolean column, one column compared with another) is part of the shape, so it
is constant by itself. One with a literal counts as constant when enough complete statements agree on it, or when the
application binds what varies (`$n` in the statement as it sent it) and this is not bound.

What is excluded (`NOT LIKE`, `<>`, `NOT IN`) narrows little, but an index that says it in its predicate needs none of
its columns: a narrow index can then answer alone what a wide table is read for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from pglast import ast, enums

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate, asked_of, definition_of, key_lists, taken_in_turn
from trimtab.advise.index.terms import key
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexKey
from trimtab.sql.catalog import Catalog, Table
from trimtab.sql.conditions import Condition, Match, TableUse
from trimtab.sql.expressions import parsed_expression
from trimtab.sql.trees import strings

DISTINCT_MAX = 100
"""A literal of a column with more different values than this is an id, not a state."""

NULL_SHARE_MAX = 0.995
"""A column that hardly ever holds a value tells nothing: IS NULL is no predicate then."""

PREDICATES_MAX = 3
KEY_LISTS_MAX = 5
CANDIDATES_MAX = 24
_STATE_CATEGORIES = frozenset({"S", "B", "E", "N"})
_BETWEEN_COLUMNS = {"=": 0.005, "<>": 0.995, "<": 1 / 3, "<=": 1 / 3, ">": 1 / 3, ">=": 1 / 3}
"""What PostgreSQL takes for the share of rows in which two columns compare so."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A condition that all executions share. `rows_share` (0..1) of the rows fulfil it.

    `is_guessed`: no statistics say that share. `is_exclusion`: it says what is *not* wanted.
    """

    predicate: str
    rows_share: float
    has_literal: bool
    is_guessed: bool = False
    is_exclusion: bool = False


def constants_of(
    uses: Sequence[TableUse], settings: AdviseSettings, *, literals_are_constant: bool
) -> tuple[Constant, ...]:
    """The constant conditions of one table, seen in the same place of each statement; the rarest first."""
    first = uses[0]
    shared = set.intersection(*({c.predicate for c in use.conditions if c.predicate} for use in uses))
    found: dict[str, Constant] = {}
    for condition in first.conditions:
        predicate = condition.predicate
        if predicate is None or predicate not in shared or condition.arm is not None:
            continue
        rows_share = _share(condition, first.table)
        if rows_share is None:
            guessed = _guessed(condition, predicate, first.table) if settings.partial_shares_counted else None
            if guessed is not None and (not condition.has_literal or literals_are_constant):
                found[predicate] = guessed
            continue
        by_literal = condition.has_literal and condition.operator != "boolean"
        limit = settings.partial_share_max if by_literal else settings.partial_structural_share_max
        if condition.match is Match.IS_NULL:  # in a predicate it costs nothing, and as a key it breaks an order
            limit = NULL_SHARE_MAX
        if rows_share <= limit and (not condition.has_literal or literals_are_constant):
            found[predicate] = Constant(predicate, rows_share, condition.has_literal)
    return tuple(sorted(found.values(), key=lambda c: c.rows_share))[:PREDICATES_MAX]


def partial(use: TableUse, catalog: Catalog, constants: Sequence[Constant]) -> list[Candidate]:
    """Partial indexes on all constants together and on each alone, keyed by what is left to ask for."""
    found: list[list[Candidate]] = []
    for group in groups_of(constants):
        predicates = frozenset(constant.predicate for constant in group)
        asked = asked_of(use, catalog, without=predicates)
        lists = [*islice(key_lists(asked), KEY_LISTS_MAX)] or [(_any_key(use, predicates), "the rows themselves")]
        said = " AND ".join(f"({p})" for p in sorted(predicates))
        made = [(definition_of(use.table, keys, said), why) for keys, why in lists]
        found.append(
            [
                Candidate(one, use.table, use.alias, f"{why}, of rows that every call asks for", tuple(predicates))
                for one, why in made
                if one is not None
            ]
        )
    # an index that says all of it is the smallest: every second one is of that kind, as long as there are some
    return taken_in_turn([found[0], taken_in_turn(found[1:], CANDIDATES_MAX)] if found else [], CANDIDATES_MAX)


def groups_of(constants: Sequence[Constant]) -> list[tuple[Constant, ...]]:
    """What one index may say together: all constants, those of the shape, and each alone."""
    structural = tuple(constant for constant in constants if not constant.has_literal)
    groups = [tuple(constants)] if constants else []
    groups += [structural] if 1 < len(structural) < len(constants) else []
    groups += [(constant,) for constant in constants] if len(constants) > 1 else []
    return groups


def rows_share(constants: Sequence[Constant], predicates: Sequence[str]) -> float:
    """The share of rows in a partial index, conditions taken as independent."""
    share = 1.0
    for constant in constants:
        if constant.predicate in predicates:
            share *= constant.rows_share
    return share


def _any_key(use: TableUse, predicates: frozenset[str]) -> tuple[IndexKey, ...]:
    """Something narrow to put into an index whose predicate says it all."""
    for condition in use.conditions:
        if condition.predicate in predicates and not condition.term.is_expression:
            return (key(condition.term, use.table),)
    return ()


def _share(condition: Condition, table: Table) -> float | None:
    """The share of rows that fulfil a condition of the kinds a partial index may be built on; None for others."""
    if condition.term.is_expression or len(condition.term.columns) != 1:
        return None
    column = table.columns.get(condition.term.sql)
    statistics = column.statistics if column is not None else None
    if column is None or statistics is None:
        return None
    if condition.match is Match.IS_NULL:
        return statistics.null_share
    if condition.operator == "IS NOT NULL":
        return 1 - statistics.null_share
    if column.type_name == "boolean" and condition.match is Match.EQUAL:
        wanted = "f" if _is_negative(condition.predicate or "") else "t"
        return statistics.share_of(wanted) or 0.0
    if condition.match not in {Match.EQUAL, Match.ONE_OF} or column.category not in _STATE_CATEGORIES:
        return None
    if statistics.distinct_count(table.rows_estimate) > DISTINCT_MAX:
        return None
    values = condition.values
    if not values:
        return None
    return sum(statistics.share_of(value) or _rest_share(statistics.most_common) for value in values)


def _guessed(condition: Condition, predicate: str, table: Table) -> Constant | None:
    """A condition that no statistics tell the share of: between two columns, or on what is excluded."""
    if condition.match is not Match.OTHER:
        return None
    try:
        tree = parsed_expression(predicate)
    except StatementRefused:
        return None
    operator = (strings(tree.name) or ("",))[-1] if isinstance(tree, ast.A_Expr) else ""
    if not isinstance(tree, ast.A_Expr) or not isinstance(tree.lexpr, ast.ColumnRef):
        return None
    if tree.kind == enums.A_Expr_Kind.AEXPR_OP and isinstance(tree.rexpr, ast.ColumnRef):
        rows_share = _BETWEEN_COLUMNS.get(operator)
        return Constant(predicate, rows_share, False, is_guessed=True) if rows_share is not None else None
    kinds = {enums.A_Expr_Kind.AEXPR_OP, enums.A_Expr_Kind.AEXPR_IN, enums.A_Expr_Kind.AEXPR_LIKE}
    if tree.kind in kinds and operator in ("<>", "!~~"):
        column = table.columns.get(condition.term.sql)
        known = column.statistics if column is not None else None
        if operator == "<>" and (known is None or known.distinct_count(table.rows_estimate) > DISTINCT_MAX):
            return None
        return Constant(predicate, 1.0, condition.has_literal, is_guessed=True, is_exclusion=True)
    return None


def _rest_share(most_common: Sequence[tuple[str, float]]) -> float:
    """What a value has at most that is not among the most common."""
    return min((share for _, share in most_common), default=0.0)


def _is_negative(predicate: str) -> bool:
    """Whether a condition on a boolean column asks for false."""
    words = predicate.upper().split()
    return words[0] == "NOT" or words[-1] in {"FALSE", "'F'", "'FALSE'"}
