"""`QueryOptimizer`: advice on slow queries, on the real planner: with a connection, or by a running server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from trimtab.advise.record.correcting import Corrections
from trimtab.advise.verify.answers import Measured, Trial
from trimtab.advise.verify.clone import Clone
from trimtab.advise.verify.verify import VerifySettings, verify
from trimtab.analyze.queries.plans.document import PlanDocument
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.app.advising import MAKE, Trying, clone_of
from trimtab.app.advising_rewrites import private_connection, refuse_itself
from trimtab.app.explaining import explain_now
from trimtab.app.plan_catalogue import catalogue_of
from trimtab.app.query_advice.asking import Asked, QueryAdvice, RewriteAdvice, advice_on
from trimtab.model.errors import InputError, MissingError, NotAllowed, ServerUnreachable
from trimtab.model.query import SlowQuery
from trimtab.sdk.results import ImprovementEstimate, QueryOptimization
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.literals import parameters_of
from trimtab.sql.trees import single_statement
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord

QUERIES_MAX = 1000
SERVER_QUERIES_MAX = 100
"""So many are sent to a server at a time."""
TOKEN_VARIABLE = "TRIMTAB_TOKEN"  # noqa: S105  (the name of a variable)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class QueryOptimizer:
    """Looks at slow queries of one PostgreSQL. It reads catalogues and plans, and changes nothing.

    `dsn` is a reference without a password (`service=NAME`, `env:NAME`, a URL with `${NAME}`). With `clone` (another
    reference, or `"make"`) advice is tried there: what it measured then stands in the estimate. `data_dir` is where a
    record of predictions is, which corrects estimates, and in which they are kept.

    With `run_rewrites` both forms of a rewrite may be run on the system itself, read-only, and on small tables in
    `private` (a reference, or `"make"`: a server is started for it): only then can a certificate be complete, and
    `optimized_query` be another form.

    With `system` instead, a running server is asked about a system that it watches: `server` is its address, `token`
    one of an operator (else the variable TRIMTAB_TOKEN; on this machine none is needed where the server asks for none).
    """

    def __init__(
        self,
        dsn: str = "env:TRIMTAB_DSN",
        *,
        system: str | None = None,
        server: str = "http://127.0.0.1:9321",
        token: str | None = None,
        clone: str | None = None,
        clone_time_s: float = 60.0,
        run_rewrites: bool = False,
        private: str = MAKE,
        data_dir: str | Path | None = None,
        timeout_ms: int = 30_000,
    ) -> None:
        self._reference = Reference.parse(dsn)
        self._timeout_ms = timeout_ms
        self._system = system
        self._server = server.rstrip("/")
        self._token = token or os.environ.get(TOKEN_VARIABLE) or None
        self._trying = Trying(clone, settings=VerifySettings(time_max_s=clone_time_s))
        self._run_rewrites, self._private = run_rewrites, private
        self._record = None if data_dir is None else AdviceRecord(Path(data_dir) / RECORD_FILE)
        for named in (clone, private):
            if named is not None and named != MAKE:
                Reference.parse(named)
        host = urlsplit(server).hostname
        if system is not None and (host is None or not server.startswith(("http://", "https://"))):
            raise InputError(f"server is a URL such as http://127.0.0.1:9321, found {server!r}", field="server")
        if system is not None and self._token and server.startswith("http://") and host not in _LOOPBACK:
            raise InputError(f"the token would travel to {host} in the clear: use https://", field="server")
        if system is not None and clone is not None:
            raise InputError("a clone is used with a dsn: a server tries nothing on clones", field="clone")
        if system is not None and run_rewrites:
            raise InputError("run_rewrites is used with a dsn: for a server its policy decides", field="run_rewrites")

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
        if self._system is not None:
            return [optimization(query, made) for query, made in zip(queries, self._from_server(queries), strict=True)]
        with (
            self._reference.connect("trimtab/advise", statement_timeout_ms=self._timeout_ms) as connection,
            ExitStack() as stack,
        ):
            clone = None if self._trying.clone is None else stack.enter_context(clone_of(connection, self._trying))
            private = self._small_tables(connection, stack)
            record = Corrections() if self._record is None else Corrections(self._record.measured())
            return [self._optimize(connection, query, record, clone, private) for query in queries]

    def generate_optimization_hints(
        self, query: str | SlowQuery | Mapping[str, Any], *, plan: Mapping[str, Any] | None = None
    ) -> list[Hint]:
        """What is wrong with a query's plan, worst first: each with score, line of the plan, and what would mend it.

        The plan is asked for, and nothing is run; with `plan` (what EXPLAIN (FORMAT JSON) gave, with ANALYZE, BUFFERS
        where it was run) that one is read. Raises as `optimize_query_performance` does.
        """
        text = as_slow_query(0, query).text
        if self._system is not None:
            if plan is not None:
                raise InputError("a plan of your own is read with a dsn, not by a server", field="plan")
            return list(self.optimize_query_performance([query])[0].plan_hints)
        with self._reference.connect("trimtab/advise", statement_timeout_ms=self._timeout_ms) as connection:
            if plan is None:
                found = explain_now(connection, text)
                return hints_of(found.document, found.catalogue)
            return hints_of(PlanDocument(dict(plan), text), catalogue_of(connection, dict(plan)))

    def _small_tables(self, connection: Connection, stack: ExitStack) -> Connection | None:
        """Where rewrites are compared on small tables. Where nobody asked to run them it is no matter if there is
        none: they are shown with what they lack."""
        if self._run_rewrites:
            if self._private != MAKE:
                refuse_itself(self._reference, self._private)
            return stack.enter_context(private_connection(self._private, connection))
        if self._trying.clone is None:
            return None
        try:
            return stack.enter_context(private_connection(MAKE, connection))
        except MissingError:
            return None

    def _optimize(
        self,
        connection: Connection,
        query: SlowQuery,
        record: Corrections,
        clone: Clone | None,
        private: Connection | None,
    ) -> QueryOptimization:
        now_ms = time.time_ns() // 1_000_000
        asked = Asked(
            self._reference.display,
            record,
            now_ms,
            private=lambda: private,
            run_on_real_data=self._run_rewrites,
            raises=True,
        )
        advice, estimates = advice_on(connection, query, asked)
        if self._record is not None:
            self._record.keep(estimates)
        made = optimization(query, advice)
        return made if clone is None else tried(made, query, clone, self._trying.settings)

    def _from_server(self, queries: Sequence[SlowQuery]) -> list[QueryAdvice]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        found: list[QueryAdvice] = []
        with httpx2.Client(timeout=600.0, headers=headers, trust_env=False) as client:
            for first in range(0, len(queries), SERVER_QUERIES_MAX):
                sent = [msgspec.to_builtins(one) for one in queries[first : first + SERVER_QUERIES_MAX]]
                body = {"system": self._system, "queries": sent}
                try:
                    answer = client.post(f"{self._server}/api/trimtab/optimize", json=body)
                    said = answer.json()
                except (httpx2.HTTPError, ValueError) as error:
                    raise ServerUnreachable(
                        f"could not ask {self._server}: {type(error).__name__}", url=self._server
                    ) from error
                if not answer.is_success:
                    message = str(said.get("error", {}).get("message", answer.status_code))
                    kind = {401: NotAllowed, 403: NotAllowed, 400: InputError, 404: InputError}.get(answer.status_code)
                    raise (kind or ServerUnreachable)(f"could not ask {self._server}: {message}", url=self._server)
                found += msgspec.convert(said, list[QueryAdvice], strict=False)
        return found


def optimization(query: SlowQuery, advice: QueryAdvice) -> QueryOptimization:
    """The seed's answer, of what was found: the better of the best index and the best certified rewrite is estimated;
    nobody knows what both give together before it is measured."""
    rewrite = next((one for one in advice.rewrites if one.is_advised), None)
    index = advice.indexes[0].proposal if advice.indexes else None
    other = None if rewrite is None else of_rewrite(rewrite)
    if other is not None and (index is None or other.ratio < index.predicted_ratio):
        estimate = other
    elif index is not None:
        estimate = ImprovementEstimate(index.predicted_ratio, index.predicted_interval_90, index.interval_source)
    else:
        estimate = ImprovementEstimate(1.0, None, "what-if plans", advice.reason or "; ".join(advice.problems) or None)
    return QueryOptimization(
        query.text,
        query.text if rewrite is None else rewrite.sql,
        tuple(one.proposal for one in advice.indexes),
        estimate,
        advice.rewrites,
        advice.hints,
        problems=advice.problems,
    )


def of_rewrite(rewrite: RewriteAdvice) -> ImprovementEstimate:
    """What its certificate measured; else what was predicted."""
    measured = (rewrite.certificate or {}).get("measured")
    if not isinstance(measured, Mapping):
        return ImprovementEstimate(rewrite.predicted_ratio, rewrite.interval_90, rewrite.interval_source)
    low, high = measured["interval_90"]
    unit = "processor time" if measured["unit"] == "cpu" else "time"
    source = f"measured for its certificate, {measured['repetitions']} runs of both forms in turn: {unit}"
    return ImprovementEstimate(measured["ratio"], (low, high), source)


def tried(made: QueryOptimization, query: SlowQuery, clone: Clone, settings: VerifySettings) -> QueryOptimization:
    """The same with what a clone measured: the best index and the rewrite together. An index that harms is left out."""
    text = query.samples[0] if query.samples else query.text
    best = made.index_recommendations[:1]
    if parameters_of(single_statement(text)) or (not best and made.optimized_query == made.original_query):
        return made
    new = made.optimized_query if made.optimized_query != made.original_query else text
    found = verify(clone, [Trial("query", 1.0, (text,), (new,))], [one.index for one in best], settings=settings)
    problems = (*made.problems, *(f"not tried: {reason}" for _, reason in found.not_tried))
    problems = (*problems, *(one.reason for one in found.withdrawn))
    if not found.statements:
        return replace(made, problems=problems)
    measured = found.statements[0]
    return QueryOptimization(
        made.original_query,
        made.optimized_query,
        () if found.withdrawn else made.index_recommendations,
        ImprovementEstimate(measured.ratio, measured.interval_90, told(found.clone, found.unit, measured)),
        made.rewrites,
        made.plan_hints,
        measured,
        problems,
    )


def told(clone: str, unit: str, measured: Measured) -> str:
    """Where a measured estimate comes from."""
    return f"measured on {clone}: {unit}, {measured.blocks} blocks of old, new, new, old"


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
