"""The pages in the rail, in the order of a look around: what is wrong, which queries, what was done, what may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """One link of the rail. `key` is also the page's name in `data-page` and in the keys `g` + first letter."""

    key: str
    label: str
    path: str
    icon: str


NAVIGATION = (
    NavigationItem("overview", "Overview", "/", "M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z"),
    NavigationItem(
        "alerts", "Alerts", "/alerts", "M10 2a5 5 0 0 1 5 5v4l2 3H3l2-3V7a5 5 0 0 1 5-5zM8 15h4a2 2 0 0 1-4 0z"
    ),
    NavigationItem("queries", "Queries", "/queries", "M3 4h14v2H3zM3 9h10v2H3zM3 14h6v2H3z"),
    NavigationItem("analysis", "Analysis", "/anomalies", "M2 9h4l2-5 3 11 2-6h5v2h-4l-3 8-3-11-1 3H2z"),
    NavigationItem(
        "explore",
        "Explore",
        "/explore",
        "M3 3h2v12h12v2H3zM7 11l3-4 3 2 4-5 1.500 1.200-5 6.300-3.100-2.100-1.900 2.600z",
    ),
    NavigationItem("dashboards", "Dashboards", "/dashboards", "M3 3h6v4H3zM11 3h6v8h-6zM3 9h6v8H3zM11 13h6v4h-6z"),
    NavigationItem(
        "infrastructure",
        "Infrastructure",
        "/infrastructure",
        "M3 3h14v5H3zM3 11h14v5H3zM5 5v1h2V5zM5 13v1h2v-1zM9 5v1h6V5zM9 13v1h6v-1z",
    ),
    NavigationItem("traces", "Traces", "/traces", "M2 3h11v3H2zM5 8h9v3H5zM9 13h9v3H9z"),
    NavigationItem(
        "logs",
        "Logs",
        "/logs",
        "M3 3h2v2H3zM7 3h10v2H7zM3 7h2v2H3zM7 7h7v2H7zM3 11h2v2H3zM7 11h10v2H7zM3 15h2v2H3zM7 15h5v2H7z",
    ),
    NavigationItem(
        "objectives",
        "Objectives",
        "/objectives",
        "M10 2a8 8 0 1 1-8 8h2a6 6 0 1 0 6-6zM10 6a4 4 0 1 1-4 4h2a2 2 0 1 0 2-2z",
    ),
    NavigationItem(
        "quality",
        "Data quality",
        "/quality",
        "M3 4c0-3 14-3 14 0v3c0 3-14 3-14 0zM3 9.500c3 2.500 11 2.500 14 0V16c0 3-14 3-14 0z",
    ),
    NavigationItem("cases", "Cases", "/cases", "M10 2l8 15H2zM9 8h2v4H9zM9 13h2v2H9z"),
    NavigationItem("changes", "Changes", "/changes", "M4 4h2v12H4zM14 4h2v12h-2zM2 7h6v2H2zM12 11h6v2h-6z"),
    NavigationItem("ledger", "Ledger", "/ledger", "M4 2h12v16H4zM6 5v2h8V5zM6 9v2h8V9zM6 13v2h5v-2z"),
    NavigationItem("settings", "Settings", "/settings", "M9 2h2v4H9zM9 14h2v4H9zM2 9h4v2H2zM14 9h4v2h-4zM7 7h6v6H7z"),
    NavigationItem("self", "trimtab itself", "/self", "M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM9 6h2v5H9zM9 12h2v2H9z"),
)
