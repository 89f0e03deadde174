"""Traces and logs: processor time of writing, bytes on disk, and how quickly things are found, cold.

    python -m benchmarks.traces [--write 1000000] [--send 300000] [--sizes 1000000 10000000] [--rounds 10]
                                [--signals spans lines] [--out FILE]
    python -m benchmarks.traces --sizes 1000000 10000000 50000000     growth to 50 million (make bench-traces LARGE=1)
    python -m benchmarks.traces --write 200000 --send 50000 --sizes 100000 500000 --rounds 3     a few minutes

Step by step: what decoding and storing costs, alone, which is what is judged. The whole pipe: requests as SDKs send
them (512 each) and as a collector does (8,192 each, gzip and zstd) to a fresh `trimtab up`; counted is the processor
time of its process tree until everything is loaded, summed up and merged. Growing: one store for each signal in a
process of its own, filled through its door; at each size all questions are asked, each time with the engine's caches
dropped and the store's files out of the system's cache (`posix_fadvise`). Wall times of searches are what is judged; on
a machine that does other things at the same time look at the processor time beside them. The end says of each limit
whether it holds; exits with 1 where one is broken. Takes about 15 minutes of two cores that do nothing else (estimated
from what its parts take) and 2 GB of temporary space, which is given back; with 50 million 15 minutes and 6 GB more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.traces.cold import Answered
from benchmarks.traces.growing import TABLES, Signal, Size
from benchmarks.traces.judging import (
    Verdict,
    judge_growing,
    judge_storing,
    judge_written,
    show_growing,
    show_storing,
    show_writing,
)
from benchmarks.traces.storing import Stored
from benchmarks.traces.writing import Written, all_ways, step_by_step

FREE_BYTES_A_ROW = 160


def _grown(signal: Signal, sizes: Sequence[int], rounds: int, folder: Path) -> Iterator[Size]:
    """By a process of its own, whose memory is this store's."""
    command = [sys.executable, "-m", "benchmarks.traces.growing", signal, "--rounds", str(rounds), "--dir", str(folder)]
    with subprocess.Popen([*command, "--sizes", *map(str, sizes)], stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no output")
        for line in process.stdout:
            told = json.loads(line)
            answers = [Answered(**answer) for answer in told.pop("answers")]
            yield Size(**told, answers=answers)
    if process.returncode:
        raise RuntimeError(f"filling and asking {signal} ended with {process.returncode}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=int, default=1_000_000, help="how many are decoded and stored; 0: none")
    parser.add_argument("--send", type=int, default=300_000, help="how many go through a server, each way; 0: none")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--rounds", type=int, default=10, help="of each question")
    parser.add_argument("--signals", choices=sorted(TABLES), nargs="+", default=["spans", "lines"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    began_s = time.monotonic()
    verdicts: list[Verdict] = []
    written: list[Written] = []
    grown: dict[Signal, list[Size]] = {}
    stored: list[Stored] = []

    def begin(what: str) -> None:
        print(f"# {(time.monotonic() - began_s) / 60:.1f} min: {what}", file=sys.stderr, flush=True)

    for signal in given.signals if given.write else ():
        begin(f"{signal}: {given.write:,} decoded and stored")
        stored.append(step_by_step(signal, given.write))
        verdicts.append(judge_storing(stored[-1]))
    if stored:
        show_storing(stored)
    for signal in given.signals if given.send else ():
        begin(f"{signal}: {given.send:,} through a server, each way")
        ways = all_ways(signal, given.send)
        verdicts.append(judge_written(signal, ways))
        written += ways
    if written:
        show_writing(written)
    for signal in given.signals if given.sizes else ():
        begin(f"{signal}: growing to {max(given.sizes):,}")
        with tempfile.TemporaryDirectory(prefix="trimtab-bench-traces-") as folder:
            free_bytes, wanted_bytes = shutil.disk_usage(folder).free, FREE_BYTES_A_ROW * max(given.sizes)
            if free_bytes < wanted_bytes:
                raise SystemExit(f"{folder} has {free_bytes:,} bytes free; this takes about {wanted_bytes:,}")
            grown[signal] = list(_grown(signal, sorted(given.sizes), given.rounds, Path(folder)))
        show_growing(signal, grown[signal])
        verdicts += judge_growing(signal, grown[signal])
    print(f"\n# {(time.monotonic() - began_s) / 60:.1f} minutes; load of the machine now {os.getloadavg()[0]:.1f}")
    for verdict in verdicts:
        print(verdict)
    broken = [str(verdict) for verdict in verdicts if not verdict.holds]
    if given.out is not None:
        told = {
            "stored": [asdict(one) for one in stored],
            "written": [asdict(one) for one in written],
            "grown": {signal: [asdict(size) for size in sizes] for signal, sizes in grown.items()},
            "broken": broken,
        }
        given.out.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
