"""`python -m demo.load --dsn DSN --seed N --folder DIR`: run the application until SIGTERM.

Spans go to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT; the faults are those of the seed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from demo.faults.draw import draw
from demo.load.application import Application
from demo.load.telemetry import start_tracing

FLUSH_S_MAX = 0.8


def main() -> None:
    """Parse, run, stop at once on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m demo.load", description="The shop's application under load.")
    parser.add_argument("--dsn", required=True, help="the application's role, without a password")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where latency.jsonl and statements.json go")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    sys.setswitchinterval(0.001)  # a worker that encodes spans must not hold up one that measures
    provider, tracer = start_tracing("shop")
    application = Application(options.dsn, draw(options.seed), options.seed, options.folder, tracer, options.scale)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: application.stop())
    application.run()
    last_spans = threading.Thread(target=provider.force_flush, daemon=True)
    last_spans.start()
    last_spans.join(FLUSH_S_MAX)
    os._exit(0)  # the exporter may be in a retry to a receiver that is gone: do not wait for it


if __name__ == "__main__":
    main()
