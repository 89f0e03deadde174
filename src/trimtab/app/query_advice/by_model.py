"""A GIN index for one query, where a B-tree cannot search what it asks for: arrays, documents, words, patterns.

HypoPG cannot price one. The price is a model's, that of advice on whole workloads, and the proposal says so.
"""

from __future__ import annotations

from trimtab.advise.index.knowledge import costs
from trimtab.advise.index.proposing import KIND
from trimtab.advise.index.session import Connection
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.inverted import is_inverted
from trimtab.advise.workload.statements import WorkloadStatement
from trimtab.model.change import Proposal, Risk
from trimtab.model.query import SlowQuery
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.index_ddl import change_hash, readable

TIME_MAX_S = 4.0
BYTES_PER_S = 10_000_000.0
"""How fast a GIN index is built: 52 MB of trigrams in 4 to 6 seconds."""

RATIO_MAX = 0.8
NOTHING_TRIED = "priced by a model: nothing of a GIN index can be tried without building it"


def proposal_by_model(connection: Connection, query: SlowQuery, system: str) -> Proposal | None:
    """The index, where one alone serves the query and is worth it. Raises what advice on a workload does."""
    text = (query.samples or (query.text,))[0]
    found = advise_workload(
        connection, [WorkloadStatement("query", text, 1.0, 1)], settings=WorkloadSettings(time_max_s=TIME_MAX_S)
    )
    if len(found.indexes) != 1 or not found.statements or not is_inverted(found.indexes[0].definition):
        return None
    [index], [statement] = found.indexes, found.statements
    if statement.predicted_ratio > RATIO_MAX:
        return None
    before_ms = query.mean_exec_time_ms if query.mean_exec_time_ms is not None else statement.before_ms
    said = "not executed: no shadow copy", "its size is taken from a sample of its keys, its build time from its size"
    return Proposal(
        system=system,
        fingerprint=fingerprint(query.text) or query.name or "",
        kind=KIND,
        target=index.definition.relation,
        index=index.definition,
        summary=f"Create an index on {readable(index.definition)}: {index.why}",
        predicted_ratio=statement.predicted_ratio,
        predicted_interval_90=statement.interval_90,
        interval_source="a model of what GIN indexes find, with times of plans that were measured",
        gain_ms_per_s=query.calls_per_s * before_ms * (1.0 - statement.predicted_ratio),
        write_cost_ms_per_s=index.write_cost_ms_per_s or 0.0,
        size_bytes=index.size_bytes,
        build_time_s=costs().build_fixed_s + index.size_bytes / BYTES_PER_S,
        risk=Risk.MEDIUM,
        risk_reasons=(NOTHING_TRIED,),
        verified=("the rows that it finds are the planner's own estimate", "no index that is there serves it"),
        not_verified=said,
        parameters_source="the text that was asked about" if text == query.text else "a statement that was seen",
        tables=(index.definition.relation,),
        cost_before=statement.cost_before,
        cost_after=statement.cost_after,
        content_hash=change_hash(system, KIND, index.definition),
    )
