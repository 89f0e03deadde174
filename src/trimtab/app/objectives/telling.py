"""What objectives tell of themselves: numbers of trimtab's own, and what a person should mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from trimtab.app.objectives.keeper import Standing
from trimtab.app.own.metrics import Number
from trimtab.model.objectives import BudgetState


def objective_numbers(standing: Standing, now_ms: int) -> Iterator[Number]:
    """How many there are, how they stand, and what counting costs."""
    counts = Counter(now.budget.state for now in standing.objectives.values())
    for state in BudgetState:
        yield Number("trimtab_objectives", counts[state], {"state": state.value})
    yield Number("trimtab_objective_files_refused", sum(bool(file.problems) for file in standing.files))
    if standing.objectives and standing.at_ms:
        yield Number("trimtab_objectives_age_seconds", max(0, now_ms - standing.at_ms) / 1000)
        yield Number("trimtab_objectives_round_cpu_seconds", standing.round_cpu_s)


def objective_warnings(standing: Standing) -> Iterator[str]:
    """Files that are not in force as they are, and that nothing can be counted."""
    for file in standing.files:
        if file.problems:
            first, more = file.problems[0], len(file.problems) - 1
            rest = f" (and {more} more)" if more else ""
            yield f"objectives are not in force as they are: {first.told(file.file)}{rest}"
    if standing.error is not None:
        yield f"objectives are not counted: {standing.error}"
