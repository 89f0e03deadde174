"""What counts as found, as late, as false, and as one episode."""

from __future__ import annotations

import pytest

from benchmarks.demo_day.alarms import Alarm, concerns
from benchmarks.demo_day.judging import Judged, judge
from benchmarks.demo_day.telling import told
from benchmarks.demo_day.truth import RECOVERY_MINUTES, Injected, Kind
from tests.benchmarks.demo_day.made import CLOCK, alarm, fault, shape_alarm

LEAK = fault(Kind.MEMORY_LEAK, 1500.0)
SURGE = fault(Kind.TRAFFIC_SURGE, 2000.0)
MEMORY, CALLS = "process_memory_usage_bytes", "traces_span_metrics_calls_total"


def judged(*alarms: Alarm) -> Judged:
    return judge((LEAK, SURGE), alarms, CLOCK, (1440.0, 2880.0), series_count=100)


def test_a_fault_is_found_by_a_series_that_it_moves() -> None:
    leak, surge = judged(alarm(MEMORY, 1506.0), alarm(MEMORY, 1520.0), alarm(CALLS, 2011.0)).found
    assert leak.is_in_time
    assert (leak.after_minutes, leak.told_after_minutes, leak.episodes_count) == (6.0, 8.0, 2)
    assert not surge.is_in_time
    assert surge.after_minutes == 11.0


def test_episodes_of_other_series_and_of_before_find_nothing() -> None:
    leak, surge = judged(alarm(CALLS, 1506.0), alarm(CALLS, 1997.0)).found
    assert leak.first is None
    assert leak.others_count == 1
    assert surge.first is None
    assert surge.others_count == 0


def test_what_begins_while_nothing_is_the_matter_is_false() -> None:
    ended = 1550.0
    found = judged(
        alarm(MEMORY, 1497.0),  # each is told two minutes later
        alarm(MEMORY, ended + RECOVERY_MINUTES - 3),
        alarm(MEMORY, ended + RECOVERY_MINUTES - 1),
        alarm(MEMORY, 1437.0),
        alarm(MEMORY, 2878.0),
    )
    begun = [CLOCK.minute(group[0].start_ms) for group in found.false]
    assert begun == [1497.0, ended + RECOVERY_MINUTES - 1]
    assert found.quiet_days == pytest.approx(1 - 2 * (50 + RECOVERY_MINUTES) / 1440)
    assert found.false_per_series_day == pytest.approx(2 / (100 * found.quiet_days))


def test_what_begins_together_is_one_false_episode_and_as_many_of_series() -> None:
    begins = (1600.0, 1602.0, 1603.5, 1606.0, 1607.0, 1620.0)
    found = judged(*(alarm("a", minute) for minute in begins))
    assert [len(group) for group in found.false] == [3, 2, 1]
    assert found.false_per_series_day == pytest.approx(6 / (100 * found.quiet_days))


STORM = fault(Kind.LOCK_STORM, 0.0, table="orders")
FLIP = fault(Kind.PLAN_FLIP, 0.0, table="orders")


@pytest.mark.parametrize(
    ("seen", "of", "expected"),
    [
        (shape_alarm("mean_ms", 1.0, "public.orders"), STORM, True),
        (shape_alarm("mean_ms", 1.0, "public.orders"), FLIP, True),
        (shape_alarm("mean_ms", 1.0, "public.users"), FLIP, False),
        (shape_alarm("calls_per_s", 1.0, "public.orders"), FLIP, False),
        (shape_alarm("calls_per_s", 1.0, "public.users"), SURGE, True),
        (shape_alarm("mean_ms", 1.0, "public.users"), fault(Kind.SLOW_DISK, 0.0), True),
        (shape_alarm("mean_ms", 1.0, "public.users"), LEAK, False),
        (alarm("pg_stat_user_tables_seq_scan", 1.0, relname="orders"), FLIP, True),
        (alarm("pg_stat_user_tables_seq_scan", 1.0, relname="users"), FLIP, False),
        (alarm("trimtab_postgres_locks_waiting", 1.0), STORM, True),
        (alarm("trimtab_postgres_locks_waiting", 1.0), FLIP, False),
        (alarm("node_disk_io_time_seconds_total", 1.0), fault(Kind.SLOW_DISK, 0.0), True),
        (alarm("node_disk_io_time_seconds_total", 1.0), LEAK, False),
    ],
)
def test_which_series_a_fault_moves(seen: Alarm, of: Injected, *, expected: bool) -> None:
    assert concerns(seen, of) is expected


def test_the_table_tells_all_of_it() -> None:
    text = told(judged(alarm(MEMORY, 1506.0), alarm("a", 1600.0)), CLOCK)
    assert "memory leak" in text
    assert "day 2 01:06" in text
    assert "6.0 min" in text
    assert "not found" in text
    assert "false, day 2 02:40: a (range" in text
    assert text.endswith(
        "1 of 2 told within 10 minutes, 1 false episodes (1 of single series in 0.88 quiet days of 100 "
        "series: 0.01143 a series and day): NOT REACHED"
    )
