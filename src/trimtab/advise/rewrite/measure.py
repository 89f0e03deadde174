"""The time of both forms on real data, in turn: of the server's process where it can be seen, else by the clock.

Parallel workers are off meanwhile: their time is not that of the session's process. Rows are not sent: a cursor moves
over all of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import psycopg

from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.model import Measured
from trimtab.advise.verify.processor_time import BackendClock

RESAMPLES = 2_000
FLOOR_MS = 0.05
"""Below it both forms are as good as nothing: it is added to both."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its time in ms, and whether it was cut at the limit."""

    ms: float
    is_cut: bool


def measured(
    connection: Connection, before: str, after: str, *, repetitions: int, time_max_s: float
) -> Measured | None:
    """Both forms in turn; None where the new form does not end either. Inside a transaction that only reads."""
    clock = BackendClock.of(connection)
    rows: list[tuple[_Run, _Run]] = []
    cut_ms: float | None = None
    for repetition in range(repetitions):
        pair: dict[bool, _Run] = {}
        for is_new in (False, True) if repetition % 2 == 0 else (True, False):
            if not is_new and cut_ms is not None:
                pair[is_new] = _Run(cut_ms, True)
                continue
            pair[is_new] = _run(connection, clock, after if is_new else before, time_max_s)
            if is_new and pair[is_new].is_cut:
                return None
            if not is_new and pair[is_new].is_cut:
                cut_ms = pair[is_new].ms
        rows.append((pair[False], pair[True]))
    olds = np.array([old.ms for old, _ in rows]) + FLOOR_MS
    news = np.array([new.ms for _, new in rows]) + FLOOR_MS
    logs = np.log(news / olds)
    picks = np.random.default_rng(1).integers(0, len(logs), (RESAMPLES, len(logs)))
    low, high = np.exp(np.quantile(np.median(logs[picks], axis=1), (0.05, 0.95)))
    return Measured(
        ratio=float(np.exp(np.median(logs))),
        interval_90=(float(low), float(high)),
        repetitions=len(rows),
        unit="cpu" if clock is not None else "wall",
        before_ms=float(np.median(olds) - FLOOR_MS),
        after_ms=float(np.median(news) - FLOOR_MS),
        original_is_cut=cut_ms is not None,
    )


def _run(connection: Connection, clock: BackendClock | None, text: str, time_max_s: float) -> _Run:
    began = time.perf_counter_ns() if clock is None else clock.read_ns()
    is_cut = False
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = {int(time_max_s * 1000)}".encode(), prepare=False)
            connection.execute(b"SET LOCAL cursor_tuple_fraction = 1", prepare=False)
            connection.execute(b"SET LOCAL max_parallel_workers_per_gather = 0", prepare=False)
            connection.execute(f"DECLARE trimtab_measure NO SCROLL CURSOR FOR {text}".encode(), prepare=False)
            connection.execute(b"MOVE FORWARD ALL IN trimtab_measure", prepare=False)
            connection.execute(b"CLOSE trimtab_measure", prepare=False)
    except psycopg.errors.QueryCanceled:
        is_cut = True
    ended = time.perf_counter_ns() if clock is None else clock.read_ns()
    return _Run((ended - began) / 1e6, is_cut)
