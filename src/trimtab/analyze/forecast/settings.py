"""What a forecast can be told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trimtab.model.errors import InputError

ORIGINS_MAX = 200
SEASONS_MAX = 4


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """How series are forecast.

    `seasons_ms`: lengths of the seasons to look for; () looks for a day, a week, and what the data show.
    `origins`: from how many past moments each series is forecast again, to weigh members and to size intervals (2 to
    200); fewer where a series is too short for that many.
    `holidays`: ISO dates (`2026-12-25`) in `time_zone`; these days are forecast as the day of the week that
    `holiday_like` names (0 = Monday … 6 = Sunday), and history's holidays do not spoil the profile of their weekday.
    `finds_holidays`: days of the history that are unlike their weekday and like `holiday_like` count as holidays, too.
    `is_nonnegative`: True keeps all bounds at 0 or above, None does so where no value of a series is below 0.
    `own_share`: how much of an interval comes from a series' own errors rather than from those of all series (0 to 1).
    `models`: names of better models (entry points of `trimtab.forecasters`) that may be tried; None tries all that are
    installed, () none.

    Raises InputError for a value outside its limits.
    """

    seasons_ms: tuple[int, ...] = ()
    origins: int = 28
    holidays: tuple[str, ...] = ()
    holiday_like: int = 6
    finds_holidays: bool = False
    time_zone: str = "UTC"
    is_nonnegative: bool | None = None
    own_share: float = 0.7
    models: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _between("origins", self.origins, 2, ORIGINS_MAX)
        _between("holiday_like", self.holiday_like, 0, 6)
        _between("own_share", self.own_share, 0, 1)
        if len(self.seasons_ms) > SEASONS_MAX or any(season <= 0 for season in self.seasons_ms):
            raise InputError(f"seasons_ms: at most {SEASONS_MAX} positive lengths, not {self.seasons_ms}")
        for date in self.holidays:
            try:
                dt.date.fromisoformat(date)
            except ValueError as error:
                raise InputError(f"holidays: {date!r} is no date such as 2026-12-25") from error
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InputError(f"time_zone: {self.time_zone!r} is no time zone such as Europe/Zurich") from error


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"{name}: {value} is not between {low} and {high}", field=name, value=value)
