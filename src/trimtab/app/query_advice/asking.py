"""Advice on one query: indexes priced in the real planner, rewrites with their certificates, hints of its plan.

Nothing is built. Without a private database, or where policy does not let trimtab run queries, a rewrite is shown with
what its certificate lacks, and not advised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from trimtab.advise.index.advice import Advice, Considered
from trimtab.advise.index.advisor import advise
from trimtab.advise.index.session import Connection
from trimtab.advise.record.correcting import Corrections, corrected_proposals
from trimtab.advise.record.kinds import rewrite_kind
from trimtab.advise.rewrite.certify import CertifySettings, certify
from trimtab.advise.rewrite.knowledge import Knowledge, read_knowledge
from trimtab.advise.rewrite.model import Certificate, Rewrite
from trimtab.advise.rewrite.pricing import cheaper_forms
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.app.plan_catalogue import catalogue_of
from trimtab.app.query_advice.by_model import proposal_by_model
from trimtab.model.change import Proposal
from trimtab.model.errors import MissingError, StatementRefused, TrimtabError
from trimtab.model.estimates import Estimate
from trimtab.model.query import SlowQuery
from trimtab.observe.postgres.explain import explain
from trimtab.sql.catalog import TableWrites
from trimtab.sql.comparisons import NOT_IN_A_BTREE
from trimtab.sql.fingerprint import fingerprint, normalise
from trimtab.sql.index_ddl import create_statement, index_name
from trimtab.sql.trees import single_statement

REWRITES_SHOWN_MAX = 5
REWRITE_UPPER = 1.05
"""A rewrite that is advised was measured at no more than this, or its certificate says so."""
REWRITE_LOWER = 3.0
REWRITE_SOURCE = (
    "the planner's costs of both forms; published rewrites that it called a thousand times cheaper were 1.2 times "
    "faster when they were measured, so that upwards nothing is promised"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RewriteAdvice:
    """Another form of the query. `is_advised`: its certificate is complete, and it gains.

    `certificate` is as plain data, None: none.

    `sql` has `$n` where the query that was asked about has them.
    """

    sql: str
    rules: tuple[str, ...]
    proof: tuple[str, ...]
    caveats: tuple[str, ...]
    predicted_ratio: float
    interval_90: tuple[float, float]
    interval_source: str
    is_advised: bool
    certificate: Mapping[str, object] | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class IndexAdvice:
    """An index that would help, with the statement that builds it."""

    proposal: Proposal
    ddl: str


@dataclass(frozen=True, slots=True)
class QueryAdvice:
    """All of it. `problems` say what of it could not be asked, and why; the rest stands."""

    system: str
    fingerprint: str
    at_ms: int
    indexes: tuple[IndexAdvice, ...]
    considered: tuple[Considered, ...]
    reason: str | None
    rewrites: tuple[RewriteAdvice, ...]
    hints: tuple[Hint, ...]
    record_count: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Where and how a query is looked at.

    `private` gives a database in which small tables may be made, for certificates, where there is one;
    `run_on_real_data`: both forms of a rewrite may be run on the system itself, read-only. `raises`: what is missing on
    the server (HypoPG, rights) is an error, not a problem that is told.
    """

    system: str
    record: Corrections
    at_ms: int
    writes: Mapping[str, TableWrites] | None = None
    private: Callable[[], Connection | None] = lambda: None
    run_on_real_data: bool = False
    raises: bool = False


def advice_on(connection: Connection, query: SlowQuery, asked: Asked) -> tuple[QueryAdvice, list[Estimate]]:
    """Advice on one query, and what is to be kept of it in the record. What fails is said, and the rest goes on.

    Raises `ServerUnreachable` where the connection is lost, `ExtensionMissing` (HypoPG) never: that is a problem told.
    """
    problems: list[str] = []
    advice = _indexes(connection, query, asked, problems)
    proposals, estimates = corrected_proposals(advice.proposals, asked.record, asked.at_ms)
    rewrites, kept = _rewrites(connection, query, asked, problems)
    hints = _hints(connection, query, problems)
    shape = fingerprint(query.text) or query.name or ""
    made = QueryAdvice(
        asked.system,
        query.name or shape,
        asked.at_ms,
        tuple(IndexAdvice(one, _ddl(one)) for one in proposals),
        advice.considered,
        advice.reason,
        tuple(rewrites),
        tuple(hints),
        asked.record.count,
        tuple(problems),
        advice.notes,
    )
    return made, [*estimates, *kept]


def _indexes(connection: Connection, query: SlowQuery, asked: Asked, problems: list[str]) -> Advice:
    try:
        advice = advise(connection, query, system=asked.system, writes=asked.writes)
        return _with_other_kinds(connection, query, asked, advice)
    except (MissingError, StatementRefused) as error:
        if connection.closed or (asked.raises and isinstance(error, MissingError)):
            raise
        problems.append(f"no advice on indexes: {error.message}")
        return Advice((), reason=error.message)


def _with_other_kinds(connection: Connection, query: SlowQuery, asked: Asked, advice: Advice) -> Advice:
    """Where a condition cannot be searched in a B-tree, an index of another kind may be better than any."""
    if not any(NOT_IN_A_BTREE in note for note in advice.notes):
        return advice
    try:
        made = proposal_by_model(connection, query, asked.system)
    except StatementRefused as error:
        return replace(advice, notes=(*advice.notes, f"no GIN index was looked for: {error.message}"))
    if made is None or any(one.predicted_ratio <= made.predicted_ratio for one in advice.proposals):
        return advice
    return replace(advice, proposals=(made, *advice.proposals), reason=None)


def _ddl(proposal: Proposal) -> str:
    name = index_name(proposal.index, proposal.content_hash or "advice")
    return f"{create_statement(proposal.index, name, concurrently=True)};"


def _hints(connection: Connection, query: SlowQuery, problems: list[str]) -> list[Hint]:
    """Of the plan of its shape: a text with `$n` gets a generic plan, which holds no literal."""
    try:
        plan = explain(connection, _without_literals(query))
        return hints_of(plan, catalogue_of(connection, plan))
    except TrimtabError as error:
        if connection.closed:
            raise
        problems.append(f"its plan was not looked at: {error.message}")
        return []


def _without_literals(query: SlowQuery) -> str:
    return query.text if "$1" in query.text else normalise(query.text)


def _rewrites(
    connection: Connection, query: SlowQuery, asked: Asked, problems: list[str]
) -> tuple[list[RewriteAdvice], list[Estimate]]:
    try:
        knowledge = read_knowledge(connection, [single_statement(query.text)])
        cheaper = cheaper_forms(query.text, knowledge, connection)
    except TrimtabError as error:
        if connection.closed:
            raise
        if not isinstance(error, StatementRefused):
            problems.append(f"no rewrite was looked for: {error.message}")
        return [], []
    made: list[RewriteAdvice] = []
    kept: list[Estimate] = []
    for form in cheaper[:REWRITES_SHOWN_MAX]:
        one, estimate = _rewrite(connection, form.rewrite, knowledge, form.ratio, asked, query)
        made.append(one)
        kept.append(estimate)
    return sorted(made, key=lambda one: (not one.is_advised, one.predicted_ratio)), kept


def _rewrite(
    connection: Connection, form: Rewrite, knowledge: Knowledge, raw: float, asked: Asked, query: SlowQuery
) -> tuple[RewriteAdvice, Estimate]:
    certificate, why_not = _certificate(connection, form, knowledge, asked)
    kind = rewrite_kind(form.rules)
    interval = (raw / REWRITE_LOWER, max(REWRITE_UPPER, raw))
    found = asked.record.applied(kind, raw, interval)
    source = f"{REWRITE_SOURCE}; {found.source}" if found.source else REWRITE_SOURCE
    shape = fingerprint(query.text) or query.name or ""
    estimate = Estimate(
        f"rewrite/{shape}/{'+'.join(form.rules)}/{asked.at_ms}/{fingerprint(form.rewritten) or ''}",
        asked.at_ms,
        asked.system,
        query.name or shape,
        kind,
        " + ".join(form.rules),
        raw,
        found.ratio,
        found.interval_90,
        found.count,
    )
    is_advised = certificate is not None and certificate.is_advisable
    if certificate is not None and certificate.measured is not None:
        measured = certificate.measured
        estimate = replace(
            estimate,
            measured_ratio=measured.ratio,
            measured_interval_90=measured.interval_90,
            measured_at_ms=asked.at_ms,
            measured_by="clone",
            outcome="verified" if is_advised else "withdrawn",
        )
    made = RewriteAdvice(
        form.rewritten,
        form.rules,
        form.proof,
        form.caveats,
        found.ratio,
        found.interval_90,
        source,
        is_advised,
        None if certificate is None else certificate.document(),
        why_not if certificate is None else certificate.why_not,
    )
    return made, estimate


def _certificate(
    connection: Connection, form: Rewrite, knowledge: Knowledge, asked: Asked
) -> tuple[Certificate | None, str]:
    private = asked.private()
    if private is None and not asked.run_on_real_data:
        return None, "both forms were not run: no private database, and policy does not let trimtab run queries"
    try:
        found = certify(
            form,
            knowledge,
            connection,
            run_on_real_data=asked.run_on_real_data,
            private=private,
            settings=CertifySettings(repetitions=5 if asked.run_on_real_data else 0),
        )
    except TrimtabError as error:
        if connection.closed:
            raise
        return None, f"no certificate: {error.message}"
    return found, ""
