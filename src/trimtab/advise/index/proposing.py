"""A proposal from a priced candidate: what is predicted, what was checked, and what was not."""

from __future__ import annotations

from trimtab.advise.index.parameters import Statements
from trimtab.advise.index.pricing import Priced
from trimtab.model.change import Proposal
from trimtab.model.query import SlowQuery, StatementKind
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.index_ddl import change_hash, readable

KIND = "create_index"


def proposal(
    priced: Priced, query: SlowQuery, system: str, statements: Statements, tables: tuple[str, ...]
) -> Proposal:
    """The candidate as a proposal for this system."""
    definition = priced.candidate.definition
    count = len(priced.price.plans)
    verified = (
        f"planned on {count} parameter set{'s' if count > 1 else ''} with HypoPG in the real planner: "
        f"cost {priced.cost_before:.6g} -> {priced.cost_after:.6g} a call",
        "no index that is there serves it",
    )
    return Proposal(
        system=system,
        fingerprint=fingerprint(query.text) or query.name or "",
        kind=KIND,
        target=priced.candidate.table.relation,
        index=definition,
        summary=f"Create an index on {readable(definition)}: {priced.candidate.why}",
        predicted_ratio=priced.prediction.ratio,
        predicted_interval_90=priced.prediction.interval_90,
        interval_source=priced.prediction.source,
        gain_ms_per_s=priced.gain_ms_per_s,
        write_cost_ms_per_s=priced.writes.ms_per_s,
        size_bytes=priced.size_bytes,
        build_time_s=priced.build_time_s,
        risk=priced.report.risk,
        risk_reasons=priced.report.reasons,
        verified=verified,
        not_verified=_not_verified(priced, query, statements),
        parameters_source=statements.sets.source,
        tables=tables,
        cost_before=priced.cost_before,
        cost_after=priced.cost_after,
        content_hash=change_hash(system, KIND, definition),
    )


def _not_verified(priced: Priced, query: SlowQuery, statements: Statements) -> tuple[str, ...]:
    said = ["not executed: no shadow copy", *priced.report.not_verified, *priced.not_verified]
    said.append("the size is a model of a fresh B-tree with deduplication; the build time leaves out waiting")
    said.append(f"the write cost is a model: {priced.writes.reason}")
    if priced.price.is_partly:
        said.append("the whole statement: only the table's part of it could be priced, the rest was taken as it is")
    if not statements.sets.real:
        said.append("no complete statement was seen: parameters are made up from statistics")
    said += [f"guessed parameter {guess}" for guess in statements.sets.guesses]
    if priced.candidate.constants:
        said.append(f"that the condition stays constant ({statements.constants_source})")
        said.append(
            "a partial index is not used where its condition comes as a bound parameter and the plan is generic"
        )
    if query.mean_exec_time_ms is None:
        said.append("today's time was not measured: it is guessed from the plan's cost")
    if statements.analyses[0].kind is not StatementKind.SELECT:
        said.append("priced as the SELECT that finds the rows; writing them costs what it costs today")
    return tuple(said)
