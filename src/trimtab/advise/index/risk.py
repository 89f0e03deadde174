"""What could make a what-if plan untrue, said in words and as a class of prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.existing import invalid_twin
from trimtab.advise.index.plans import Node, bets_on_limit, guessed_loop, index_only
from trimtab.advise.index.what_if import Price
from trimtab.model.change import Risk

TRUST = {Risk.LOW: 1.0, Risk.MEDIUM: 0.9, Risk.HIGH: 0.7}
"""How much of a predicted gain counts when candidates are compared: a surer plan wins over a slightly better bet."""


@dataclass(frozen=True, slots=True)
class RiskReport:
    """`classes` are names of priors (`prior.toml`)."""

    risk: Risk
    reasons: tuple[str, ...]
    classes: tuple[str, ...]
    not_verified: tuple[str, ...]


PASSING_SHARE_MIN = 0.5
"""A filter that lets more rows through than this hardly delays a LIMIT."""

PassingShare = Callable[[Node], float | None]
"""The share of rows (0..1) that pass a scan's filter, as the planner believes; None where it cannot be asked."""


def assess(candidate: Candidate, price: Price, passing_share: PassingShare) -> RiskReport:
    """Look at the plans with the index, and at the table, for what statistics cannot know."""
    risks: list[tuple[Risk, str, str]] = []
    not_verified: list[str] = []
    if any(_is_bet(node, passing_share) for plan in price.plans for node in bets_on_limit(plan)):
        said = "the plan relies on LIMIT stopping early through a filter"
        late = f"{said}: if the matching rows come late in this order, it is slower than today"
        risks.append((Risk.HIGH, late, "early_stop"))
        not_verified.append(said)
    loops = {guessed_loop(plan, price.index_name) for plan in price.plans}
    if "high" in loops:
        risks.append((Risk.HIGH, "a nested loop over the result of another join whose size is a guess", "loop"))
        not_verified.append("how often the nested loop turns")
    elif "medium" in loops:
        risks.append(
            (Risk.MEDIUM, "a nested loop whose turns depend on several conditions taken as independent", "loop")
        )
        not_verified.append("how often the nested loop turns")
    if candidate.table.rows is None:
        risks.append(
            (Risk.HIGH, f"{candidate.table.relation} was never analysed: costs are guesses", "unknown_statistics")
        )
        not_verified.append("statistics: run ANALYZE first")
    if any(key.is_expression for key in candidate.definition.keys):
        risks.append(
            (
                Risk.MEDIUM,
                "the server has no statistics on the expression until ANALYZE has run on the index",
                "expression",
            )
        )
    if candidate.definition.include or any(index_only(plan, price.index_name) for plan in price.plans):
        risks.append((Risk.LOW, "reading the index alone needs pages that VACUUM keeps all-visible", "covering"))
    if (twin := invalid_twin(candidate.table, candidate.definition)) is not None:
        risks.append((Risk.MEDIUM, f"an invalid index of the same definition is there: {twin.name}", "plain"))
    order = [Risk.LOW, Risk.MEDIUM, Risk.HIGH]
    worst = max((r for r, _, _ in risks), key=order.index, default=Risk.LOW)
    classes = tuple(dict.fromkeys(name for _, _, name in risks)) or ("plain",)
    return RiskReport(worst, tuple(text for _, text, _ in risks), classes, tuple(not_verified))


def _is_bet(node: Node, passing_share: PassingShare) -> bool:
    share = passing_share(node) if "Filter" in node else None
    return share is None or share < PASSING_SHARE_MIN
