"""Durations as people write them into a field."""

from __future__ import annotations

import re

from trimtab.model.errors import InputError

UNITS_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "": 1.0, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6}
MS_MAX = 1e12
_TEXT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([a-zµ]{0,3})")


def duration_ms(text: str, field: str) -> float | None:
    """Milliseconds of `250`, `250ms`, `1.5 s`, `2m`; None for an empty text. InputError for anything else.

    >>> duration_ms("1.5 s", "min"), duration_ms("250", "min"), duration_ms(" ", "min")
    (1500.0, 250.0, None)
    >>> duration_ms("soon", "min")
    Traceback (most recent call last):
      ...
    trimtab.model.errors.InputError: min: a duration such as 250ms, 1.5s or 2m, found 'soon'
    """
    written = text.strip().lower()
    if not written:
        return None
    found = _TEXT.fullmatch(written)
    unit = UNITS_MS.get(found[2]) if found else None
    ms = float(found[1]) * unit if found and unit is not None else MS_MAX + 1
    if ms > MS_MAX:
        raise InputError(
            f"{field}: a duration such as 250ms, 1.5s or 2m, found {text[:30]!r}", field=field, observed=text[:30]
        )
    return ms
