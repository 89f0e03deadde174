"""What the address of a dashboard asks for: values of variables (`var-NAME`, as often as there are), and panels."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from trimtab.app.dashboards.variables import VALUES_MAX
from trimtab.model.errors import InputError

PREFIX = "var-"
PANELS_MAX = 60
"""Panels of one request."""
POINTS_MIN, POINTS_MAX = 10, 4_000
KEY_CHARS_MAX = 60


def wanted_of(parameters: QueryParams) -> dict[str, list[str]]:
    """Values of variables by name, of those that the address names.

    >>> wanted_of(QueryParams("var-job=a&var-job=b&from=now-1h"))
    {'job': ['a', 'b']}
    """
    found: dict[str, list[str]] = {}
    for name, value in parameters.multi_items():
        if name.startswith(PREFIX):
            held = found.setdefault(name.removeprefix(PREFIX), [])
            if len(held) >= VALUES_MAX:
                raise InputError(f"{name}: at most {VALUES_MAX} values", field=name, limit=VALUES_MAX)
            held.append(value)
    return found


def panels_of(parameters: QueryParams) -> dict[str, int]:
    """Keys of panels, each with how many points fit into it: `panel=12:480`.

    >>> panels_of(QueryParams("panel=12:480&panel=3-c1"))
    {'12': 480, '3-c1': 300}
    """
    found: dict[str, int] = {}
    for text in parameters.getlist("panel"):
        key, _, points = text.partition(":")
        if len(key) > KEY_CHARS_MAX or not key or (points and not (points.isascii() and points.isdigit())):
            raise InputError(f"panel: KEY or KEY:POINTS is needed here, found {text[:40]!r}", field="panel")
        found[key] = min(max(int(points[:6]), POINTS_MIN), POINTS_MAX) if points else 300
    if not found or len(found) > PANELS_MAX:
        raise InputError(f"panel: 1 to {PANELS_MAX} are asked at a time, found {len(found)}", field="panel")
    return found
