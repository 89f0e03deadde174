"""`ServiceLevelIndicators`: indicators and error budgets over any Prometheus-compatible server (trimtab's is one)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.slo.burn_rules import DEFAULT_SET, rules_of
from trimtab.analyze.slo.own_format import NAME, NAME_RULE
from trimtab.analyze.slo.quantities import duration_ms
from trimtab.analyze.slo.queries import asked_of
from trimtab.analyze.slo.slice_book import HOUR_MS, SliceBook
from trimtab.analyze.slo.wishes import seed_meant
from trimtab.app.objectives.asking import Asking, Grid, UpstreamAsking
from trimtab.app.objectives.board import board_of
from trimtab.app.objectives.counting import counted
from trimtab.app.upstream import Upstream
from trimtab.model.errors import InputError
from trimtab.model.objective_window import Window
from trimtab.model.objectives import SLICE_MS, Budget, Objective
from trimtab.sdk.results import ErrorBudget
from trimtab.store.state import wall_clock_ms

CHUNK_SLICES = 10_000
"""A Prometheus gives at most 11,000 points of a series in one answer."""


@dataclass(frozen=True, slots=True)
class SLI:
    """An indicator as the seed writes it: PromQL, a target in the unit of the query, and a window such as `30d`."""

    name: str
    query: str
    target: float
    window: str = "30d"


Wish = SLI | Objective | Mapping[str, object]


class ServiceLevelIndicators:
    """Defines indicators, and says what is left of their error budgets.

    `metrics_url` is a Prometheus-compatible server. It is asked when a budget is calculated; nothing is kept. A server
    that keeps objectives counted, draws them and alerts is `trimtab up` with files of objectives.

    >>> slis = ServiceLevelIndicators().define_custom_slis(
    ...     {"fresh": SLI("Data Freshness", "time() - max(last_update_timestamp)", target=300, window="1h")}
    ... )
    >>> slis["fresh"].target, slis["fresh"].sli.comparison.value, slis["fresh"].sli.threshold
    (0.99, '<', 300.0)
    """

    def __init__(
        self,
        metrics_url: str = "http://127.0.0.1:9321",
        *,
        asking: Asking | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._asking = asking or UpstreamAsking(Upstream(metrics_url))
        self._now_ms = now_ms
        self.slis: dict[str, Objective] = {}

    def define_custom_slis(self, service_config: Mapping[str, Wish]) -> dict[str, Objective]:
        """What each name means: the indicator, its target as a share, its window, and how the query was read.

        InputError where a query cannot be read, or does not say which way is better.
        """
        made = {name: self._objective(name, wish) for name, wish in service_config.items()}
        self.slis |= made
        return made

    def calculate_error_budget(self, slo_config: Mapping[str, Wish] | None = None) -> dict[str, ErrorBudget]:
        """The budget of each, counted over its window by the minute up to now; None: of all that were defined."""
        wanted = self.slis if slo_config is None else self.define_custom_slis(slo_config)
        return {name: _told(objective, self._budget(objective)) for name, objective in wanted.items()}

    def calculate_burn_rate(self, slo_name: str) -> float | None:
        """How many times as fast as allowed the budget is spent now; None where nothing is counted."""
        if slo_name not in self.slis:
            raise InputError(f"no SLI {slo_name!r} was defined", observed=slo_name)
        return self._budget(self.slis[slo_name]).burn_rate

    def _objective(self, name: str, wish: Wish) -> Objective:
        if isinstance(wish, Objective):
            return wish
        if isinstance(wish, Mapping):
            try:
                wish = SLI(**{"name": name, **wish})  # type: ignore[arg-type]  # checked below
            except TypeError as error:
                raise InputError(f"{name}: {error}", name=name) from None
        if NAME.fullmatch(name) is None:
            raise InputError(f"{name!r}: {NAME_RULE}", name=name)
        try:
            meant = seed_meant(name, wish.query, float(wish.target))
            window = Window(duration_ms(wish.window))
        except ValueError as error:
            raise InputError(f"{name}: {error}", name=name) from None
        return Objective(
            name=name,
            display_name=wish.name,
            sli=meant.sli,
            target=meant.target,
            window=window,
            burn_rules=rules_of(DEFAULT_SET, window.length_ms),
            notices=meant.notices,
        )

    def _budget(self, objective: Objective) -> Budget:
        end_ms = self._now_ms() // SLICE_MS * SLICE_MS
        start_ms, _ = objective.window.bounds(end_ms)
        start_ms = start_ms // SLICE_MS * SLICE_MS
        book = SliceBook(1, objective.window.length_ms // HOUR_MS + 26)
        book.advance(end_ms)
        problem = ""
        at_ms = start_ms
        while at_ms < end_ms:
            count = min(CHUNK_SLICES, (end_ms - at_ms) // SLICE_MS)
            problem = self._count(objective, at_ms, count, book) or problem
            at_ms += count * SLICE_MS
        if problem:
            raise InputError(f"{objective.name}: {problem}", name=objective.name)
        return board_of(book, [objective], end_ms, {}, {}, {}, {})[objective.name].budget

    def _count(self, objective: Objective, start_ms: int, count: int, book: SliceBook) -> str:
        asked = asked_of(objective.sli, SLICE_MS, is_anchored=self._asking.is_anchored)
        rows = self._asking.ask(asked.queries, Grid(start_ms + SLICE_MS, SLICE_MS, count))
        made = counted(asked, rows)
        starts_ms: NDArray[np.int64] = start_ms + np.arange(count, dtype=np.int64) * SLICE_MS
        book.put(starts_ms, made.good[np.newaxis], made.total[np.newaxis], made.measured[np.newaxis])
        return made.problem


def _told(objective: Objective, budget: Budget) -> ErrorBudget:
    consumed = budget.consumed_ratio
    return ErrorBudget(
        slo=replace(objective, notices=(*objective.notices, *budget.notices)),
        consumed_percentage=consumed,
        remaining_budget=budget.left_ratio,
        burn_rate=budget.burn_rate,
        coverage_ratio=budget.counts.coverage_ratio,
        good=budget.counts.good,
        total=budget.counts.total,
        ends=budget.end,
    )
