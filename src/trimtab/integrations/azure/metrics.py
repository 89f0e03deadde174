"""Azure Monitor's metrics of one resource: the newest value of each, or of each value of a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trimtab.extend.clouds import Deadline
from trimtab.integrations.azure.calling import Calling, Found
from trimtab.integrations.azure.scaling import moment_ms

VERSION = "2018-01-01"
WINDOW_S = 900
"""Metrics come some minutes late; what is older than this is not told as a value of now."""
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest value, a mean over the minute that ends at `at_ms`."""

    value: float
    at_ms: int


def newest(
    calling: Calling, identity: str, names: tuple[str, ...], ends: Deadline, dimension: str = ""
) -> dict[tuple[str, str], Newest]:
    """By name of the metric, and value of the dimension ('' without one)."""
    until = datetime.now(UTC)
    since = until - timedelta(seconds=WINDOW_S)
    span = f"{since:%Y-%m-%dT%H:%M:%SZ}/{until:%Y-%m-%dT%H:%M:%SZ}"
    chosen = {"_filter": f"{dimension} eq '*'", "top": "100"} if dimension else {}
    found = calling.get(
        f"{identity}/providers/Microsoft.Insights/metrics",
        VERSION,
        ends,
        metricnames=",".join(names),
        aggregation="Average",
        interval="PT1M",
        timespan=span,
        **chosen,
    )
    values: dict[tuple[str, str], Newest] = {}
    for metric in found.get("value") or ():
        name = str(metric.get("name", {}).get("value", ""))
        for series in metric.get("timeseries") or ():
            value = _newest(series)
            if value is not None:
                values[name, _dimension(series)] = value
    return values


def _newest(series: Found) -> Newest | None:
    """Minutes for which nothing came have no average."""
    known = [point for point in series.get("data") or () if point.get("average") is not None]
    if not known:
        return None
    last = max(known, key=lambda point: str(point.get("timeStamp", "")))
    return Newest(float(last["average"]), moment_ms(str(last.get("timeStamp", ""))) + MINUTE_MS)


def _dimension(series: Found) -> str:
    return next((str(one.get("value", "")) for one in series.get("metadatavalues") or ()), "")
