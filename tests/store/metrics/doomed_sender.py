"""A process that takes samples until it is killed. Run as a program by the kill tests.

    python doomed_sender.py DATA_DIR ROUND STEP

Each of three senders has series of its own and sends numbers that count up, a batch at a time; the time of a sample is
made of its number, so that a sequence has no gap and no repetition. Prints `a SENDER NUMBER` after each acknowledged
batch, `ready` first. STEP names the place at which it kills itself, `-` none.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.store.doomed_writer import after, before, on_statement
from tests.store.metrics.scrapes import series_named
from trimtab.model.retention import RetentionPolicy
from trimtab.store.loader import Loader
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.hot import HotWindow
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.spool import Spool
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

LIMITS = TelemetryLimits(load_interval_s=0.02, spans_load_interval_s=0.02, rollup_interval_s=0.05)
METRIC_LIMITS = MetricLimits(
    load_interval_s=0.03, segment_rows_max=3000, hot_bytes_max=1_000_000, ahead_s_max=3e6, out_of_order_window_s=3e6
)
SENDERS, SERIES_OF_A_SENDER, BATCH = 3, 5, 4
SLOT_MS = 1000

STEPS: dict[str, Callable[[], None]] = {
    "-": lambda: None,
    "before the spool": lambda: before(Spool, "append", 9),
    "after the spool": lambda: after(Spool, "append", 9),
    "before memory": lambda: before(HotWindow, "insert", 7),
    "after memory": lambda: after(HotWindow, "insert", 7),
    "before the load": lambda: before(Loader, "_load", 3),
    "before an insert of series": lambda: on_statement("INSERT INTO metric_series", 1, is_after=False),
    "after an insert of series": lambda: on_statement("INSERT INTO metric_series", 1, is_after=True),
    "before an insert of samples": lambda: on_statement("INSERT INTO metric_samples", 3, is_after=False),
    "after an insert of samples": lambda: on_statement("INSERT INTO metric_samples", 3, is_after=True),
    "before a segment is removed": lambda: before(Spool, "remove", 4),
    "after stale rows are deleted": lambda: on_statement("DELETE FROM", 1, is_after=True),
    "after the first insert after a crash": lambda: on_statement("INSERT INTO metric_samples", 1, is_after=True),
    "after a segment is removed": lambda: after(Spool, "remove", 4),
}


def labels_of(sender: str) -> list[tuple[tuple[str, str], ...]]:
    return [series_named(f"{sender}-{number}") for number in range(SERIES_OF_A_SENDER)]


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def send_for_ever(telemetry: EmbeddedTelemetry, sender: str, begin_ms: int) -> None:
    """Go on behind what is there, as a sender does that asks what was taken."""
    slots = telemetry.metrics.register(labels_of(sender)).slots
    number = 0
    while True:
        numbers = np.arange(number, number + BATCH)
        appended = telemetry.metrics.append(
            Samples(
                slots=np.repeat(slots, BATCH),
                at_ms=begin_ms + SLOT_MS * np.tile(numbers, len(slots)),
                values=np.tile(numbers, len(slots)).astype(np.float64),
            )
        )
        if appended.refused:
            say(f"refused {appended}")
            return
        number += BATCH
        say(f"a {sender} {number}")


def main() -> None:
    data_dir, round_name, step = sys.argv[1:]
    begin_ms = int(Path(data_dir, "begin_ms").read_text())
    STEPS[step]()
    telemetry = EmbeddedTelemetry.open(Path(data_dir), LIMITS, RetentionPolicy(), METRIC_LIMITS)
    say("ready")
    senders = [
        # a sender that was killed sends everything again, from the first number on: nothing may be there twice
        threading.Thread(target=send_for_ever, args=(telemetry, f"{sender}", begin_ms), daemon=True)
        for sender in (*range(SENDERS - 1), f"{round_name}")
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


if __name__ == "__main__":
    main()
