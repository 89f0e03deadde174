"""Several queries at once, for the Explorer page: each gets its answer or its own trouble."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from trimtab.app.exploring.answers import QUERY_CHARS_MAX, Instant, Ranged, Trouble
from trimtab.app.exploring.asked_upstream import UpstreamMetrics
from trimtab.app.exploring.own import OwnMetrics
from trimtab.app.exploring.units import unit_of_query
from trimtab.app.querying import Querying
from trimtab.app.upstream import Upstream
from trimtab.model.errors import InputError, TrimtabError
from trimtab.store.grid import Grid
from trimtab.store.promql.syntax import WRITTEN_TYPE, ValueType

RANGE_TIMEOUT_S = 30.0
_LOOK_S = 0.1
NAMES_MAX = 2_000
Cancelled = Callable[[], bool]
T = TypeVar("T")


class Metrics(Protocol):
    """Where queries are answered."""

    def instant(self, query: str, at_ms: int, timeout_s: float, cancelled: Cancelled, /) -> Instant: ...
    def ranged(self, query: str, grid: Grid, timeout_s: float, cancelled: Cancelled, /) -> Ranged: ...
    def metric_names(self, limit: int, /) -> Sequence[str]: ...
    def unit_of(self, metric: str, /) -> str: ...


class Explorer:
    """Asks the own store, or the server that stands in for it. Thread-safe."""

    def __init__(self, querying: Querying, upstream: Callable[[], Upstream | None]) -> None:
        self._querying = querying
        self._upstream = upstream
        self._own = OwnMetrics(querying)

    @property
    def elsewhere(self) -> str | None:
        """The address of the other server, where there is one."""
        upstream = self._upstream()
        return None if upstream is None else upstream.url

    def instants(self, queries: Sequence[str], at_ms: int, patience_s: float) -> list[Instant | Trouble | None]:
        """An answer for each query at one moment; None for those that were not ready in time."""
        metrics = self._metrics()

        def work(query: str, cancelled: Cancelled) -> Instant:
            return metrics.instant(_short(query), at_ms, patience_s, cancelled)

        return self._all(queries, work, patience_s, lambda: False)

    def ranges(self, queries: Sequence[str], grid: Grid, cancelled: Cancelled) -> list[Ranged | Trouble]:
        """Lines for each query on one grid."""
        metrics = self._metrics()

        def work(query: str, stopped: Cancelled) -> Ranged:
            kind = self.type_of(_short(query))
            if kind is not None and kind not in ("scalar", "vector"):
                raise InputError(f"this gives a {WRITTEN_TYPE[kind]}, which is no line: see it in the table")
            return metrics.ranged(query, grid, RANGE_TIMEOUT_S, stopped)

        late = Trouble(f"no answer within {RANGE_TIMEOUT_S:g} s: take a shorter range or a narrower query")
        return [late if found is None else found for found in self._all(queries, work, RANGE_TIMEOUT_S, cancelled)]

    def type_of(self, query: str) -> ValueType | None:
        """What a query gives; None where another server has to say it. QueryError where it cannot be read."""
        if self._upstream() is None:
            return self._querying.parse(query).type
        with suppress(TrimtabError):
            return self._querying.parse(query).type
        return None

    def trouble_of(self, query: str) -> Trouble | None:
        """What is wrong with the text of a query, as far as that is known without asking for it."""
        try:
            self.type_of(_short(query))
        except TrimtabError as error:
            return trouble_of(error)
        return None

    def draws(self, query: str) -> bool:
        """Whether a query, which can be read, gives lines."""
        return self.type_of(query) in (None, "scalar", "vector")

    def unit_of(self, query: str) -> str:
        """The unit of what a query gives, by the names of its metrics and what is known of them; '' for none."""
        try:
            return unit_of_query(self._querying.parse(_short(query)), self._unit_told)
        except TrimtabError:
            return ""

    def metric_names(self) -> Sequence[str]:
        """Names of metrics, sorted, at most NAMES_MAX."""
        return self._metrics().metric_names(NAMES_MAX)

    def _metrics(self) -> Metrics:
        upstream = self._upstream()
        return self._own if upstream is None else UpstreamMetrics(upstream)

    def _unit_told(self, metric: str) -> str:
        with suppress(TrimtabError):
            return self._metrics().unit_of(metric)
        return ""

    def _all(
        self, queries: Sequence[str], work: Callable[[str, Cancelled], T], patience_s: float, cancelled: Cancelled
    ) -> list[T | Trouble | None]:
        """All on the query threads; what is not ready in time, or not wanted any more, is told to stop."""
        stop = threading.Event()
        asked = [self._submitted(work, query, stop) for query in queries]
        running = {one for one in asked if isinstance(one, Future)}
        left_s = patience_s
        while running and left_s > 0 and not cancelled():
            _, running = wait(running, timeout=min(_LOOK_S, left_s))
            left_s -= _LOOK_S
        stop.set()
        for late in running:
            late.cancel()
        done = {number: _result(one) for number, one in enumerate(asked) if one not in running}
        return [done.get(number) for number in range(len(asked))]

    def _submitted(self, work: Callable[[str, Cancelled], T], query: str, stop: threading.Event) -> Future[T] | Trouble:
        try:
            return self._querying.submit(lambda: work(query, stop.is_set))
        except TrimtabError as error:
            return trouble_of(error)


def _result(one: Future[Any] | Trouble) -> Any:
    if isinstance(one, Trouble):
        return one
    try:
        return one.result()
    except TrimtabError as error:
        return trouble_of(error)


def trouble_of(error: TrimtabError) -> Trouble:
    """An error as the page tells it."""
    offset, line, column = (error.facts.get(name) for name in ("offset", "line", "column"))
    if isinstance(offset, int) and isinstance(line, int) and isinstance(column, int):
        return Trouble(error.message, offset, line, column)
    return Trouble(error.message)


def _short(query: str) -> str:
    if len(query) > QUERY_CHARS_MAX:
        raise InputError(
            f"a query has at most {QUERY_CHARS_MAX:,} characters here, this one has {len(query):,}",
            limit=QUERY_CHARS_MAX,
            observed=len(query),
        )
    return query
