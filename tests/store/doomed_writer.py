"""A process that acknowledges rows until it is killed. Run as a program by the kill tests.

    python doomed_writer.py DATA_DIR ROUND STEP

Prints a line for each acknowledged message, after the acknowledgement: `a NAME` for an event of two rows, `s NAME` for
a span, `l NAME` for a log record. Prints `ready` first. STEP names the place at which it kills itself, `-` none.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.store.facts_of_a_shop import events, now_ms, trace_request
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.loader import Loader
from trimtab.store.logs.answers import LogRow
from trimtab.store.spool import Spool
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

DAY_MS = 86_400_000
LIMITS = TelemetryLimits(
    load_interval_s=0.02,
    spans_load_interval_s=0.02,
    logs_load_interval_s=0.02,
    rollup_interval_s=0.05,
    segment_bytes_max=200_000,
    spans_segment_bytes_max=200_000,
    logs_segment_bytes_max=200_000,
)

Call = Callable[..., Any]


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: type, method: str, times: int) -> None:
    """Die when the method has returned for the n-th time."""
    real: Call = getattr(owner, method)
    calls = itertools.count(1)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        if next(calls) == times:
            die()
        return result

    setattr(owner, method, wrapper)


def before(owner: type, method: str, times: int) -> None:
    """Die when the method is called for the n-th time."""
    real: Call = getattr(owner, method)
    calls = itertools.count(1)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == times:
            die()
        return real(*args, **kwargs)

    setattr(owner, method, wrapper)


def on_statement(prefix: str, times: int, *, is_after: bool) -> None:
    """Die before or after the engine ran the n-th statement that begins so."""
    real = EmbeddedEngine.write
    calls = itertools.count(1)

    def wrapper(self: EmbeddedEngine, sql: str, *rest: object) -> object:
        hit = sql.startswith(prefix) and next(calls) == times
        if hit and not is_after:
            die()
        result = real(self, sql, *rest)  # type: ignore[arg-type]
        if hit:
            die()
        return result

    EmbeddedEngine.write = wrapper  # type: ignore[assignment,method-assign]


STEPS: dict[str, Callable[[], None]] = {
    "-": lambda: None,
    "before the spool": lambda: before(Spool, "append", 9),
    "after the spool": lambda: after(Spool, "append", 9),
    "before the load": lambda: before(Loader, "_load", 3),
    "before an insert of events": lambda: on_statement("INSERT INTO server_events", 3, is_after=False),
    "after an insert of events": lambda: on_statement("INSERT INTO server_events", 3, is_after=True),
    "after an insert of spans": lambda: on_statement("INSERT INTO spans", 3, is_after=True),
    "before an insert of logs": lambda: on_statement("INSERT INTO log_records", 3, is_after=False),
    "after an insert of logs": lambda: on_statement("INSERT INTO log_records", 3, is_after=True),
    "after a segment is removed": lambda: after(Spool, "remove", 4),
    "before a segment is removed": lambda: before(Spool, "remove", 4),  # leaves rows that the next two find
    "after stale rows are deleted": lambda: on_statement("DELETE FROM", 1, is_after=True),
    "before the first insert after a crash": lambda: on_statement("INSERT INTO server_events", 1, is_after=False),
    "before a roll-up": lambda: on_statement("INSERT INTO span_minutes", 2, is_after=False),
    "after a roll-up, before its mark": lambda: on_statement("INSERT INTO span_minutes", 2, is_after=True),
    "after the first roll-up after a crash": lambda: on_statement("INSERT INTO span_minutes", 1, is_after=True),
    "after stale minutes are deleted": lambda: on_statement("DELETE FROM span_minutes", 1, is_after=True),
    "after a mark": lambda: on_statement("INSERT INTO rollup_marks", 3, is_after=True),
    "after the first insert after a crash": lambda: on_statement("INSERT INTO server_events", 1, is_after=True),
}


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def write_for_ever(telemetry: EmbeddedTelemetry, name: str) -> None:
    for number in itertools.count():
        label = f"{name}-{number}"
        if number % 6 == 1:
            telemetry.logs.append_rows([LogRow(label, resource={"service.name": "shop"})])
            say(f"l {label}")
        elif number % 3 == 2:
            telemetry.append_otlp_traces(trace_request([label]))
            say(f"s {label}")
        else:
            at_ms = now_ms() - (number % 2) * DAY_MS
            telemetry.write("server_events", events("shop", [label, label], at_ms))
            say(f"a {label}")


def main() -> None:
    data_dir, round_name, step = sys.argv[1:]
    STEPS[step]()
    telemetry = EmbeddedTelemetry.open(Path(data_dir), LIMITS)
    say("ready")
    writers = [
        threading.Thread(target=write_for_ever, args=(telemetry, f"{round_name}-{writer}"), daemon=True)
        for writer in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    main()
