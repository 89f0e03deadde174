"""Samples of the expressions that candidates are keyed by: the planner takes any for 0.5 % of the rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.expression_share import ExpressionSample, sample_expression
from trimtab.advise.index.session import Connection
from trimtab.advise.index.terms import EXPRESSION_SHARE
from trimtab.advise.workload.shapes import Shape, Workload
from trimtab.sql.conditions import Match, Term

SAMPLES_MAX = 40

Samples = Mapping[tuple[int, str], ExpressionSample]
"""By oid of the table and the expression in SQL."""


def samples_of(
    connection: Connection, workload: Workload, candidates: Sequence[Candidate], time_max_s: float
) -> Samples:
    """Samples of the expressions among the candidates' keys, as many as there is time for."""
    until = time.monotonic() + time_max_s
    wanted = {
        (one.table.oid, key.sql): one.table for one in candidates for key in one.definition.keys if key.is_expression
    }
    terms = _terms(workload)
    found: dict[tuple[int, str], ExpressionSample] = {}
    for place, table in list(wanted.items())[:SAMPLES_MAX]:
        if place in terms and table.readable and time.monotonic() < until:
            sample = sample_expression(connection, table, terms[place])
            if sample is not None:
                found[place] = sample
    return found


def _terms(workload: Workload) -> dict[tuple[int, str], Term]:
    return {
        (use.table.oid, condition.term.sql): condition.term
        for shape in workload.shapes
        for use in shape.analysis.uses
        for condition in use.conditions
        if condition.term.is_expression
    }


def sample_for(candidate: Candidate, samples: Samples) -> ExpressionSample | None:
    """The sample of a candidate's first expression."""
    keys = (key.sql for key in candidate.definition.keys if key.is_expression)
    return next((samples[candidate.table.oid, key] for key in keys if (candidate.table.oid, key) in samples), None)


def factors_of(shape: Shape, samples: Samples) -> dict[str, float]:
    """What the planner's estimates of rows are to be multiplied with, by alias, where samples know better."""
    found: dict[str, float] = {}
    for use in shape.analysis.uses:
        rows = max(1.0, use.table.rows_estimate)
        for condition in use.conditions:
            sample = samples.get((use.table.oid, condition.term.sql))
            if sample is not None and condition.match is Match.EQUAL and condition.arm is None:
                believed = max(1.0, EXPRESSION_SHARE * rows)
                factor = max(1.0, sample.equality_share * rows) / believed
                found[use.alias] = found.get(use.alias, 1.0) * factor
    return found
