"""How much of a workload's time indexes were priced for: a large one has more statements than there is time for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.advise.workload.advice import StatementOutlook
from trimtab.advise.workload.reading import NO_TIME, NO_TIME_FOR_TABLES, NOT_PRICED, mean_call_ms
from trimtab.advise.workload.statements import Left

LATE = frozenset({NO_TIME, NO_TIME_FOR_TABLES, NOT_PRICED})


def priced_share(
    outlooks: Sequence[StatementOutlook],
    calls: Sequence[float],
    left: Sequence[Left],
    calls_of: Mapping[str, tuple[float, float | None]],
) -> float:
    """The share, 0..1, of the time that all statements take which those take that were priced.

    Of one that was not even planned, and that the server did not measure, nobody knows the time: the mean of the others
    stands for it. What cannot be priced at all (broken statements, DDL) is no part of it.
    """
    late = {one.name for one in left if one.reason in LATE}
    times_ms = {one.name: count * one.before_ms for one, count in zip(outlooks, calls, strict=True)}
    usual_ms = mean_call_ms((count, one.before_ms) for one, count in zip(outlooks, calls, strict=True))
    missing_ms = 0.0
    for name in late:
        count, mean_ms = calls_of.get(name, (1.0, None))
        missing_ms += times_ms.get(name, count * (usual_ms if mean_ms is None else mean_ms))
    priced_ms = sum(ms for name, ms in times_ms.items() if name not in late)
    return priced_ms / (priced_ms + missing_ms) if missing_ms else 1.0
