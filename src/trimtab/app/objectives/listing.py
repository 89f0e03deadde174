"""Objectives as a list: searched, filtered, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.app.objectives.answers import ObjectiveRow, ObjectivesAnswer, row_of
from trimtab.app.objectives.keeper import Standing
from trimtab.model.objectives import BudgetState, Objective

_RANK = {
    BudgetState.BURNING.value: 0,
    BudgetState.SPENT.value: 1,
    BudgetState.KEPT.value: 2,
    BudgetState.UNMEASURED.value: 3,
}
FAR = float("inf")
SORTS: Mapping[str, Callable[[ObjectiveRow], tuple[float, ...]]] = {
    "state": lambda row: (_RANK[row.state], FAR if row.left_ratio is None else row.left_ratio),
    "left": lambda row: (FAR if row.left_ratio is None else row.left_ratio,),
    "burn": lambda row: (FAR if row.burn_rate is None else -row.burn_rate,),
    "end": lambda row: (FAR if row.end is None or row.end.at_ms is None else row.end.at_ms,),
    "coverage": lambda row: (row.coverage_ratio,),
}
"""What comes first, the worst; `name` is by name."""


def listed(
    standing: Standing,
    search: str = "",
    state: str | None = None,
    service: str | None = None,
    sort: str = "name",
    *,
    descending: bool = False,
) -> ObjectivesAnswer:
    """The objectives that fit. `search` is found in name, title, service or system."""
    wanted = search.strip().lower()
    rows = [
        row_of(now)
        for now in standing.objectives.values()
        if (state is None or now.budget.state.value == state)
        and (service is None or now.objective.service == service)
        and wanted in _text(now.objective)
    ]
    key = SORTS.get(sort)
    rows.sort(key=lambda row: row.name, reverse=descending and key is None)
    if key is not None:
        rows.sort(key=key, reverse=descending)
    return ObjectivesAnswer(standing.at_ms, tuple(rows), standing.files, standing.error)


def _text(one: Objective) -> str:
    return "\n".join((one.name, one.title, one.service, one.system)).lower()
