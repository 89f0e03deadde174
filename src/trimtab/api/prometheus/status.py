"""`status/*`, `targets`: what clients ask before they ask for samples."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import Call, Cancelled, Parameters, route
from trimtab.api.prometheus.envelope import success
from trimtab.api.prometheus.moments import limit_of
from trimtab.api.prometheus.targets import targets_document
from trimtab.app.querying import LOOKBACK_MS, RUNNING_MAX, TIMEOUT_S_MAX, Querying
from trimtab.store.metrics.contract import Cardinality

if TYPE_CHECKING:
    from trimtab.observe.scrape.scraper import TargetStatus

COMPATIBLE_VERSION = "3.5.0"
"""Clients read from it which parameters the API has: it is the API of this Prometheus."""
ROWS_DEFAULT, ROWS_MAX = 10, 10_000


def status_routes(querying: Querying, targets: Callable[[], Sequence[TargetStatus]]) -> list[Route]:
    """Routes under /api/v1."""
    started = datetime.now(UTC)

    def buildinfo() -> object:
        return {
            "version": COMPATIBLE_VERSION,
            "revision": f"trimtab {version('trimtab')}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": f"python {sys.version.split()[0]}",
        }

    def runtimeinfo() -> object:
        status = querying.store.status()
        return {
            "startTime": started.isoformat().replace("+00:00", "Z"),
            "CWD": "",
            "reloadConfigSuccess": True,
            "lastConfigTime": started.isoformat().replace("+00:00", "Z"),
            "corruptionCount": 0,
            "goroutineCount": 0,
            "timeSeriesCount": status.series_count,
            "serverTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }

    def flags() -> object:
        return {
            "query.lookback-delta": f"{LOOKBACK_MS // 60_000}m",
            "query.max-concurrency": str(RUNNING_MAX),
            "query.timeout": f"{TIMEOUT_S_MAX:g}s",
            "web.enable-remote-write-receiver": "true",
            "promql-window": "open" if querying.is_left_open else "closed",
        }

    def tsdb(parameters: Parameters, _cancelled: Cancelled) -> Response:
        limit = min(limit_of(parameters.first("limit")) or ROWS_DEFAULT, ROWS_MAX)
        status = querying.store.status()
        head = {
            "numSeries": status.series_count,
            "numLabelPairs": status.label_pairs_count,
            "chunkCount": status.hot.samples_count,
            "minTime": status.newest_ms - status.hot.span_ms,
            "maxTime": status.newest_ms,
        }
        return success(msgspec.json.encode({"headStats": head, **_cardinality(querying.store.cardinality(limit))}))

    def told(make: Callable[[], object]) -> Callable[[Request], Call]:
        def call(_parameters: Parameters, _cancelled: Cancelled) -> Response:
            return success(msgspec.json.encode(make()))

        return lambda _request: call

    simple: dict[str, Callable[[], object]] = {
        "/status/buildinfo": buildinfo,
        "/status/runtimeinfo": runtimeinfo,
        "/status/flags": flags,
        "/status/config": lambda: {"yaml": ""},
        "/status/walreplay": lambda: {"min": 0, "max": 0, "current": 0, "state": "done"},
        "/targets": lambda: targets_document(targets()),
        "/targets/metadata": list,
        "/scrape_pools": lambda: {"scrapePools": []},
        "/alertmanagers": lambda: {"activeAlertmanagers": [], "droppedAlertmanagers": []},
    }
    return [
        *(route(path, querying, told(make), ("GET",)) for path, make in simple.items()),
        route("/status/tsdb", querying, lambda _request: tsdb, ("GET",)),
    ]


def _cardinality(found: Cardinality) -> dict[str, object]:
    lists = {
        "seriesCountByMetricName": found.series_by_metric,
        "labelValueCountByLabelName": found.values_by_label,
        "memoryInBytesByLabelName": found.bytes_by_label,
        "seriesCountByLabelValuePair": found.series_by_pair,
    }
    return {name: [{"name": what, "value": count} for what, count in rows] for name, rows in lists.items()}
