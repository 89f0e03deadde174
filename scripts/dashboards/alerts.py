"""Alerts as Prometheus and trimtab write them into the metrics: what fires, since when, how often."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from scripts.dashboards.building import figure, lines, new, row, rows, steps, variable

HERE = 'alertname=~"$alert"'


def made() -> dashboard.Dashboard:
    """The dashboard."""
    about = "What fires and what is pending, from the series ALERTS."
    return (
        new("trimtab-alerts", "trimtab: alerts", about, "alerts")
        .with_variable(variable("alert", "Alert", "label_values(ALERTS, alertname)", many=True))
        .with_row(row("Now"))
        .with_panel(
            figure(
                "Firing",
                f'count(ALERTS{{alertstate="firing",{HERE}}}) or vector(0)',
                width=8,
                limits=steps((None, "green"), (1, "red")),
            )
        )
        .with_panel(
            figure(
                "Pending",
                f'count(ALERTS{{alertstate="pending",{HERE}}}) or vector(0)',
                width=8,
                limits=steps((None, "green"), (1, "orange")),
            )
        )
        .with_panel(figure("Fires longest", f"max(time() - ALERTS_FOR_STATE{{{HERE}}})", "s", width=8))
        .with_row(row("Over time"))
        .with_panel(
            lines(
                "Firing",
                [(f'count by (alertname) (ALERTS{{alertstate="firing",{HERE}}})', "{{alertname}}")],
                stack=True,
                width=24,
            )
        )
        .with_panel(
            rows(
                "Now",
                [f"ALERTS{{{HERE}}}"],
                {
                    "excludeByName": {"Time": True, "__name__": True, "Value": True},
                    "renameByName": {"alertname": "Alert", "alertstate": "State", "severity": "Severity"},
                    "indexByName": {"alertname": 0, "alertstate": 1, "severity": 2},
                },
            )
        )
    )
