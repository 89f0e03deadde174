"""Whose answers a dashboard wants: metrics, which trimtab has, or another kind of store."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.app.dashboards.json_parts import text


def other_source(source: object) -> str:
    """What a data source is called that is none of metrics; '' where it may be one.

    >>> other_source({"type": "loki", "uid": "x"}), other_source({"type": "prometheus"}), other_source("${DS}")
    ('loki', '', '')
    """
    if isinstance(source, Mapping):
        kind = text(source, "type")
        if text(source, "uid") in ("-- Mixed --", "-- Dashboard --", "grafana"):
            return text(source, "uid").strip("- ")
        return "" if kind in ("", "prometheus", "datasource") or kind.endswith("prometheus-datasource") else kind[:40]
    return str(source).strip("- ") if isinstance(source, str) and source.startswith("--") else ""
