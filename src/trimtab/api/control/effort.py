"""How long a search may look: the parameter that those have which may take long."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.parameters import Parameter, whole

_LOW, _HIGH, _DEFAULT = 10, 25_000, 5_000

EFFORT = Parameter(
    "effort_ms",
    "So long it is looked, the newest (or oldest) first; then the answer says up to where, and one can go on",
    {"type": "integer", "minimum": _LOW, "maximum": _HIGH, "default": _DEFAULT},
)


def effort_ms_of(request: Request) -> float:
    """What the request allows."""
    return float(whole(request, EFFORT.name, _DEFAULT, _LOW, _HIGH))
