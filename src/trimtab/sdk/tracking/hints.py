"""Hints from the numbers of one execution: each with the numbers that it stands on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

MIB = 1024.0 * 1024.0
_READING = frozenset({"bytes_scanned", "io_operations", "cpu_time"})
Numbers = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class OptimizationHint:
    """Something worth a look. `evidence` are the numbers that it stands on, by metric."""

    rule: str
    words: str
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    needs: tuple[str, ...]
    holds: Callable[[Mapping[str, float], frozenset[str]], bool]
    words: str


RULES: tuple[_Rule, ...] = (
    _Rule(
        "reads_much_for_few_rows",
        ("rows_processed", "bytes_scanned"),
        lambda one, _odd: (
            one["bytes_scanned"] >= 16 * MIB and one["bytes_scanned"] > 65_536 * (one["rows_processed"] + 1)
        ),
        "It reads more than 64 KiB for each row: an index on what it filters by, or fewer columns, would read less.",
    ),
    _Rule(
        "waits_for_something",
        ("execution_time", "cpu_time"),
        lambda one, _odd: one["execution_time"] >= 0.05 and one["cpu_time"] < 0.2 * one["execution_time"],
        "Four fifths of its time it did not compute: it waited for the disk, for locks or for the network.",
    ),
    _Rule(
        "computes_all_the_time",
        ("execution_time", "cpu_time"),
        lambda one, _odd: one["execution_time"] >= 0.5 and one["cpu_time"] >= 0.9 * one["execution_time"],
        "It computes all of its time: fewer rows into joins, sorts and aggregates, or parallel workers, would help.",
    ),
    _Rule(
        "many_reads_for_each_row",
        ("rows_processed", "io_operations"),
        lambda one, _odd: one["io_operations"] >= 1000 and one["io_operations"] > 10 * (one["rows_processed"] + 1),
        "More than ten I/O operations for each row: a covering index, or reading in the table's order, saves most.",
    ),
    _Rule(
        "much_memory",
        ("memory_peak",),
        lambda one, _odd: one["memory_peak"] >= 512 * MIB,
        "It takes more than 512 MiB: a sort or hash of so much is better filtered, or sorted by an index, before.",
    ),
    _Rule(
        "other_plan",
        ("execution_time", "rows_processed"),
        lambda _one, odd: "execution_time" in odd and "rows_processed" not in odd and bool(odd & _READING),
        "It takes longer and reads more for as many rows as always: look whether its plan changed.",
    ),
    _Rule(
        "more_rows",
        ("execution_time", "rows_processed"),
        lambda _one, odd: {"execution_time", "rows_processed"} <= odd,
        "It takes longer because there are more rows: an argument that fits more, a filter that is missing, or growth.",
    ),
)


def hints_of(numbers: Numbers, odd: Collection[str] = ()) -> tuple[OptimizationHint, ...]:
    """What the numbers say; `odd` are the metrics that are not as usual.

    >>> [hint.rule for hint in hints_of({"execution_time": 2.0, "cpu_time": 0.1})]
    ['waits_for_something']
    """
    known = {name: value for name, value in numbers.items() if value is not None}
    return tuple(
        OptimizationHint(rule.name, rule.words, {name: known[name] for name in rule.needs})
        for rule in RULES
        if all(name in known for name in rule.needs) and rule.holds(known, frozenset(odd))
    )
