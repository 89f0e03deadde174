"""`QueryOptimizer`: advice on slow queries, on the real planner, without a running server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.advise.index.advisor import advise
from trimtab.model.errors import InputError
from trimtab.model.query import SlowQuery
from trimtab.sdk.results import ImprovementEstimate, QueryOptimization
from trimtab.sql.connect import Reference

QUERIES_MAX = 1000


class QueryOptimizer:
    """Looks at slow queries of one PostgreSQL. It reads catalogues and plans, and changes nothing.

    `dsn` is a reference without a password (`service=NAME`, `env:NAME`, a URL with `${NAME}`).
    """

    def __init__(self, dsn: str = "env:TRIMTAB_DSN", *, timeout_ms: int = 30_000) -> None:
        self._reference = Reference.parse(dsn)
        self._timeout_ms = timeout_ms

    def optimize_query_performance(
        self, slow_queries: Iterable[str | SlowQuery | Mapping[str, Any]]
    ) -> list[QueryOptimization]:
        """Advice on each query, in the order given.

        A query is its text (with literals, or `$n`), a `SlowQuery`, or a mapping with a SlowQuery's fields. Raises
        InputError for what is none of these, ServerUnreachable, ExtensionMissing (HypoPG) and PermissionMissing.
        """
        if isinstance(slow_queries, str | Mapping):
            raise InputError("slow_queries must be a list of queries, not one query")
        queries = [as_slow_query(position, query) for position, query in enumerate(slow_queries)]
        if len(queries) > QUERIES_MAX:
            raise InputError(f"{len(queries)} queries, the limit is {QUERIES_MAX}", limit=QUERIES_MAX)
        with self._reference.connect("trimtab/advise", statement_timeout_ms=self._timeout_ms) as connection:
            return [self._optimize(connection, query) for query in queries]

    def _optimize(self, connection: Any, query: SlowQuery) -> QueryOptimization:
        advice = advise(connection, query, system=self._reference.display)
        best = advice.proposals[0] if advice.proposals else None
        estimate = (
            ImprovementEstimate(1.0, None, "what-if plans", advice.reason)
            if best is None
            else ImprovementEstimate(best.predicted_ratio, best.predicted_interval_90, best.interval_source)
        )
        return QueryOptimization(query.text, query.text, advice.proposals, estimate)


def as_slow_query(position: int, query: str | SlowQuery | Mapping[str, Any]) -> SlowQuery:
    """Whatever a caller has, as a SlowQuery; a text with literals is its own sample.

    >>> as_slow_query(0, "SELECT 1 FROM t WHERE a = 5").samples
    ('SELECT 1 FROM t WHERE a = 5',)
    >>> as_slow_query(3, {"txt": "SELECT 1"})
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: query 3: SlowQuery.__init__() got an unexpected keyword argument 'txt'
    """
    if isinstance(query, SlowQuery):
        return query
    if isinstance(query, str):
        return SlowQuery(text=query, samples=() if "$1" in query else (query,))
    if isinstance(query, Mapping):
        try:
            made = SlowQuery(**query)
        except TypeError as error:
            raise InputError(f"query {position}: {error}", position=position) from error
        if not isinstance(made.text, str):
            raise InputError(f"query {position}: text is {type(made.text).__name__}, not a text", position=position)
        return made
    raise InputError(f"query {position} is {type(query).__name__}, not a text, SlowQuery or mapping", position=position)
