"""Metrics beside Prometheus and VictoriaMetrics: processor time of writing and asking, size on disk, memory.

    python -m benchmarks.metrics [--series 10000 --scrapes 1000] [--rounds 5] [--million 1000000] [--minutes 24]
        [--out FILE]

Without --series, at 1,000 and 10,000 series (1,000 scrapes), at 100,000 (260 scrapes: no queries of 1,000 steps, and
two rounds), and then a million series in trimtab alone (5 scrapes). All of it ends within --minutes: where the machine
is busy queries are asked in fewer rounds, or not at all, and it is said which (0: it takes as long as it takes).

All servers run side by side with fresh stores, get the same bodies in turns (one sample of each series in a request,
10,000 at most) and the same queries in turns, over HTTP with the answer read to its end. Figures are processor time of
the whole process tree (`/proc`, ticks of 10 ms: a query is repeated within a round until it took long enough) and
medians of the rounds.
trimtab runs twice: with a hot window that holds everything, and with one that holds next to nothing. The load of the
machine is printed; ratios within one run are what counts. Exits with 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.metrics.judging import judge, show
from benchmarks.metrics.measuring import Report, measured
from benchmarks.metrics.million import Million, million, show_million

SCALES = ((1_000, 1_000, 5, 0.2), (10_000, 1_000, 5, 0.47), (100_000, 260, 2, 0.84))
"""Series, scrapes, rounds, and the share of the time after which no query is begun any more."""
MILLION_SERIES, MILLION_SCRAPES = 1_000_000, 5
MINUTES = 24.0
_MILLION_SHARE = 0.9
"""After this share of the time the million is not begun any more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, help="one scale of so many series instead of all")
    parser.add_argument("--scrapes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, help="of each query")
    parser.add_argument("--million", type=int, help="only the row with trimtab alone, of so many series")
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help=f"for all of it; {MINUTES:g} without it, 0: no end"
    )
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    scales = SCALES if given.series is None else ((given.series, given.scrapes, 5, 1.0),)
    reports: list[Report | Million] = []
    begun_s, limit_s = time.monotonic(), given.minutes * 60 or math.inf
    for series, scrapes, rounds, share in scales if given.million is None else ():
        report = measured(series, scrapes, given.rounds or rounds, begun_s + share * limit_s)
        judge(report)
        show(report)
        reports.append(report)
    if given.series is None and time.monotonic() - begun_s > _MILLION_SHARE * limit_s:
        print("\nNOT MEASURED (no time left): a million series in trimtab alone")
    elif given.series is None:
        told = million(given.million or MILLION_SERIES, MILLION_SCRAPES)
        show_million(told)
        reports.append(told)
    print(f"\n# {(time.monotonic() - begun_s) / 60:.1f} minutes in all")
    if given.out is not None:
        given.out.write_text(json.dumps([asdict(report) for report in reports], indent=2) + "\n", "utf-8")
    return 1 if any(report.broken for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
