"""A priced candidate: its predicted time, gain, write cost, size and risk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.advise.index.advice import AdviseSettings, Considered
from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.expression_share import ExpressionSample, sample_expression
from trimtab.advise.index.knowledge import costs
from trimtab.advise.index.partial import Constant, rows_share
from trimtab.advise.index.plans import Node, cost
from trimtab.advise.index.predict import Prediction, predict
from trimtab.advise.index.risk import RiskReport, assess
from trimtab.advise.index.session import Connection
from trimtab.advise.index.size import build_time_s, size_bytes
from trimtab.advise.index.terms import EXPRESSION_SHARE
from trimtab.advise.index.what_if import Price, WhatIf
from trimtab.advise.index.write_cost import WriteCost, write_cost
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexKey
from trimtab.model.query import SlowQuery
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import TableUse, Term
from trimtab.sql.identifiers import qualified, quoted


@dataclass(frozen=True, slots=True)
class Priced:
    """Costs are means over the priced statements; `gain_ms_per_s` is before writes, at today's calls."""

    candidate: Candidate
    price: Price
    cost_before: float
    cost_after: float
    report: RiskReport
    prediction: Prediction
    gain_ms_per_s: float
    writes: WriteCost
    size_bytes: int
    build_time_s: float
    not_verified: tuple[str, ...]

    @property
    def net_ms_per_s(self) -> float:
        """Gain less write cost."""
        return self.gain_ms_per_s - self.writes.ms_per_s

    def considered(self, outcome: str) -> Considered:
        """As a line of the advice."""
        return Considered(
            index=self.candidate.definition,
            why=self.candidate.why,
            outcome=outcome,
            predicted_ratio=self.prediction.ratio,
            cost_before=self.cost_before,
            cost_after=self.cost_after,
            gain_ms_per_s=self.gain_ms_per_s,
            write_cost_ms_per_s=self.writes.ms_per_s,
            size_bytes=self.size_bytes,
            risk=self.report.risk,
        )


@dataclass(frozen=True, slots=True)
class _Corrected:
    """A cost, and by how much the planner's estimate of rows is wrong, as far as a sample tells."""

    cost_after: float
    rows_factor: float = 1.0
    sample: ExpressionSample | None = None
    not_verified: tuple[str, ...] = ()


class Pricing:
    """Turns plan costs into predictions for one query."""

    def __init__(
        self,
        connection: Connection,
        what_if: WhatIf,
        query: SlowQuery,
        settings: AdviseSettings,
        residuals: Sequence[float],
        constants: Mapping[int, Sequence[Constant]],
        tables: Sequence[Table],
    ) -> None:
        self._connection = connection
        self._what_if = what_if
        self._query = query
        self._settings = settings
        self._residuals = residuals
        self._constants = constants
        self._tables = tables
        self._samples: dict[tuple[int, str], tuple[ExpressionSample | None, float]] = {}

    def before_ms(self) -> float:
        """The mean time of a call today; from the plan's cost where nobody measured it."""
        if self._query.mean_exec_time_ms is not None:
            return self._query.mean_exec_time_ms
        baseline = self._what_if.baseline
        return sum(cost(plan) for plan in baseline) / len(baseline) * costs().ms_per_cost

    def priced(self, candidate: Candidate, price: Price, uses: Sequence[TableUse]) -> Priced:
        """Everything about a candidate from its plans."""
        table = candidate.table
        before = price.before
        made = self._corrected(candidate, price, uses)
        report = assess(candidate, price, self._passing_share)
        before_ms = self.before_ms()
        prediction = predict(
            before,
            min(made.cost_after, before),
            before_ms,
            classes=report.classes,
            residuals=self._residuals,
            floor_ms=self._settings.floor_ms,
            rows=made.rows_factor * sum(float(plan["Plan Rows"]) for plan in price.plans) / len(price.plans),
            cost_at_worst=price.without_stop if "early_stop" in report.classes else None,
        )
        share = rows_share(self._constants.get(table.oid, ()), candidate.constants)
        return Priced(
            candidate=candidate,
            price=price,
            cost_before=before / len(price.places),
            cost_after=made.cost_after / len(price.places),
            report=report,
            prediction=prediction,
            gain_ms_per_s=self._query.calls_per_s * (before_ms - prediction.after_ms),
            writes=write_cost(table, candidate.definition, rows_share=share),
            size_bytes=size_bytes(table, candidate.definition, rows_share=share, sample=made.sample),
            build_time_s=build_time_s(table, rows_share=share),
            not_verified=made.not_verified,
        )

    def _corrected(self, candidate: Candidate, price: Price, uses: Sequence[TableUse]) -> _Corrected:
        """The cost with the index; corrected where it rests on an expression that the planner knows nothing about."""
        plain = price.after()
        expressions = [key for key in candidate.definition.keys if key.is_expression]
        if not expressions or not price.is_used:
            return _Corrected(plain)
        found = _condition_of(expressions[0], candidate.table, uses)
        if found is None:
            return _Corrected(plain, not_verified=("how often the expression has the same value",))
        term, predicate = found
        sample, believed = self._sampled(candidate.table, term, predicate)
        said = f"how often {term.sql} has the same value: "
        if sample is None:
            return _Corrected(plain, not_verified=(f"{said}the planner's default of 0.5 % of the rows was used",))
        table = candidate.table
        pages = max(1.0, float(table.pages))
        real = sample.equality_share * table.rows_estimate
        factor = _pages_touched(real, pages) / _pages_touched(max(1.0, believed), pages)
        told = f"{said}estimated from {sample.rows_count} sampled rows"
        return _Corrected(price.after(factor), real / max(1.0, believed), sample, (told,))

    def _passing_share(self, node: Node) -> float | None:
        """How many of the rows that a scan finds by its index condition also pass its filter."""
        schema, relation = node.get("Schema"), node.get("Relation Name")
        table = next((t for t in self._tables if t.name == relation and schema in {None, t.schema}), None)
        if table is None or "Join Filter" in node:
            return None
        found = table.rows_estimate
        if "Index Cond" in node:
            where = f"{qualified(table.schema, table.name)} AS {quoted(str(node['Alias']))} WHERE {node['Index Cond']}"
            try:
                found = self._what_if.rows(f"SELECT 1 FROM {where}")
            except StatementRefused:
                return None
        return float(node["Plan Rows"]) / max(1.0, found)

    def _sampled(self, table: Table, term: Term, predicate: str | None) -> tuple[ExpressionSample | None, float]:
        """A sample of the expression, and the rows that the planner believes one value of it has."""
        key = (table.oid, term.sql)
        if key not in self._samples:
            believed = EXPRESSION_SHARE * table.rows_estimate
            if predicate is not None:
                name = qualified(table.schema, table.name)
                believed = self._what_if.rows(f"SELECT 1 FROM {name} WHERE {predicate}")
            self._samples[key] = (sample_expression(self._connection, table, term), believed)
        return self._samples[key]


def _pages_touched(rows: float, pages: float) -> float:
    """Pages of a table that `rows` rows lie on if they lie anywhere (Cardenas, 1975)."""
    return -pages * math.expm1(-rows / pages)


def _condition_of(key: IndexKey, table: Table, uses: Sequence[TableUse]) -> tuple[Term, str | None] | None:
    """The term behind an expression key that is compared for equality, and that comparison as SQL if it is alone."""
    for use in uses:
        for condition in use.conditions:
            if use.table.oid == table.oid and condition.match.pins and condition.term.sql == key.sql:
                return condition.term, condition.predicate
    return None
