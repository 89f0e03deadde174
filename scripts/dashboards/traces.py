"""Rates, errors and durations of services, from the spans that they send."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from scripts.dashboards.building import figure, lines, new, quantile, row, rows, steps, variable

HERE = 'service_name=~"$service",span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"'
DURATION = "traces_span_metrics_duration_seconds"
SUM, EACH = "sum by (service_name)", "sum by (service_name, span_name)"
CALLS = f"traces_span_metrics_calls_total{{{HERE}}}"


def made() -> dashboard.Dashboard:
    """The dashboard."""
    about = (
        "Requests that services answer: how many, how many of them fail, how long they take. From OpenTelemetry spans."
    )
    failed = CALLS.replace("}", ',status_code="STATUS_CODE_ERROR"}')
    return (
        new("trimtab-traces", "trimtab: services (RED)", about, "traces")
        .with_variable(
            variable("service", "Service", "label_values(traces_span_metrics_calls_total, service_name)", many=True)
        )
        .with_row(row("Now"))
        .with_panel(figure("Requests", f"sum(rate({CALLS}[$__rate_interval]))", "reqps", width=8))
        .with_panel(
            figure(
                "Failed",
                f"(sum(rate({failed}[$__rate_interval])) or vector(0)) / sum(rate({CALLS}[$__rate_interval]))",
                "percentunit",
                width=8,
                limits=steps((None, "green"), (0.01, "orange"), (0.05, "red")),
            )
        )
        .with_panel(
            figure(
                "95 of 100 take at most",
                quantile(0.95, DURATION, HERE),
                "s",
                width=8,
            )
        )
        .with_row(row("Services"))
        .with_panel(
            lines(
                "Requests", [(f"sum by (service_name) (rate({CALLS}[$__rate_interval]))", "{{service_name}}")], "reqps"
            )
        )
        .with_panel(
            lines(
                "Share that failed",
                [
                    (
                        f"{SUM} (rate({failed}[$__rate_interval])) / {SUM} (rate({CALLS}[$__rate_interval]))",
                        "{{service_name}}",
                    )
                ],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "Duration",
                [
                    (quantile(share, DURATION, HERE, "service_name"), f"{{{{service_name}}}} {name}")
                    for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))
                ],
                "s",
            )
        )
        .with_panel(
            lines(
                "Busiest operations",
                [
                    (
                        f"topk(10, sum by (service_name, span_name) (rate({CALLS}[$__rate_interval])))",
                        "{{service_name}} {{span_name}}",
                    )
                ],
                "reqps",
            )
        )
        .with_panel(
            rows(
                "Operations",
                [
                    f"topk(30, sum by (service_name, span_name) (rate({CALLS}[$__range])))",
                    f"{EACH} (rate({DURATION}_sum{{{HERE}}}[$__range])) / {EACH} (rate({CALLS}[$__range]))",
                ],
                {
                    "excludeByName": {"Time": True},
                    "renameByName": {
                        "service_name": "Service",
                        "span_name": "Operation",
                        "Value #A": "Requests a second",
                        "Value #B": "Mean seconds",
                    },
                    "indexByName": {"service_name": 0, "span_name": 1, "Value #A": 2, "Value #B": 3},
                },
            )
        )
    )
