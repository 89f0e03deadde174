"""Change windows against a slow oracle: what a clock on the wall says, minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.change_window import DAYS, opening, parse_window, window_problem

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
MINUTE_MS = 60_000


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, zone: str = "UTC", fold: int = 0) -> int:
    """A moment by the clock on the wall of a zone."""
    moment = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold)
    return round(moment.timestamp() * 1000)


def utc(at_ms: int | None) -> str | None:
    """A moment for a comparison that can be read."""
    return None if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%m-%d %H:%M}"


def test_a_night_from_monday_to_friday() -> None:
    windows = ["Mon-Fri 22:00-06:00 Europe/Berlin"]
    friday = opening(windows, ms(2026, 11, 27, 23, 30, "Europe/Berlin"))
    assert (friday.is_open, utc(friday.closes_at_ms)) == (True, "11-28 05:00")
    assert opening(windows, ms(2026, 11, 28, 5, 59, "Europe/Berlin")).is_open, "it belongs to Friday"
    saturday = opening(windows, ms(2026, 11, 28, 6, 0, "Europe/Berlin"))
    assert (saturday.is_open, utc(saturday.opens_at_ms)) == (False, "11-30 21:00")
    assert not opening(windows, ms(2026, 11, 30, 3, 0, "Europe/Berlin")).is_open, "Sunday's night is not in the list"


def test_the_start_is_in_and_the_end_is_out() -> None:
    windows = ["10:00-11:00"]
    assert not opening(windows, ms(2026, 5, 5, 10) - 1).is_open
    assert opening(windows, ms(2026, 5, 5, 10)).is_open
    assert opening(windows, ms(2026, 5, 5, 11) - 1).is_open
    assert not opening(windows, ms(2026, 5, 5, 11)).is_open


def test_windows_that_touch_are_one() -> None:
    windows = ["Sat 00:00-24:00 Europe/Berlin", "Sun 00:00-12:00 Europe/Berlin", "Fri 22:00-02:00 Europe/Berlin"]
    now = opening(windows, ms(2026, 11, 27, 22, 30, "Europe/Berlin"))
    assert utc(now.closes_at_ms) == "11-29 11:00"


def test_what_is_always_open_never_closes() -> None:
    assert opening(["00:00-24:00 Europe/Berlin"], ms(2026, 3, 28, 12)).closes_at_ms is None
    assert opening(["00:00-12:00", "17:00-06:00 Asia/Kolkata"], ms(2026, 3, 28, 12)).closes_at_ms is None


def test_nights_when_the_clocks_are_changed_are_as_long_as_they_are() -> None:
    night = ["Sat 22:00-06:00 Europe/Berlin"]
    forward = opening(night, ms(2026, 3, 28, 23, 0, "Europe/Berlin"))  # 02:00 becomes 03:00
    assert forward.closes_at_ms == ms(2026, 3, 29, 4, 0)
    assert forward.closes_at_ms - ms(2026, 3, 28, 22, 0, "Europe/Berlin") == 7 * 3_600_000
    back = opening(night, ms(2026, 10, 24, 23, 0, "Europe/Berlin"))  # 03:00 becomes 02:00
    assert back.closes_at_ms is not None
    assert back.closes_at_ms - ms(2026, 10, 24, 22, 0, "Europe/Berlin") == 9 * 3_600_000


@pytest.mark.parametrize(
    ("window", "day", "opens", "closes"),
    [
        ("Sun 02:30-04:00 Europe/Berlin", (2026, 3, 29), "03-29 01:30", "03-29 02:00"),  # 02:30 is not there
        ("Sun 01:00-02:30 Europe/Berlin", (2026, 3, 29), "03-29 00:00", "03-29 00:30"),  # nor is this end
        ("Sun 02:15-02:45 Europe/Berlin", (2026, 3, 29), "04-05 00:15", "04-05 00:45"),  # not at all that night
        ("Sun 02:30-04:00 Europe/Berlin", (2026, 10, 25), "10-25 01:30", "10-25 03:00"),  # the second 02:30
        ("Sun 01:00-02:30 Europe/Berlin", (2026, 10, 25), "10-24 23:00", "10-25 00:30"),  # the first 02:30
        ("Sun 02:15-02:45 Europe/Berlin", (2026, 10, 25), "11-01 01:15", "11-01 01:45"),  # not at all that night
    ],
)
def test_a_time_that_does_not_exist_or_comes_twice_counts_narrowly(
    window: str, day: tuple[int, int, int], opens: str, closes: str
) -> None:
    opens_at_ms = opening([window], ms(*day, zone="Europe/Berlin")).opens_at_ms
    assert utc(opens_at_ms) == opens
    assert opens_at_ms is not None
    assert utc(opening([window], opens_at_ms).closes_at_ms) == closes


def on_the_wall(text: str, at_ms: int) -> bool:
    """The oracle: what somebody with a clock would say. Right wherever the clocks are not changed nearby."""
    window = parse_window(text)
    there = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(window.zone))
    minute = there.hour * 60 + there.minute
    yesterday = (there.weekday() - 1) % 7
    today = there.weekday() in window.days and window.start_minute <= minute < window.end_minute
    return today or (yesterday in window.days and minute + 1440 < window.end_minute)


def changes_nearby(at_ms: int, zone: str) -> bool:
    """Whether the clocks of a zone are changed within two days."""
    around = (datetime.fromtimestamp(at_ms / 1000, UTC) + timedelta(hours=hours) for hours in range(-48, 49, 6))
    return len({moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in around}) > 1


TIMES = st.builds(lambda h, m: f"{h:02}:{m:02}", st.integers(0, 23), st.sampled_from([0, 1, 30, 59]))
DAY_LISTS = st.one_of(
    st.just(""),
    st.lists(st.one_of(st.sampled_from(DAYS), st.builds("{}-{}".format, *[st.sampled_from(DAYS)] * 2)), min_size=1)
    .filter(lambda parts: len(parts) <= 4)
    .map(lambda parts: ",".join(parts) + " "),
)
WINDOWS = st.builds(
    lambda days, start, end, zone: f"{days}{start}-{end if end != start else '24:00'} {zone}",
    DAY_LISTS,
    TIMES,
    TIMES,
    st.sampled_from(ZONES),
)
MOMENTS = st.integers(ms(2025, 1, 1) // MINUTE_MS, ms(2027, 1, 1) // MINUTE_MS).map(lambda minute: minute * MINUTE_MS)


@given(text=WINDOWS, at_ms=MOMENTS)
def test_open_is_what_the_clock_on_the_wall_says(text: str, at_ms: int) -> None:
    if not changes_nearby(at_ms, parse_window(text).zone):
        assert opening([text], at_ms).is_open == on_the_wall(text, at_ms)


@given(texts=st.lists(WINDOWS, min_size=1, max_size=3), at_ms=MOMENTS)
def test_opens_and_closes_are_the_moments_when_it_does(texts: list[str], at_ms: int) -> None:
    now = opening(texts, at_ms)
    turn_ms = now.closes_at_ms if now.is_open else now.opens_at_ms
    if turn_ms is None:
        assert now.is_open, "every list of days comes back within the horizon"
        return
    assert turn_ms > at_ms
    assert opening(texts, turn_ms - 1).is_open == now.is_open
    assert opening(texts, turn_ms).is_open != now.is_open
    middle_ms = (at_ms + turn_ms) // 2
    assert opening(texts, middle_ms).is_open == now.is_open


@given(texts=st.lists(WINDOWS, min_size=2, max_size=3), at_ms=MOMENTS)
def test_several_windows_are_open_when_any_is(texts: list[str], at_ms: int) -> None:
    assert opening(texts, at_ms).is_open == any(opening([text], at_ms).is_open for text in texts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "written as"),
        ("Mon-Fri", "written as"),
        ("Mon-Fri 22-06", "written as"),
        ("Mon-Wed-Fri 22:00-06:00", "written as"),
        ("Mon 22:00-06:00 +02:00", "no time zone '+02:00'"),
        ("Mon 22:00-06:00 Europe/Berlin extra", "written as"),
        ("Mo 22:00-06:00", "Mo is no day; days are Mon, Tue"),
        ("Montag 22:00-06:00", "Montag is no day"),
        ("Mon-Fri 9:00-17:00", "9:00 is no time of day: hours and minutes have two digits, as in '09:00'"),
        ("22:00-6:00", "6:00 is no time of day: hours and minutes have two digits, as in '06:00'"),
        ("Mox 22:00-06:00", "Mox is no day"),
        ("24:00-06:00", "cannot begin at 24:00"),
        ("22:60-23:00", "22:60 is no time of day"),
        ("22:00-24:01", "24:01 is no time of day"),
        ("00:00-00:00", "the whole day is 00:00-24:00"),
        ("22:00-06:00 Europe", "no time zone 'Europe'"),
        ("22:00-06:00 Nowhere", "no time zone 'Nowhere'"),
        ("22:00-06:00 Etc/../../etc/passwd", "no time zone"),
    ],
)
def test_what_is_no_window_is_told(text: str, problem: str) -> None:
    assert problem in str(window_problem(text))


def test_case_and_spaces_do_not_matter() -> None:
    assert parse_window("  mon,SUN   22:00-06:00   UTC ") == parse_window("Mon,Sun 22:00-06:00")
