"""A range of time as people write it: `now-6h`, `now`, RFC 3339, or Unix milliseconds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from trimtab.model.errors import InputError

RANGE_MS_MIN = 60_000
RANGE_MS_MAX = 90 * 86_400_000
MOMENT_MS_MAX = 4_102_444_800_000
"""The year 2100."""
TEXT_CHARS_MAX = 40
DEFAULT_FROM = "now-1h"
DEFAULT_TO = "now"

_RELATIVE = re.compile(r"now(?:-([0-9]{1,7})([smhdw]))?", re.ASCII)
_EPOCH_MS = re.compile(r"[0-9]{1,15}", re.ASCII)
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


@dataclass(frozen=True, slots=True)
class Range:
    """`[from_ms, to_ms)` in Unix milliseconds. `is_live` where it ends now and moves on."""

    from_ms: int
    to_ms: int
    is_live: bool = False

    @property
    def length_ms(self) -> int:
        """How long it is."""
        return self.to_ms - self.from_ms

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.length_ms / 1000


def parse_range(from_text: str | None, to_text: str | None, now_ms: int) -> Range:
    """A range of 1 minute to 90 days; None stands for the last hour. InputError names the field.

    >>> parse_range("now-6h", "now", 1_700_000_000_000)
    Range(from_ms=1699978400000, to_ms=1700000000000, is_live=True)
    >>> parse_range("2023-11-14T22:00:00Z", "1700000000000", 1_800_000_000_000)
    Range(from_ms=1699999200000, to_ms=1700000000000, is_live=False)
    >>> parse_range("yesterday", None, 0)
    Traceback (most recent call last):
    trimtab.model.errors.InputError: from: 'yesterday' is no moment: write now-6h, 2026-01-31T08:00:00Z or
    milliseconds since 1970
    """
    start = from_text or DEFAULT_FROM
    end = to_text or DEFAULT_TO
    from_ms, to_ms = _moment("from", start, now_ms), _moment("to", end, now_ms)
    if to_ms - from_ms < RANGE_MS_MIN:
        raise InputError(
            f"from: a range has at least {RANGE_MS_MIN // 1000} s; this one has {(to_ms - from_ms) / 1000:g} s",
            field="from",
            limit=RANGE_MS_MIN,
            observed=to_ms - from_ms,
        )
    if to_ms - from_ms > RANGE_MS_MAX:
        days = (to_ms - from_ms) / 86_400_000
        raise InputError(
            f"from: a range has at most {RANGE_MS_MAX // 86_400_000} days; this one has {days:.1f}",
            field="from",
            limit=RANGE_MS_MAX,
            observed=to_ms - from_ms,
        )
    return Range(from_ms, to_ms, end == DEFAULT_TO)


def _moment(field: str, text: str, now_ms: int) -> int:
    found = _RELATIVE.fullmatch(text)
    if found is not None:
        number, unit = found.groups()
        moment = now_ms if number is None else now_ms - int(number) * _UNIT_MS[unit]
    elif _EPOCH_MS.fullmatch(text):
        moment = int(text)
    else:
        moment = _rfc_3339(field, text)
    if not 0 <= moment <= MOMENT_MS_MAX:
        raise InputError(
            f"{field}: {text[:TEXT_CHARS_MAX]!r} lies outside 1970 to 2100", field=field, observed=text[:TEXT_CHARS_MAX]
        )
    return moment


def _rfc_3339(field: str, text: str) -> int:
    try:
        if len(text) > TEXT_CHARS_MAX:
            raise ValueError
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InputError(
            f"{field}: {text[:TEXT_CHARS_MAX]!r} is no moment: write now-6h, 2026-01-31T08:00:00Z or milliseconds"
            " since 1970",
            field=field,
            observed=text[:TEXT_CHARS_MAX],
        ) from None
