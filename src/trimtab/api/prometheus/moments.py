"""Times, durations and limits as the Prometheus API has them in its parameters."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from trimtab.api.prometheus.envelope import BadData

SECONDS_MAX = 9_223_372_036.0
"""Beyond it, milliseconds (and nanoseconds, for clients) do not fit any more."""
POINTS_MAX = 11_000
"""Steps of one range query, as in Prometheus."""
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_DURATION = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in ("y", "w", "d", "h", "m", "s", "ms")))


def moment_ms(text: str, name: str) -> int:
    """Unix seconds (with a fraction) or RFC 3339, as Unix milliseconds; BadData names the parameter.

    >>> moment_ms("1435781430.781", "time"), moment_ms("2015-07-01T20:10:30.781Z", "time")
    (1435781430781, 1435781430781)
    >>> moment_ms("noon", "time")
    Traceback (most recent call last):
    ...
    trimtab.api.prometheus.envelope.BadData: invalid parameter "time": cannot parse "noon" to a valid timestamp
    """
    seconds = _number(text)
    if seconds is None:
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00") if text.endswith(("Z", "z")) else text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp')
        seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    if not -SECONDS_MAX <= seconds <= SECONDS_MAX:
        raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp')
    return round(seconds * 1000)


def duration_ms(text: str, name: str) -> int:
    """Seconds (with a fraction) or a duration such as 1h30m, as milliseconds.

    >>> duration_ms("15", "step"), duration_ms("1h30m", "step"), duration_ms("0.5", "step")
    (15000, 5400000, 500)
    >>> duration_ms("soon", "step")
    Traceback (most recent call last):
    ...
    trimtab.api.prometheus.envelope.BadData: invalid parameter "step": cannot parse "soon" to a valid duration
    """
    seconds = _number(text)
    if seconds is not None:
        if not -SECONDS_MAX <= seconds <= SECONDS_MAX:
            raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration. It overflows int64')
        return round(seconds * 1000)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration')
    units = ("y", "w", "d", "h", "m", "s", "ms")
    total = sum(int(count) * _UNITS_MS[unit] for count, unit in zip(found.groups(), units, strict=True) if count)
    if total > SECONDS_MAX * 1000:
        raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid duration. It overflows int64')
    return total


def limit_of(text: str | None) -> int | None:
    """The parameter `limit`: how many at most; None (or 0) for no limit of the caller's."""
    if text is None or not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise BadData(f'invalid parameter "limit": cannot parse "{text}" to a valid limit')
    return int(text) or None


def check_steps(start_ms: int, end_ms: int, step_ms: int) -> None:
    """A range has an end after its start, a step above zero, and few enough steps."""
    if end_ms < start_ms:
        raise BadData('invalid parameter "end": end timestamp must not be before start time')
    if step_ms <= 0:
        raise BadData(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    if (end_ms - start_ms) // step_ms > POINTS_MAX:
        raise BadData(
            f"exceeded maximum resolution of {POINTS_MAX:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
