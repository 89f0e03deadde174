"""What is asked of every server: the seven shapes of a dashboard, and a narrow one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """One query. `is_wide` says that the answer itself is most of the work."""

    name: str
    text: str
    is_wide: bool = False


QUERIES = (
    Query("rate and sum", "sum by (job) (rate(bench_requests_total[5m]))"),
    Query("wide selector", "bench_temperature_celsius", is_wide=True),
    Query("histogram_quantile", "histogram_quantile(0.9, sum by (job, le) (rate(bench_duration_seconds_bucket[5m])))"),
    Query("topk", "topk(5, rate(bench_requests_total[5m]))"),
    Query("avg_over_time", "max by (job) (avg_over_time(bench_temperature_celsius[30m]))"),
    Query(
        "ratio",
        "sum by (job) (rate(bench_requests_total[5m])) / on (job)"
        " sum by (job) (rate(bench_duration_seconds_bucket[5m]))",
    ),
    Query("subquery", "max_over_time(sum by (job) (rate(bench_requests_total[5m]))[30m:1m])"),
    Query("narrow", 'rate(bench_requests_total{path=~"/api/v1/thing/[1-5]"}[5m])'),
)
STEPS = (240, 1000)
