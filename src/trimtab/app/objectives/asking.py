"""Many queries of objectives at a time, on one grid: of the own store, or of the server that is asked instead of it.

What two objectives ask alike (a total that several share) is asked once, and what differs in one label's value only is
one question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from trimtab.analyze.rules.families import Family, families_of, split
from trimtab.model.errors import InputError, ServerUnreachable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trimtab.app.upstream import Upstream
    from trimtab.store.metrics.contract import MetricStore
    from trimtab.store.promql.syntax import Node

PLANS_MAX = 64
UPSTREAM_AT_A_TIME = 4
UPSTREAM_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` moments from `start_ms` on, every `step_ms`."""

    start_ms: int
    step_ms: int
    count: int

    @property
    def times_ms(self) -> NDArray[np.int64]:
        """The moments."""
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.step_ms


@dataclass(frozen=True, slots=True)
class Rows:
    """Values of series on a grid, `[series, moments]`; NaN where there is none. `error`: why there are none."""

    values: NDArray[np.float64]
    present: NDArray[np.bool_]
    error: str = ""


class Asking(Protocol):
    """Answers PromQL on a grid."""

    @property
    def is_anchored(self) -> bool:
        """Whether it knows ranges that are `anchored`."""
        ...

    def ask(self, queries: Sequence[str], grid: Grid) -> Mapping[str, Rows]:
        """Each query's rows, with its own error where it has one. StoreError, MissingError: nobody can know now."""
        ...


def nothing(grid: Grid, error: str = "") -> Rows:
    """No series."""
    return Rows(np.zeros((0, grid.count)), np.zeros((0, grid.count), np.bool_), error)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to ask for a list of queries: those that differ in one label's value as one question, the rest one by one."""

    families: list[Family]
    alone: list[int]
    wrong: dict[int, str]


class StoreAsking:
    """The own store."""

    is_anchored = True

    def __init__(self, store: Callable[[], MetricStore]) -> None:
        self._store = store
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def ask(self, queries: Sequence[str], grid: Grid) -> Mapping[str, Rows]:
        """See `Asking.ask`."""
        distinct = tuple(dict.fromkeys(queries))
        plan = self._plan(distinct)
        found = {distinct[place]: nothing(grid, error) for place, error in plan.wrong.items()}
        for family in plan.families:
            found |= self._family(family, distinct, grid)
        for place in plan.alone:
            found[distinct[place]] = self._alone(distinct[place], grid)
        return found

    def _plan(self, queries: tuple[str, ...]) -> _Plan:
        known = self._plans.get(queries)
        if known is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            known = self._plans[queries] = _planned(queries)
        return known

    def _family(self, family: Family, queries: Sequence[str], grid: Grid) -> dict[str, Rows]:
        import trimtab.store.promql.evaluate  # noqa: F401  # registers what trees are evaluated with
        from trimtab.store.promql.evaluation import Evaluation
        from trimtab.store.promql.options import Options
        from trimtab.store.promql.vector import Steps

        members = [queries[place] for place in family.members]
        steps = Steps(grid.start_ms, grid.step_ms, grid.count)
        try:
            evaluation = Evaluation(self._store(), members[0], Options(), steps, int(grid.times_ms[-1]))
            evaluation.hold(grid.count)
            vector = evaluation.vector(family.tree, steps)
        except InputError:  # all are too many together: each for itself
            return {query: self._alone(query, grid) for query in members}
        rows = split(vector.labels, family.label)
        present = vector.present & ~np.isnan(vector.values)
        return {
            query: Rows(vector.values[rows.get(value, [])], present[rows.get(value, [])])
            for query, value in zip(members, family.values, strict=True)
        }

    def _alone(self, query: str, grid: Grid) -> Rows:
        from trimtab.store.promql.evaluate import evaluate_range

        try:
            answer = evaluate_range(self._store(), query, grid.start_ms, int(grid.times_ms[-1]), grid.step_ms)
        except InputError as error:
            return nothing(grid, error.message)
        return Rows(answer.values, answer.present & ~np.isnan(answer.values))


def _planned(queries: Sequence[str]) -> _Plan:
    from trimtab.store.promql.parse import parse

    trees: list[Node] = []
    places: list[int] = []
    wrong: dict[int, str] = {}
    for place, query in enumerate(queries):
        try:
            trees.append(parse(query))
            places.append(place)
        except InputError as error:
            wrong[place] = error.message
    families, alone = families_of(trees)
    families = [replace(family, members=tuple(places[member] for member in family.members)) for family in families]
    return _Plan(families, [places[member] for member in alone], wrong)


class _Series(msgspec.Struct):
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Series]


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


class UpstreamAsking:
    """A Prometheus-compatible server; a few queries at a time."""

    is_anchored = False

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def ask(self, queries: Sequence[str], grid: Grid) -> Mapping[str, Rows]:
        """See `Asking.ask`."""
        distinct = list(dict.fromkeys(queries))
        with ThreadPoolExecutor(UPSTREAM_AT_A_TIME, "objectives-upstream") as pool:
            return dict(zip(distinct, pool.map(lambda query: self._one(query, grid), distinct), strict=True))

    def _one(self, query: str, grid: Grid) -> Rows:
        end_ms = grid.start_ms + (grid.count - 1) * grid.step_ms
        values = {
            "query": query,
            "start": f"{grid.start_ms / 1000:.3f}",
            "end": f"{end_ms / 1000:.3f}",
            "step": f"{grid.step_ms / 1000:g}",
        }
        status, body = self._upstream.ask_now("POST", "/api/v1/query_range", values, UPSTREAM_TIMEOUT_S)
        try:
            reply = msgspec.json.decode(body, type=_Reply)
        except msgspec.MsgspecError:
            raise ServerUnreachable(f"the metrics server answered {status} and no JSON of Prometheus") from None
        if reply.data is None:
            if status >= 500:
                raise ServerUnreachable(f"the metrics server answered {status}: {reply.error}")
            return nothing(grid, reply.error)
        rows = np.full((len(reply.data.result), grid.count), np.nan)
        for place, series in enumerate(reply.data.result):
            at = np.array([round(moment * 1000) for moment, _ in series.values], np.int64)
            rows[place, (at - grid.start_ms) // grid.step_ms] = [float(value) for _, value in series.values]
        return Rows(rows, ~np.isnan(rows))
