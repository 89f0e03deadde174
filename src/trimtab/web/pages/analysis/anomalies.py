"""`/anomalies`: episodes in which series were not as expected, on a timeline."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.web.pages.frame import Asked


def anomalies(asked: Asked) -> Response:
    """The page, or its results alone."""
    return asked.page("anomalies.html", "analysis", {"title": "Anomalies"}, fragments=("results",))
