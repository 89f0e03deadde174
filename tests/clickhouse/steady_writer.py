"""Writes trace requests until it is killed, and says of each when it was acknowledged.

python -m tests.clickhouse.steady_writer DATA_DIR HOSTS DATABASE FIRST
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.clickhouse.servers import PASSWORD, USER
from tests.store.facts_of_a_shop import trace_request
from trimtab.store.clickhouse.address import Address
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

SPANS = 20
"""In a request."""
LIMITS = TelemetryLimits(load_interval_s=0.02, spans_load_interval_s=0.02, retry_s_max=0.2)


def main(data_dir: Path, address: Address, first: int) -> None:
    """Request N has spans with the name rN."""
    with EmbeddedTelemetry.open(data_dir, LIMITS, address=address) as telemetry:
        for number in itertools.count(first):
            telemetry.append_otlp_traces(trace_request([f"r{number}"] * SPANS))
            print(number, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Address(tuple(sys.argv[2].split(",")), sys.argv[3], USER, PASSWORD), int(sys.argv[4]))
