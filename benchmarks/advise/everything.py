"""All that is measured of advice, one section after the other, with the time that each took: `make bench-advise`.

    python -m benchmarks.advise.everything [--only NAME …] [--quick] [--folder F]

Sections are commands of their own with servers of their own. The long one (`workloads`) passes through what it prints;
the others run one after the other beside it, on the second core, and are printed when they end: times are processor
times, and what is compared is measured in turn. At the end is a line for each: done, not measured and why, or failed.
`--quick` goes through all of them with little data, to see that they work; its numbers say nothing. Public advisers,
TPC-H and TPC-DS are looked for below TRIMTAB_BENCH_DATA:

    index_selection_evaluation/   a checkout of github.com/hyrise/index_selection_evaluation
    dexter/                       a checkout of github.com/ankane/dexter (Ruby with pg, pg_query, slop, logger)
    duckdb/                       a virtual environment with duckdb==1.4.4, duckdb-ext-tpch and duckdb-ext-tpcds
    tpch/                         rows and statements that are there already (made by DuckDB otherwise)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

NOT_MEASURED = "not measured"
MISSING_SHOWN = 3


@dataclass(frozen=True)
class Section:
    """One command: what it shows, its module with arguments, and those of its quick form."""

    name: str
    shows: str
    command: tuple[str, ...]
    quick: tuple[str, ...]
    passes_through: bool = False


SECTIONS = (
    Section(
        "rough",
        "broken and huge input is said, and the rest goes on",
        ("benchmarks.advise.rough",),
        ("benchmarks.advise.rough", "--tables", "500", "--shapes", "300"),
    ),
    Section(
        "adversarial",
        "no rewrite of 100 awkward statements returns anything else",
        ("pytest", "-q", "-n", "0", "tests/advise/rewrite/test_adversarial.py"),
        ("pytest", "-q", "-n", "0", "tests/advise/rewrite/test_adversarial.py"),
    ),
    Section(
        "rewrites-small",
        "all 22 statements of TPC-H at a scale where each of them ends: every form returns the same rows",
        ("benchmarks.advise.rewrites", "--tpch", "0.02", "--tpcds", "0", "--time-max-s", "60"),
        ("benchmarks.advise.rewrites", "--tpch", "0.01", "--tpcds", "0", "--time-max-s", "2", "--only", "q17,q20"),
    ),
    Section(
        "rewrites",
        "TPC-H and TPC-DS: measured gain of each rewrite, its upper bound, and how many statements end",
        ("benchmarks.advise.rewrites", "--tpch", "1", "--tpcds", "0.2", "--time-max-s", "10"),
        ("benchmarks.advise.rewrites", "--tpch", "0.01", "--tpcds", "0.01", "--time-max-s", "2", "--only", "q17,q20"),
    ),
    Section(
        "queries",
        "one query at a time: predicted and measured ratio of each proposal",
        ("benchmarks.predicted_vs_measured",),
        ("benchmarks.predicted_vs_measured", "--scale", "1", "--calls", "1", "--only", "by user"),
    ),
    Section(
        "workloads",
        "whole workloads beside AutoAdmin, Extend and Dexter; withdrawals, sizes, and whether 220 intervals hold",
        ("benchmarks.advise", "--pieces", "110"),
        ("benchmarks.advise", "--pieces", "4", "--repetitions", "1", "--scale", "0.05", "--time", "2", "--trial", "5"),
        passes_through=True,
    ),
)


@dataclass(frozen=True)
class Ended:
    """What became of a section."""

    section: Section
    took_s: float
    exit_code: int
    not_measured: tuple[str, ...]

    @property
    def words(self) -> str:
        """In a line."""
        if self.exit_code:
            return f"FAILED with exit code {self.exit_code}"
        missing = "; ".join(self.not_measured[:MISSING_SHOWN])
        return f"done, but {missing}" if missing else "done"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; exit code 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=[one.name for one in SECTIONS])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", type=Path, help="write each section's JSON there where it has one")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    wanted = [one for one in SECTIONS if not chosen.only or one.name in chosen.only]
    lanes = [[one for one in wanted if one.passes_through == passes] for passes in (True, False)]

    def lane(sections: Sequence[Section]) -> list[Ended]:
        return [_run(one, quick=chosen.quick, folder=chosen.folder) for one in sections]

    with ThreadPoolExecutor(len(lanes)) as pool:
        ended = [one for done in pool.map(lane, lanes) for one in done]
    print(f"\n{'section':16} {'took':>8}  what became of it")
    for one in ended:
        print(f"{one.section.name:16} {one.took_s:6.0f} s  {one.words}\n{'':27}{one.section.shows}")
    print(f"{'all':16} {time.monotonic() - began:6.0f} s  load {os.getloadavg()[0]:.1f} at the end")
    return 1 if any(one.exit_code for one in ended) else 0


def _run(section: Section, *, quick: bool, folder: Path | None) -> Ended:
    command = list(section.quick if quick else section.command)
    if folder is not None and section.name in ("queries", "workloads"):
        command += ["--json", str(folder / f"{section.name}.json")]
    head = f"\n== {section.name}: {section.shows} (load {os.getloadavg()[0]:.1f})\n"
    _say(head if section.passes_through else f"({section.name} begins)")
    began = time.monotonic()
    lines = [head]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        for line in running.stdout or ():
            lines.append(line.rstrip("\n"))
            if section.passes_through:
                _say(lines[-1])
    if not section.passes_through:
        _say("\n".join([*lines, ""]))
    missing = tuple(line.strip() for line in lines if NOT_MEASURED in line)
    return Ended(section, time.monotonic() - began, running.returncode, missing)


_one_at_a_time = threading.Lock()


def _say(text: str) -> None:
    with _one_at_a_time:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
