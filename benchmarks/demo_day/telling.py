"""The tables of a day, for people."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.judging import Judged

FALSE_SHOWN_MAX = 10
IN_TIME_MIN, FALSE_MAX = 4, 2


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they have to be; the first row is the head.

    >>> print(table([["a", "b"], ["long", "c"]]))
    a     b
    ----  -
    long  c
    """
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def told(judged: Judged, clock: DayClock) -> str:
    """One day of one who looked: its faults, and what was false."""
    rows = [
        ["fault", "injected at", "first odd at", "after", "told after", "by which series", "test", "episodes", "other"]
    ]
    for one in judged.found:
        injected = [f"{one.fault.kind.value}: {one.fault.about}", clock.said(one.fault.began_ms)]
        counts = [str(one.episodes_count), str(one.others_count)]
        first = one.first
        if first is None or one.after_minutes is None or one.told_after_minutes is None:
            rows.append([*injected, "not found", "", "", "", "", *counts])
            continue
        late = "" if one.is_in_time else " (late)"
        times = [f"{one.after_minutes:.1f} min", f"{one.told_after_minutes:.1f} min{late}"]
        rows.append([*injected, clock.said(first.start_ms), *times, first.series, first.test, *counts])
    lines = [table(rows)]
    for group in judged.false[:FALSE_SHOWN_MAX]:
        first = group[0]
        expected = "" if first.expected is None else f", expected {first.expected:.4g}"
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        lines.append(
            f"false, {clock.said(first.start_ms)}: {first.series} ({first.test}, score {first.score:.2f}, "
            f"{first.observed:.4g}{expected}){more}"
        )
    if len(judged.false) > FALSE_SHOWN_MAX:
        lines.append(f"... and {len(judged.false) - FALSE_SHOWN_MAX} more that are false")
    lines.append(summary(judged))
    return "\n".join(lines)


def summary(judged: Judged) -> str:
    """In one line."""
    single = sum(map(len, judged.false))
    is_good = judged.in_time_count >= IN_TIME_MIN and len(judged.false) <= FALSE_MAX
    return (
        f"{judged.in_time_count} of {len(judged.found)} told within 10 minutes, {len(judged.false)} false episodes "
        f"({single} of single series in {judged.quiet_days:.2f} quiet days of {judged.series_count} series: "
        f"{judged.false_per_series_day:.5f} a series and day): {'reached' if is_good else 'NOT REACHED'}"
    )
