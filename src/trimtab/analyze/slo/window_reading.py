"""Windows of objectives, as files say them: rolling, or by the calendar of a zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trimtab.analyze.slo.document import Part
from trimtab.model.objective_window import DAY_MS, CalendarUnit, Window
from trimtab.model.objectives import SLICE_MS

DEFAULT_WINDOW = Window(30 * DAY_MS)
WINDOW_MS_MIN, WINDOW_MS_MAX = 5 * SLICE_MS, 366 * DAY_MS
_USUAL_LENGTH_MS = {
    CalendarUnit.DAY: DAY_MS,
    CalendarUnit.WEEK: 7 * DAY_MS,
    CalendarUnit.MONTH: 30 * DAY_MS,
    CalendarUnit.QUARTER: 91 * DAY_MS,
    CalendarUnit.YEAR: 365 * DAY_MS,
}
_UNITS = tuple(unit.value for unit in CalendarUnit)


def window_in(part: Part) -> Window:
    """`30d`, `month`, or `{calendar: month, zone: Europe/Berlin}`."""
    found = part.get("window")
    if found is None:
        return DEFAULT_WINDOW
    if isinstance(found, dict):
        inner = part.part("window")
        inner.known("rolling", "calendar", "zone", "starts_at", "count")
        if inner.has("rolling"):
            return _rolling(inner, "rolling")
        return _calendar(inner, inner.text("calendar", required=True))
    if str(found) in _UNITS:
        return Window(_USUAL_LENGTH_MS[CalendarUnit(str(found))], CalendarUnit(str(found)))
    return _rolling(part, "window")


def _rolling(part: Part, key: str) -> Window:
    length_ms = part.duration_ms(key) or DEFAULT_WINDOW.length_ms
    return Window(checked_length(part, key, length_ms))


def checked_length(part: Part, key: str, length_ms: int) -> int:
    """The length, where windows may be so long."""
    if not WINDOW_MS_MIN <= length_ms <= WINDOW_MS_MAX:
        part.wrong(f"{key}: a window has 5 minutes to 366 days", key, at_value=True)
        return DEFAULT_WINDOW.length_ms
    return length_ms


def _calendar(part: Part, unit: str) -> Window:
    if unit not in _UNITS:
        part.wrong(f"calendar is one of {', '.join(_UNITS)}, found {unit!r}", "calendar", at_value=True)
        return DEFAULT_WINDOW
    return calendar_window(
        part, CalendarUnit(unit), int(part.number("count") or 1), part.text("zone"), part.text("starts_at")
    )


def calendar_window(part: Part, unit: CalendarUnit, count: int, zone: str, starts_at: str, key: str = "zone") -> Window:
    """A calendar window, with what is wrong about its zone or start written down."""
    zone = zone or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        part.wrong(f"there is no time zone {zone!r}; it is named as in 'Europe/Berlin'", key, at_value=True)
        return DEFAULT_WINDOW
    if starts_at:
        try:
            starts_at = datetime.fromisoformat(starts_at.strip()).replace(tzinfo=None).isoformat()
        except ValueError:
            part.wrong(f"{starts_at!r} is no date and time, such as '2026-01-01 12:00:00'")
            starts_at = ""
    if count < 1 or _USUAL_LENGTH_MS[unit] * count > WINDOW_MS_MAX:
        part.wrong("a window has 5 minutes to 366 days")
        count = 1
    return Window(_USUAL_LENGTH_MS[unit] * count, unit, count, zone, starts_at)
