"""Traces and logs: processor time of writing, bytes on disk, and how quickly things are found, cold.

    python -m benchmarks.traces [--write 1000000] [--sizes 1000000 10000000 50000000] [--rounds 10]
                                [--signals spans lines] [--out FILE]
    python -m benchmarks.traces --write 200000 --sizes 100000 500000 --rounds 3     a few minutes

Step by step: what decoding and storing costs, alone, which is what is judged. The whole pipe: requests as SDKs send
them (512 each) and as a collector does (8,192 each, gzip and zstd) to a fresh `trimtab up`; counted is the processor
time of its process tree until everything is loaded, summed up and merged. Growing: one store for each signal in a
process of its own, filled through its door; at each size all questions are asked, each time with the engine's caches
dropped and the store's files out of the system's cache (`posix_fadvise`). Wall times of searches are what is judged; on
a machine that does other things at the same time look at the processor time beside them. Exits with 1 where a limit is
broken. Takes about 25 minutes and 8 GB of temporary space, which is given back.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.traces.cold import Answered
from benchmarks.traces.growing import TABLES, Signal, Size
from benchmarks.traces.judging import judge_growing, judge_storing, show_growing, show_storing, show_writing
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
    parser.add_argument("--write", type=int, default=1_000_000, help="how many are written; 0: not measured")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000_000, 10_000_000, 50_000_000])
    parser.add_argument("--rounds", type=int, default=10, help="of each question")
    parser.add_argument("--signals", choices=sorted(TABLES), nargs="+", default=["spans", "lines"])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    broken: list[str] = []
    written: list[Written] = []
    grown: dict[Signal, list[Size]] = {}
    stored: list[Stored] = []
    if given.write:
        for signal in given.signals:
            stored.append(step_by_step(signal, given.write))
            broken += judge_storing(stored[-1])
        show_storing(stored)
        for signal in given.signals:
            written += all_ways(signal, given.write)
        broken += [line for one in written for line in one.broken]
        show_writing(written)
    for signal in given.signals if given.sizes else ():
        with tempfile.TemporaryDirectory(prefix="trimtab-bench-traces-") as folder:
            free_bytes, wanted_bytes = shutil.disk_usage(folder).free, FREE_BYTES_A_ROW * max(given.sizes)
            if free_bytes < wanted_bytes:
                raise SystemExit(f"{folder} has {free_bytes:,} bytes free; this takes about {wanted_bytes:,}")
            grown[signal] = list(_grown(signal, sorted(given.sizes), given.rounds, Path(folder)))
        show_growing(signal, grown[signal])
        broken += judge_growing(signal, grown[signal])
    for line in broken:
        print(f"LIMIT BROKEN: {line}")
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
