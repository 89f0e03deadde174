"""The limits, and the tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.traces.cold import Answered
    from benchmarks.traces.growing import Signal, Size
    from benchmarks.traces.storing import Stored
    from benchmarks.traces.writing import Written

ROWS_A_CPU_S_MIN = 400_000
SEARCH_P95_MS_MAX = 500.0
JUDGED_ROWS = 10_000_000
"""Searches are judged among so many, or, where a run has fewer, among the most that it has."""
MEMORY_MIB_MAX = 4096


@dataclass(frozen=True, slots=True)
class Verdict:
    """One limit: what it is about, what was seen, and whether it holds."""

    what: str
    seen: str
    holds: bool

    def __str__(self) -> str:
        """One line.

        >>> str(Verdict("spans", "450,000 a CPU-second, the limit is 400,000", True))
        'LIMIT HOLDS:  spans: 450,000 a CPU-second, the limit is 400,000'
        """
        return f"{'LIMIT HOLDS: ' if self.holds else 'LIMIT BROKEN:'} {self.what}: {self.seen}"


def judge_storing(stored: Stored) -> Verdict:
    """What is judged is decoding and storing alone, as the aim says."""
    seen = f"{stored.rows_a_cpu_s:,.0f} a CPU-second decoded and stored, the limit is {ROWS_A_CPU_S_MIN:,}"
    return Verdict(stored.signal, seen, stored.rows_a_cpu_s >= ROWS_A_CPU_S_MIN)


def judge_written(signal: Signal, ways: Sequence[Written]) -> Verdict:
    """Whether all that was sent is there."""
    lost = [line for one in ways for line in one.broken]
    return Verdict(signal, "; ".join(lost) or "all that was sent through a server is there", not lost)


def judge_growing(signal: Signal, sizes: Sequence[Size]) -> list[Verdict]:
    """Memory at each size; how long searches take at the one that is judged: those that take too long, or how many hold
    and the longest of them."""
    found = [
        Verdict(
            signal,
            f"{size.memory_mib:,.0f} MiB at {size.rows_count:,}, the limit is {MEMORY_MIB_MAX:,}",
            size.memory_mib <= MEMORY_MIB_MAX,
        )
        for size in sizes
    ]
    within = [size for size in sizes if size.rows_count < JUDGED_ROWS * 1.05]
    judged = [answer for answer in (within[-1].answers if within else ()) if answer.is_judged]
    slow = [answer for answer in judged if answer.p95_ms > SEARCH_P95_MS_MAX]
    found += [Verdict(signal, _took(answer, within[-1]), holds=False) for answer in slow]
    quick = [answer for answer in judged if answer.p95_ms <= SEARCH_P95_MS_MAX]
    if quick:
        longest = max(quick, key=lambda answer: answer.p95_ms)
        found.append(
            Verdict(signal, f"{len(quick)} kinds of searches, the longest: {_took(longest, within[-1])}", True)
        )
    return found


def _took(answer: Answered, size: Size) -> str:
    return (
        f"{answer.name}: p95 {answer.p95_ms:.0f} ms among {size.rows_count:,} ({answer.cpu_ms:.0f} ms of CPU), the"
        f" limit is {SEARCH_P95_MS_MAX:.0f}"
    )


def show_storing(rows: Sequence[Stored]) -> None:
    """One table."""
    print("\n# step by step in one process, segments of 128,000: CPU us each")
    print("#   the door's look; decoding; decoding, counting and inserting, on disk and synced; then merging all, once")
    _table(
        (
            "",
            "door",
            "decoded",
            "and stored",
            "a CPU-second",
            "merged once",
            "bytes new",
            "bytes merged",
            "load",
            "yardstick",
        ),
        [
            (
                row.signal,
                f"{row.door_us:.2f}",
                f"{row.decoded_us:.2f}",
                f"{row.stored_us:.2f}",
                f"{row.rows_a_cpu_s:,.0f}",
                f"{row.merged_us:.2f}",
                f"{row.bytes_inserted:.1f}",
                f"{row.bytes_merged:.1f}",
                f"{row.load:.1f}",
                f"{row.yardstick_ms:.0f} ms",
            )
            for row in rows
        ],
    )


def show_writing(rows: Sequence[Written]) -> None:
    """One table."""
    print(f"\n# the whole pipe, to a fresh server; {os.cpu_count()} CPUs")
    print("#   HTTP, unpacking, the door, the spool (synced), decoding, storing, all merges and sums, the server's own")
    _table(
        (
            "",
            "CPU us each",
            "a CPU-second",
            "CPU s",
            "after sending",
            "idle, %",
            "bodies",
            "bytes sent",
            "of plain",
            "bytes each",
            "MiB",
            "load",
            "yardstick",
        ),
        [
            (
                f"{row.signal}, {row.sender}",
                f"{row.cpu_us_a_row:.2f}",
                f"{1e6 / row.cpu_us_a_row:,.0f}",
                f"{row.cpu_s:.2f}",
                f"{row.settling_cpu_s:.2f}",
                f"{row.idle_cpu_share * 100:.1f}",
                f"{row.bodies_count:,}",
                f"{row.sent_bytes / row.rows_count:.0f}",
                f"{row.plain_bytes / row.rows_count:.0f}",
                f"{row.bytes_a_row:.1f}",
                f"{row.memory_mib:.0f}",
                f"{row.load:.1f}",
                f"{row.yardstick_ms:.0f} ms",
            )
            for row in rows
        ],
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for cells in (titles, *rows):
        print(f"{cells[0]:24}" + "".join(f"{cell:>14}" for cell in cells[1:]))


def show_growing(signal: Signal, sizes: Sequence[Size]) -> None:
    """One table, a column for each size."""
    print(f"\n# {signal} in one table, filled through the store's door; asked cold (caches and pages dropped)")
    print(f"{'':36}" + "".join(f"{size.rows_count:>22,}" for size in sizes))
    rows = (
        ("filling, CPU us each", [f"{size.fill_cpu_us:.2f}" for size in sizes]),
        ("filling, s", [f"{size.fill_wall_s:.0f}" for size in sizes]),
        ("bytes each", [f"{size.bytes_a_row:.1f}" for size in sizes]),
        *(
            (f"  of which {name}", [f"{size.bytes_of.get(name, 0.0):.1f}" for size in sizes])
            for name in (sizes[-1].bytes_of if sizes else {})
        ),
        ("parts", [f"{size.parts_count}" for size in sizes]),
        ("most memory of the process, MiB", [f"{size.memory_mib:,.0f}" for size in sizes]),
        ("load of the machine", [f"{size.load:.1f}" for size in sizes]),
        ("yardstick (CPU ms of fixed work)", [f"{size.yardstick_ms:.0f}" for size in sizes]),
    )
    for title, texts in rows:
        print(f"{title:36}" + "".join(f"{text:>22}" for text in texts))
    print(f"{'p50 / p95 ms (CPU ms); * has a limit; n %: so far it came in the time of a page':36}")
    for place, answer in enumerate(sizes[-1].answers if sizes else ()):
        found = [size.answers[place] for size in sizes]
        name = f"{answer.name}{' *' if answer.is_judged else ''}"
        texts = [f"{_looked(one)}{one.p50_ms:,.0f} /{one.p95_ms:6,.0f} ({one.cpu_ms:5,.0f})" for one in found]
        print(f"{name:36}" + "".join(f"{text:>22}" for text in texts))


def _looked(answer: Answered) -> str:
    """How much of the range, where it is not all."""
    return "" if answer.looked >= 1 else f"{answer.looked:.0%}: "
