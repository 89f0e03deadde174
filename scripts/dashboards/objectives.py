"""Objectives under Sloth's names: what is left of each budget, and how fast it goes."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from scripts.dashboards.building import bars, figure, lines, new, row, rows, steps, variable

HERE = 'sloth_service=~"$service",sloth_slo=~"$objective"'


def made() -> dashboard.Dashboard:
    """The dashboard."""
    about = "Objectives as trimtab counts them, under the names of Sloth's recorded rules."
    left = f"slo:period_error_budget_remaining:ratio{{{HERE}}}"
    burn = f"slo:current_burn_rate:ratio{{{HERE}}}"
    budget = steps((None, "red"), (0, "orange"), (0.25, "green"))
    return (
        new("trimtab-objectives", "trimtab: objectives", about, "objectives")
        .with_variable(variable("service", "Service", "label_values(slo:objective:ratio, sloth_service)", many=True))
        .with_variable(
            variable(
                "objective",
                "Objective",
                'label_values(slo:objective:ratio{sloth_service=~"$service"}, sloth_slo)',
                many=True,
            )
        )
        .with_row(row("Now"))
        .with_panel(figure("Objectives", f"count(slo:objective:ratio{{{HERE}}})", width=6))
        .with_panel(
            figure(
                "Budget spent", f"count({left} <= 0) or vector(0)", width=6, limits=steps((None, "green"), (1, "red"))
            )
        )
        .with_panel(
            figure(
                "Burning faster than allowed",
                f"count({burn} > 1) or vector(0)",
                width=6,
                limits=steps((None, "green"), (1, "orange")),
            )
        )
        .with_panel(figure("Least budget left", f"min({left})", "percentunit", width=6, limits=budget))
        .with_row(row("Budgets"))
        .with_panel(bars("Error budget left", (left, "{{sloth_service}} {{sloth_slo}}"), "percentunit", budget))
        .with_panel(lines("Error budget left", [(left, "{{sloth_slo}}")], "percentunit", least=None, most=1))
        .with_panel(
            lines(
                "Burn rate",
                [(burn, "{{sloth_slo}}")],
                "short",
                about="Errors divided by those that are allowed: 1 lasts exactly the window.",
                width=24,
            )
        )
        .with_panel(
            rows(
                "All objectives",
                [f"slo:objective:ratio{{{HERE}}}", left, burn],
                {
                    "excludeByName": {"Time": True, "__name__": True, "sloth_id": True},
                    "renameByName": {
                        "sloth_service": "Service",
                        "sloth_slo": "Objective",
                        "Value #A": "Target",
                        "Value #B": "Budget left",
                        "Value #C": "Burn rate",
                    },
                    "indexByName": {"sloth_service": 0, "sloth_slo": 1, "Value #A": 2, "Value #B": 3, "Value #C": 4},
                },
            )
        )
    )
