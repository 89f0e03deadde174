"""Everything about detection that docs/adr/0018 quotes.

    TRIMTAB_BENCH_DATA=… python -m benchmarks.detect [nab] [clean] [fleet] [finding] [speed]

NAB is a checkout of numenta/NAB in TRIMTAB_BENCH_DATA/nab; without it that part is not measured.
"""

from __future__ import annotations

import sys

from benchmarks.detect import clean, finding, fleet, nab, speed

PARTS = {"nab": nab.main, "clean": clean.main, "fleet": fleet.main, "finding": finding.main, "speed": speed.main}


def main(names: list[str]) -> None:
    """Run the parts that are named, or all."""
    for name in names or PARTS:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
