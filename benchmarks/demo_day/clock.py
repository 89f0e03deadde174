"""The compressed clock: which minute of which day it is."""

from __future__ import annotations

from dataclasses import dataclass

MINUTES = 1440
"""Of a day."""


@dataclass(frozen=True, slots=True)
class DayClock:
    """Minute 0 is 00:00 of the first day, at `began_ms` (Unix ms); a minute takes `minute_s` seconds.

    >>> clock = DayClock(1_000_000, 0.5)
    >>> clock.minute(1_000_500), clock.at_ms(1441), clock.said(clock.at_ms(1440 + 195))
    (1.0, 1720500, 'day 2 03:15')
    """

    began_ms: int
    minute_s: float

    def minute(self, at_ms: float) -> float:
        """Minutes since 00:00 of the first day."""
        return (at_ms - self.began_ms) / 1000 / self.minute_s

    def at_ms(self, minute: float) -> int:
        """Unix ms of a minute."""
        return self.began_ms + round(minute * self.minute_s * 1000)

    def said(self, at_ms: float) -> str:
        """Day and time of day, for people."""
        return said(self.minute(at_ms))


def said(minute: float) -> str:
    """Day and time of day of a minute.

    >>> said(0), said(1439.5)
    ('day 1 00:00', 'day 1 23:59')
    """
    day, of_day = divmod(int(minute), MINUTES)
    return f"day {day + 1} {of_day // 60:02d}:{of_day % 60:02d}"
