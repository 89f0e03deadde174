"""PromQL for whoever asks: limits, time-outs, and no more queries at a time than the machine can take.

Queries run on threads of their own. Whoever does not wait any more (a closed connection, a time-out) cancels theirs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from trimtab.model.errors import Busy, InputError, StoreError

if TYPE_CHECKING:
    from trimtab.store.metrics.contract import MetricStore
    from trimtab.store.promql.answer import Answer
    from trimtab.store.promql.options import Options
    from trimtab.store.promql.syntax import Node, Selector

RUNNING_MAX = 4
WAITING_MAX = 100
TIMEOUT_S_MAX = 120.0
LOOKBACK_MS = 300_000
LOOKBACK_MS_MAX = 86_400_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller may say about one query."""

    lookback_ms: int | None = None
    timeout_s: float | None = None


class Querying:
    """Asks one store. Thread-safe; close it to let its threads go."""

    def __init__(self, store: Callable[[], MetricStore | None]) -> None:
        self._store = store
        self.is_left_open = True
        self._pool = ThreadPoolExecutor(RUNNING_MAX, "promql")
        self._waiting = 0
        self._lock = threading.Lock()

    @property
    def store(self) -> MetricStore:
        """Where the metrics are; StoreError where this telemetry store has none."""
        store = self._store()
        if store is None:
            raise StoreError("this telemetry store keeps no metrics")
        return store

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run it on one of the query threads; Busy where too many wait already."""
        with self._lock:
            if self._waiting >= WAITING_MAX:
                raise Busy(f"{self._waiting} queries are running or waiting; the limit is {WAITING_MAX}")
            self._waiting += 1
        future = self._pool.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1

    @staticmethod
    def parse(query: str) -> Node:
        """The tree of a query; QueryError with the place where it is wrong."""
        from trimtab.store.promql.parse import parse

        return parse(query)

    @staticmethod
    def selector(text: str, name: str) -> Selector:
        """A series selector, as `match[]` has it; InputError for anything else."""
        from trimtab.store.promql.parse import parse
        from trimtab.store.promql.syntax import Selector

        found = parse(text)
        if not isinstance(found, Selector) or found.offset_ms or found.is_pinned:
            raise InputError(f'invalid parameter "{name}": {text!r} is not a series selector', parameter=name)
        return found

    def instant(self, query: str, at_ms: int, wish: Wish, cancelled: Callable[[], bool]) -> Answer:
        """One moment; runs on the caller's thread."""
        from trimtab.store.promql.evaluate import evaluate_instant

        return evaluate_instant(self.store, query, at_ms, self._options(wish, cancelled))

    def range(
        self, query: str, start_ms: int, end_ms: int, step_ms: int, wish: Wish, cancelled: Callable[[], bool]
    ) -> Answer:
        """Steps from start to end, both included; runs on the caller's thread."""
        from trimtab.store.promql.evaluate import evaluate_range

        return evaluate_range(self.store, query, start_ms, end_ms, step_ms, self._options(wish, cancelled))

    def _options(self, wish: Wish, cancelled: Callable[[], bool]) -> Options:
        from trimtab.store.promql.options import Options

        timeout_s = TIMEOUT_S_MAX if wish.timeout_s is None else min(wish.timeout_s, TIMEOUT_S_MAX)
        options = Options(is_left_open=self.is_left_open, timeout_s=timeout_s, cancelled=cancelled)
        if wish.lookback_ms is None:
            return options
        if not 0 < wish.lookback_ms <= LOOKBACK_MS_MAX:
            raise InputError(
                f'invalid parameter "lookback_delta": it must be above 0 and at most {LOOKBACK_MS_MAX // 1000} s',
                limit=LOOKBACK_MS_MAX // 1000,
                observed=wish.lookback_ms / 1000,
            )
        return replace(options, lookback_ms=wish.lookback_ms)

    def now_ms(self) -> int:
        """The time of queries that name none."""
        return time.time_ns() // 1_000_000

    def close(self) -> None:
        """Let running queries end and take no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
