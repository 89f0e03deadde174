"""Change windows: when a change may be made. Written as `Mon-Fri 22:00-06:00 Europe/Berlin`.

    days   `Mon-Fri`, `Sat,Sun`, `Fri-Mon`, ...; left out: every day
    hours  `HH:MM-HH:MM`; an end that is not after its start is on the next day, and the window belongs to the day on
           which it begins; `00:00-24:00` is the whole day
    zone   a name of the IANA time zone database; left out: UTC

A window is a stretch of real time. On a day on which the clocks are put forward or back within it, it is as much
longer or shorter as the night is; where the start or the end itself is a time of day that does not exist or comes twice
on that day, the narrower reading counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HORIZON_DAYS = 15
"""So far ahead is looked for an opening or a closing; windows come back every week."""
_DAY_MINUTES = 24 * 60
_GRAMMAR = re.compile(
    r"(?:(?P<days>[^\W\d_]+(?:\s*[-,]\s*[^\W\d_]+)*)\s+)?"
    r"(?P<start>[0-9]+:[0-9]+)\s*-\s*(?P<end>[0-9]+:[0-9]+)"
    r"(?:\s+(?P<zone>\S+))?"
)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]*")
_FORM = "it is written as 'Mon-Fri 22:00-06:00 Europe/Berlin' (days and zone may be left out)"

Span = tuple[int, int]
"""Unix milliseconds, start included, end not."""


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """One window. `days` count from Monday = 0; minutes count from midnight, an end beyond 24 h is on the next day."""

    days: frozenset[int]
    start_minute: int
    end_minute: int
    zone: str

    def spans(self, around_ms: int) -> list[Span]:
        """Its stretches of real time from the day before `around_ms` to `HORIZON_DAYS` after."""
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(around_ms / 1000, zone).date()
        found = []
        for days_ahead in range(-1, HORIZON_DAYS + 1):
            day = today + timedelta(days=days_ahead)
            if day.weekday() in self.days:
                start_ms = max(_readings(day, self.start_minute, zone))
                end_ms = min(_readings(day, self.end_minute, zone))
                if start_ms < end_ms:
                    found.append((start_ms, end_ms))
        return found


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a moment stands. `closes_at_ms` is None while closed, and where no closing is in sight; `opens_at_ms` is
    None while open, and where no opening is in sight."""

    is_open: bool
    opens_at_ms: int | None = None
    closes_at_ms: int | None = None


@lru_cache(maxsize=1000)
def parse_window(text: str) -> ChangeWindow:
    """A window from its text; ValueError says what is wrong with it.

    >>> parse_window("Mon-Tue,Sun 22:00-06:00 Europe/Berlin").end_minute - 22 * 60
    480
    >>> parse_window("25:00-26:00")
    Traceback (most recent call last):
    ValueError: 25:00 is no time of day
    """
    found = _GRAMMAR.fullmatch(text.strip())
    if found is None:
        raise ValueError(_FORM)
    start, end = _minutes(found["start"]), _minutes(found["end"])
    if start == end:
        raise ValueError(f"it begins and ends at {found['start']}; the whole day is 00:00-24:00")
    if start == _DAY_MINUTES:
        raise ValueError("it cannot begin at 24:00; begin at 00:00 of the next day")
    days = _days(found["days"])
    zone = found["zone"] or "UTC"
    try:
        if _ZONE.fullmatch(zone) is None:
            raise ValueError(zone)
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones, such as Europe
        raise ValueError(f"there is no time zone {zone!r}; it is named as in 'Europe/Berlin' or 'UTC'") from None
    return ChangeWindow(days, start, end if end > start else end + _DAY_MINUTES, zone)


def window_problem(text: str) -> str | None:
    """What is wrong with a window's text, None where nothing is.

    >>> window_problem("Sat,Sun 00:00-24:00"), window_problem("Sa 00:00-24:00")
    (None, 'Sa is no day; days are Mon, Tue, Wed, Thu, Fri, Sat, Sun')
    >>> window_problem("9:00-17:00"), window_problem("at night")[:16]
    ("9:00 is no time of day: hours and minutes have two digits, as in '09:00'", 'it is written as')
    """
    try:
        parse_window(text)
    except ValueError as error:
        return str(error)
    return None


def opening(windows: Sequence[str], at_ms: int) -> Opening:
    """Whether any of the windows is open at a moment, and until when; windows that touch are one.

    >>> noon_ms = 1_700_481_600_000   # Monday, 20 November 2023, 12:00 UTC
    >>> (opening(["Mon 11:00-13:00"], noon_ms).closes_at_ms - noon_ms) / 1000
    3600.0
    >>> (opening(["Tue 11:00-13:00"], noon_ms).opens_at_ms - noon_ms) / 3_600_000
    23.0
    """
    spans = _joined(span for text in windows for span in parse_window(text).spans(at_ms))
    horizon_ms = at_ms + (HORIZON_DAYS - 1) * _DAY_MINUTES * 60_000
    for start_ms, end_ms in spans:
        if start_ms <= at_ms < end_ms:
            return Opening(True, closes_at_ms=end_ms if end_ms < horizon_ms else None)
        if start_ms > at_ms:
            return Opening(False, opens_at_ms=start_ms)
    return Opening(False)


def moment(at_ms: int, windows: Sequence[str] = ()) -> str:
    """A moment as the windows' owner would read it: in the zone of the first of them, else in UTC.

    >>> moment(1_700_481_600_000, ["22:00-06:00 Europe/Berlin"]), moment(0)
    ('Mon 2023-11-20 13:00 Europe/Berlin', 'Thu 1970-01-01 00:00 UTC')
    """
    name = parse_window(windows[0]).zone if windows else "UTC"
    there = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(name))
    return f"{DAYS[there.weekday()]} {there:%Y-%m-%d %H:%M} {name}"


def _minutes(text: str) -> int:
    if _TIME.fullmatch(text) is None:
        hours, _, minutes = text.partition(":")
        padded = f"{hours:0>2}:{minutes:0>2}"
        hint = f", as in {padded!r}" if _TIME.fullmatch(padded) else ""
        raise ValueError(f"{text} is no time of day: hours and minutes have two digits{hint}")
    whole_hours, whole_minutes = int(text[:2]), int(text[3:])
    if whole_minutes > 59 or whole_hours * 60 + whole_minutes > _DAY_MINUTES:
        raise ValueError(f"{text} is no time of day")
    return whole_hours * 60 + whole_minutes


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, *rest = (_day(name.strip()) for name in part.split("-"))
        if len(rest) > 1:
            raise ValueError(_FORM)
        last = rest[0] if rest else first
        days.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    return frozenset(days)


def _day(name: str) -> int:
    try:
        return DAYS.index(name.capitalize())
    except ValueError:
        raise ValueError(f"{name} is no day; days are {', '.join(DAYS)}") from None


def _readings(day: date, minute: int, zone: ZoneInfo) -> tuple[int, int]:
    """The moments that a time of day can mean: the same one twice, but for the nights when the clocks are changed."""
    days, minute = divmod(minute, _DAY_MINUTES)
    day += timedelta(days=days)
    first, second = (
        datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone, fold=fold) for fold in (0, 1)
    )
    return round(first.timestamp() * 1000), round(second.timestamp() * 1000)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start_ms, end_ms in sorted(spans):
        if joined and start_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_ms))
        else:
            joined.append((start_ms, end_ms))
    return joined
