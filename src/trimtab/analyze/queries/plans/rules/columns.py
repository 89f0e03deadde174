"""Conditions on what is made of a column: functions, expressions, casts that no index on the column serves."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.conditions import Compared
from trimtab.analyze.queries.plans.hint import Hint, Mend, MendKind
from trimtab.analyze.queries.plans.mending import LIKE_TEXT_TYPES, conditions_of, expression_mends, own
from trimtab.analyze.queries.plans.rule import Look, Rule, hint
from trimtab.analyze.queries.plans.rules.thrown import SCANS, thrown_away
from trimtab.analyze.queries.plans.steps import Step

_DATES = ("date",)


def _function_on_column(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        one = next((found for found in _filtered(step) if is_expression(found)), None)
        if one is None or step.kind not in SCANS:
            continue
        ratio = _worth(look, step)
        if ratio is None:
            continue
        what = f"{one.function}()" if one.function else f"an expression of {one.column}"
        yield hint(
            "function-on-column",
            "A condition is on what is made of a column, so that no index on the column serves it",
            look,
            step,
            score=step.share * ratio,
            found=f"the filter compares {one.side}: {what} is reckoned for every row",
            mends=expression_mends(look, step, one),
            figures={"removed_ratio": ratio},
        )


def _implicit_cast(look: Look) -> Iterator[Hint]:
    for step in look.tree.steps:
        one = next((found for found in _filtered(step) if is_cast(look, step, found)), None)
        if one is None or step.kind not in SCANS:
            continue
        ratio = _worth(look, step)
        if ratio is None:
            continue
        facts = look.table(step)
        type_ = facts.column_types.get(one.column or "") if facts is not None else None
        wanted = type_ or "the column's own type"
        yield hint(
            "implicit-cast",
            "A column is cast for every row, so that no index on it serves the condition",
            look,
            step,
            score=step.share * ratio,
            found=f"{one.column}{f' ({type_})' if type_ else ''} is cast to {one.cast} to be compared",
            mends=[
                Mend(
                    MendKind.REWRITE,
                    f"give the value as {wanted} (a driver often sends numbers as numeric), so that the column is"
                    " compared as it is",
                )
            ],
            figures={"removed_ratio": ratio},
        )


def is_expression(one: Compared) -> bool:
    """Whether it compares what is made of a column, other than by a cast that the server put there."""
    return (
        one.column is not None
        and not one.is_bare
        and (one.cast in _DATES or one.cast is None or one.function is not None)
    )


def is_cast(look: Look, step: Step, one: Compared) -> bool:
    """Whether a column is cast to another type: to text only where the catalogue says that it is none already."""
    if one.cast is None or one.cast in _DATES or one.function is not None:
        return False
    facts = look.table(step)
    type_ = facts.column_types.get(one.column or "") if facts is not None else None
    if one.is_like_text:
        return type_ is not None and not type_.startswith(LIKE_TEXT_TYPES)
    return True


def _filtered(step: Step) -> list[Compared]:
    return own(step, conditions_of(step, "Filter"))


def _worth(look: Look, step: Step) -> float | None:
    """Which share of its rows a scan reads in vain; None where it is not worth a word."""
    thrown = thrown_away(look, step)
    if thrown is not None:
        removed, ratio = thrown
        return ratio if ratio >= 0.5 and removed >= limits.ROWS_MIN else None
    if step.ran or step.rows_actual is not None:
        return None
    return 1.0 if step.cost >= limits.ROWS_MIN else None


RULES: tuple[Rule, ...] = (
    Rule(
        "function-on-column",
        "A condition is on what is made of a column, so that no index on the column serves it",
        "A filter compares a function, an operator's result or a date of a column, and throws half of the rows away.",
        "A rewrite that compares the column itself (a half-open range, not a date), or an index on the expression.",
        "The scan's own time, times the share of rows that were thrown away (all, where the statement was not run).",
        _function_on_column,
    ),
    Rule(
        "implicit-cast",
        "A column is cast for every row, so that no index on it serves the condition",
        "A filter compares a column cast to numeric, double precision, bigint, a time or text. Casts of varchar to text"
        " cost nothing and are not meant: to text only counts where the catalogue knows the column's type.",
        "A value of the column's own type.",
        "The scan's own time, times the share of rows that were thrown away (all, where the statement was not run).",
        _implicit_cast,
    ),
)
