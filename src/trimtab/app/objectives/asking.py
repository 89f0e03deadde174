"""Many queries of objectives at a time, on one grid: of the own store, or of the server that is asked instead of it.

What two objectives ask alike (a total that several share) is asked once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from trimtab.model.errors import ServerUnreachable, StoreError, TrimtabError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trimtab.app.upstream import Upstream
    from trimtab.store.metrics.contract import MetricStore

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


class StoreAsking:
    """The own store."""

    is_anchored = True

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def ask(self, queries: Sequence[str], grid: Grid) -> Mapping[str, Rows]:
        """See `Asking.ask`."""
        from trimtab.store.promql.evaluate import evaluate_range

        end_ms = grid.start_ms + (grid.count - 1) * grid.step_ms
        found: dict[str, Rows] = {}
        for query in dict.fromkeys(queries):
            try:
                answer = evaluate_range(self._store, query, grid.start_ms, end_ms, grid.step_ms)
            except StoreError:
                raise
            except TrimtabError as error:
                found[query] = nothing(grid, error.message)
            else:
                found[query] = Rows(answer.values, answer.present & ~np.isnan(answer.values))
        return found


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
