"""Names of the series about data, its pipelines, what they cost and who uses them; and what those mean.

The names of the seed (`data_quality_score`, `processing_cost`, `user_satisfaction`, `data_freshness`,
`pipeline_success_rate`) stand as they are where they bear no unit; where they do, the unit follows the name.
"""

from __future__ import annotations

from dataclasses import dataclass

JOB = "business"
"""The label `job` of everything here."""


@dataclass(frozen=True, slots=True)
class Name:
    """A series: its unit ('' where it has none), its labels beside `job`, and what it says."""

    name: str
    unit: str
    labels: tuple[str, ...]
    help: str


_PROBE = ("system", "table", "probe")
_MONEY = ("currency",)
_RUNS = ("pipeline", "source")

NAMES: tuple[Name, ...] = (
    Name("data_freshness_seconds", "s", _PROBE, "Time since the newest row that the last look of a probe saw."),
    Name("data_volume_rows", "rows", _PROBE, "Rows that a probe counted."),
    Name("data_null_ratio", "ratio", _PROBE, "Share of rows in which a column is NULL."),
    Name("data_duplicate_ratio", "ratio", _PROBE, "Share of rows whose key another row has, too."),
    Name("data_orphan_ratio", "ratio", _PROBE, "Share of rows that refer to a row that is not there."),
    Name("data_unaccepted_ratio", "ratio", _PROBE, "Share of rows whose value is none of those that are accepted."),
    Name("data_probe_value", "", (*_PROBE, "unit"), "The number that a probe of SQL of its own found."),
    Name("data_probe_good", "1: as wanted, 0: not", _PROBE, "Whether what a probe found is as wanted."),
    Name("data_probe_up", "1: measured, 0: not", _PROBE, "Whether the last run of a probe came to a number."),
    Name("data_probe_duration_seconds", "s", _PROBE, "What the watched server took for the last run of a probe."),
    Name(
        "trimtab_postgres_own_rollbacks_total",
        "transactions",
        ("system",),
        "Transactions of probes that ended as rolled back since the start: the connection was lost, or given up.",
    ),
    Name("data_quality_score", "ratio", ("system",), "Weighted share of what was measured of a system and is right."),
    Name("data_quality_coverage_ratio", "ratio", ("system",), "Weight of what was measured, of all that is scored."),
    Name("data_quality_table_score", "ratio", ("system", "table"), "The score of one table."),
    Name("data_quality_dimension_score", "ratio", ("system", "dimension"), "The score of one dimension of a system."),
    Name(
        "processing_cost",
        "currency",
        ("system", *_MONEY),
        "What a system cost this month (UTC) so far.",
    ),
    Name("processing_cost_measured_ratio", "ratio", ("system",), "How much of the month so far was measured."),
    Name("processing_cost_budget", "currency", _MONEY, "The budget of a month."),
    Name("processing_cost_budget_used_ratio", "ratio", _MONEY, "What was spent this month, of the budget."),
    Name("processing_cost_forecast", "currency", _MONEY, "What the whole month will cost: the middle of what may be."),
    Name("processing_cost_forecast_low", "currency", _MONEY, "One time in ten it will be less than this."),
    Name("processing_cost_forecast_high", "currency", _MONEY, "One time in ten it will be more than this."),
    Name("processing_cost_forecast_budget_ratio", "ratio", _MONEY, "The forecast of the month, of the budget."),
    Name("user_satisfaction", "of the scale", ("name", "scale"), "Mean satisfaction, on the scale of its source."),
    Name("user_satisfaction_ratio", "ratio", ("name",), "The same as a share of the best that its scale has."),
    Name("pipeline_success_rate", "ratio", _RUNS, "Share of runs that succeeded, of those that ended in the window."),
    Name("pipeline_runs", "runs", (*_RUNS, "status"), "Runs that ended in the window, by how they ended."),
    Name("pipeline_run_duration_seconds", "s", _RUNS, "How long the newest run that ended took."),
    Name("pipeline_last_run_timestamp_seconds", "s", _RUNS, "When the newest run ended (Unix time)."),
    Name("pipeline_last_success_timestamp_seconds", "s", _RUNS, "When the newest run that succeeded ended."),
)
"""Everything that is written, in the order of the reference. Of what is not known nothing is written."""
