"""PostgreSQL as trimtab watches it: statements, what sessions wait for, tables; its own changes as annotations."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as models

from scripts.dashboards.building import figure, lines, new, quantile, rate, row, rows, steps, variable

HERE = 'job="postgres",instance=~"$system"'
DURATION = "trimtab_postgres_query_duration_seconds"
LARGEST = f"topk(20, pg_table_size_bytes{{{HERE}}})"


def made() -> dashboard.Dashboard:
    """The dashboard."""
    about = "Databases that trimtab watches. Vertical lines are its own changes: applied, kept, rolled back."
    mean = " / ".join(rate(f"pg_stat_statements_{what}_total", HERE, "instance") for what in ("seconds", "calls"))
    hit = rate("pg_stat_database_blks_hit", HERE, "instance")
    read = rate("pg_stat_database_blks_read", HERE, "instance")
    return (
        new("trimtab-postgres", "trimtab: PostgreSQL", about, "postgresql")
        .with_variable(variable("system", "System", "label_values(pg_up, instance)", many=True))
        .with_row(row("Now"))
        .with_panel(
            figure("Answers", f"min(pg_up{{{HERE}}})", "bool_yes_no", limits=steps((None, "red"), (1, "green")))
        )
        .with_panel(
            figure("Statements", f"sum(rate(pg_stat_statements_calls_total{{{HERE}}}[$__rate_interval]))", "ops")
        )
        .with_panel(figure("Mean execution time", mean.replace("sum by (instance)", "sum"), "s"))
        .with_panel(
            figure(
                "Sessions of those allowed",
                f"max(trimtab_postgres_connections{{{HERE}}} / pg_settings_max_connections{{{HERE}}})",
                "percentunit",
                limits=steps((None, "green"), (0.8, "orange"), (0.95, "red")),
            )
        )
        .with_panel(
            figure(
                "Locks waited for",
                f"sum(trimtab_postgres_locks_waiting{{{HERE}}})",
                limits=steps((None, "green"), (1, "orange"), (10, "red")),
            )
        )
        .with_panel(
            figure(
                "Oldest transaction",
                f"max(trimtab_postgres_oldest_transaction_seconds{{{HERE}}})",
                "s",
                limits=steps((None, "green"), (300, "orange"), (3600, "red")),
            )
        )
        .with_row(row("Statements"))
        .with_panel(
            lines(
                "Execution time",
                [
                    (mean, "{{instance}} mean"),
                    *(
                        (quantile(share, DURATION, HERE, "instance"), f"{{{{instance}}}} {name}")
                        for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
                    ),
                ],
                "s",
                about="Quantiles are of the means of each look: the database times executions of one kind together.",
                height=9,
            )
        )
        .with_panel(
            lines(
                "Load",
                [
                    (
                        rate("pg_stat_statements_seconds_total", HERE, "instance"),
                        "{{instance}}",
                    )
                ],
                "short",
                about="Statements that run at the same time, on average.",
                height=9,
            )
        )
        .with_panel(
            lines(
                "Statements a second",
                [
                    (
                        rate("pg_stat_statements_calls_total", HERE, "instance"),
                        "{{instance}}",
                    )
                ],
                "ops",
            )
        )
        .with_panel(
            lines(
                "Rows",
                [
                    (
                        rate("pg_stat_statements_rows_total", HERE, "instance"),
                        "{{instance}} given or changed",
                    ),
                    (
                        rate("pg_stat_database_tup_returned", HERE, "instance"),
                        "{{instance}} scanned",
                    ),
                ],
                "rowsps",
            )
        )
        .with_row(row("Waits"))
        .with_panel(
            lines(
                "Sessions by what they wait for",
                [
                    (
                        f"sum by (wait_event_type, state) (pg_stat_activity_count{{{HERE}}})",
                        "{{state}} {{wait_event_type}}",
                    )
                ],
                stack=True,
            )
        )
        .with_panel(lines("Locks", [(f"trimtab_postgres_locks_waiting{{{HERE}}}", "{{instance}} waited for")]))
        .with_panel(
            lines(
                "Time in reads and writes of blocks",
                [
                    (
                        rate("pg_stat_statements_block_read_seconds_total", HERE, "instance"),
                        "{{instance}} read",
                    ),
                    (
                        rate("pg_stat_statements_block_write_seconds_total", HERE, "instance"),
                        "{{instance}} written",
                    ),
                ],
                "percentunit",
            )
        )
        .with_panel(
            lines("Blocks found in memory", [(f"{hit} / ({hit} + {read})", "{{instance}}")], "percentunit", most=1)
        )
        .with_row(row("Transactions and tables"))
        .with_panel(
            lines(
                "Transactions",
                [
                    (
                        rate("pg_stat_database_xact_commit", HERE, "instance"),
                        "{{instance}} committed",
                    ),
                    (
                        rate("pg_stat_database_xact_rollback", HERE, "instance"),
                        "{{instance}} rolled back",
                    ),
                ],
                "ops",
            )
        )
        .with_panel(
            lines(
                "Deadlocks and temporary files",
                [
                    (
                        f"sum by (instance) (increase(pg_stat_database_deadlocks{{{HERE}}}[$__interval]))",
                        "{{instance}} deadlocks",
                    ),
                    (
                        f"sum by (instance) (rate(pg_stat_database_temp_bytes{{{HERE}}}[$__rate_interval])) / 1048576",
                        "{{instance}} MiB/s of temporary files",
                    ),
                ],
            )
        )
        .with_panel(
            rows(
                "Largest tables",
                [
                    LARGEST,
                    f"pg_stat_user_tables_n_live_tup{{{HERE}}} and on (instance, schemaname, relname) {LARGEST}",
                    f"pg_stat_user_tables_n_dead_tup{{{HERE}}} and on (instance, schemaname, relname) {LARGEST}",
                ],
                {
                    "excludeByName": {"Time": True, "__name__": True, "job": True, "datname": True},
                    "renameByName": {
                        "instance": "System",
                        "schemaname": "Schema",
                        "relname": "Table",
                        "Value #A": "Size",
                        "Value #B": "Rows",
                        "Value #C": "Dead rows",
                    },
                    "indexByName": {
                        "instance": 0,
                        "schemaname": 1,
                        "relname": 2,
                        "Value #A": 3,
                        "Value #B": 4,
                        "Value #C": 5,
                    },
                },
            ).override_by_name("Size", [_unit("bytes")])
        )
    )


def _unit(unit: str) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val="unit", value=unit)
