"""Pieces of the JSON documents that commands on files answer with."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def moment(at_ms: int | None) -> str | None:
    """A moment as RFC 3339 in UTC, with milliseconds only where it has some.

    >>> moment(0), moment(1500), moment(None)
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z', None)
    """
    if at_ms is None:
        return None
    when = datetime.fromtimestamp(at_ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds").replace("+00:00", "Z")


def number(value: float | None) -> float | None:
    """A number that JSON can hold: None where it is not finite.

    >>> number(1.5), number(float("nan"))
    (1.5, None)
    """
    return None if value is None or not math.isfinite(value) else float(value)
