"""Over what time an objective counts: rolling (the last 30 days) or by the calendar (this month in Berlin)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000


class CalendarUnit(StrEnum):
    """What a calendar window is as long as, times `count`."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}
_DAYS = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7}
_EPOCH = datetime(2001, 1, 1)  # noqa: DTZ001  # a Monday, the first of a year: wall-clock time of whichever zone


@dataclass(frozen=True, slots=True)
class Window:
    """`length_ms` is exact for a rolling window, and the usual length of a calendar one (a month: 30 days).

    A calendar window begins at the wall-clock time of `starts_at` (`2022-01-01T12:00:00`; empty: Monday, the first of
    the month, at midnight) and every `count` units before and after it, in `zone`. It is as long as that
    month, or that night of changed clocks, really was.
    """

    length_ms: int
    unit: CalendarUnit | None = None
    count: int = 1
    zone: str = "UTC"
    starts_at: str = ""

    @property
    def is_rolling(self) -> bool:
        """Whether it moves with the clock; else it begins anew at set times."""
        return self.unit is None

    def bounds(self, at_ms: int) -> tuple[int, int]:
        """The window that a moment is in (rolling: that ends there): Unix milliseconds, start included, end not.

        >>> Window(3_600_000).bounds(7_200_000)
        (3600000, 7200000)
        >>> from datetime import UTC
        >>> start_ms, end_ms = Window(30 * DAY_MS, CalendarUnit.MONTH, zone="Europe/Berlin").bounds(1_774_900_000_000)
        >>> [datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d %H:%M") for ms in (start_ms, end_ms)]
        ['02-28 23:00', '03-31 22:00']
        """
        if self.unit is None:
            return at_ms - self.length_ms, at_ms
        zone = ZoneInfo(self.zone)
        anchor = datetime.fromisoformat(self.starts_at) if self.starts_at else _EPOCH
        local = datetime.fromtimestamp(at_ms / 1000, zone).replace(tzinfo=None)
        turn = self._turn(anchor, local)
        while self._start_ms(anchor, turn, zone) > at_ms:
            turn -= 1
        while self._start_ms(anchor, turn + 1, zone) <= at_ms:
            turn += 1
        return self._start_ms(anchor, turn, zone), self._start_ms(anchor, turn + 1, zone)

    def _turn(self, anchor: datetime, local: datetime) -> int:
        """About how many windows lie between; at most one off."""
        if self.unit in _DAYS:
            return (local - anchor).days // (_DAYS[self.unit] * self.count)
        months = (local.year - anchor.year) * 12 + local.month - anchor.month
        return months // (_MONTHS[self._unit] * self.count)

    @property
    def _unit(self) -> CalendarUnit:
        if self.unit is None:
            raise ValueError("a rolling window has no unit")
        return self.unit

    def _start_ms(self, anchor: datetime, turn: int, zone: ZoneInfo) -> int:
        if self.unit in _DAYS:
            start = anchor + timedelta(days=turn * _DAYS[self.unit] * self.count)
        else:
            months = anchor.year * 12 + anchor.month - 1 + turn * _MONTHS[self._unit] * self.count
            year, month = divmod(months, 12)
            day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
            start = anchor.replace(year=year, month=month + 1, day=day)
        return round(start.replace(tzinfo=zone).timestamp() * 1000)
