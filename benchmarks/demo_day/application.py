"""`python -m benchmarks.demo_day.application`: the shop's application on a day, with metrics of its own process.

Spans and metrics go by OTLP to the address in the environment. What goes wrong in it is told by `control`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from benchmarks.demo_day import control
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.curve import Curve
from benchmarks.demo_day.timetable import DayTimetable, Pace
from demo.faults.fault import Fault, FaultKind
from demo.load.application import Application
from demo.load.requests import HEALTHY, mix_for
from demo.load.statements import order_items, users
from demo.load.telemetry import start_tracing

REPORTS = (
    Fault(FaultKind.HOPELESS, users.AUDIENCE_REPORT, 1.0),
    Fault(FaultKind.HOPELESS, order_items.SALES_REPORT, 1.0),
)
"""What runs at night."""
LOOK_S = 0.2
EXPORT_MS = 1000
EXPORT_TIMEOUT_S = 2.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Leak(threading.Thread):
    """Keeps more and more memory while `control` says so, and lets go of all of it afterwards."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name="leak", daemon=True)
        self._folder = folder
        self.now = control.Control()
        self._kept: list[bytearray] = []

    @property
    def size_bytes(self) -> int:
        """What it keeps now."""
        return sum(map(len, self._kept))

    def run(self) -> None:
        """Look at `control` a few times a second."""
        while True:
            self.now = control.read(self._folder)
            if self.now.leak_bytes_s > 0:
                self._kept.append(bytearray(b"\xa5") * int(self.now.leak_bytes_s * LOOK_S))
            else:
                self._kept.clear()
            time.sleep(LOOK_S)


def start_metrics(endpoint: str) -> MeterProvider:
    """The process's memory and processor time, each second, as the semantic conventions name them."""
    exporter = OTLPMetricExporter(endpoint=endpoint, timeout=EXPORT_TIMEOUT_S)
    reader = PeriodicExportingMetricReader(
        exporter, export_interval_millis=EXPORT_MS, export_timeout_millis=EXPORT_TIMEOUT_S * 1000
    )
    resource = Resource.create({"service.name": "shop", "service.instance.id": "shop-1"})
    provider = MeterProvider(resource=resource, metric_readers=[reader])
    meter = provider.get_meter("shop")

    def memory(_: CallbackOptions) -> Iterable[Observation]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return [Observation(pages * PAGE_BYTES)]

    def processor(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(time.process_time())]

    def threads(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(threading.active_count())]

    meter.create_observable_up_down_counter("process.memory.usage", [memory], "By", "Resident memory.")
    meter.create_observable_counter("process.cpu.time", [processor], "s", "Processor time.")
    meter.create_observable_up_down_counter("process.thread.count", [threads], "{thread}", "Threads.")
    return provider


def paces(clock: DayClock, curve: Curve, leak: Leak) -> tuple[Pace, dict[str, Pace]]:
    """For people and for the night's reports; moments are of the monotonic clock."""
    ahead_s = time.time() - time.monotonic()

    def people(at_s: float) -> float:
        return curve.factor(clock.minute((at_s + ahead_s) * 1000)) * leak.now.surge

    def night(at_s: float) -> float:
        return 1.0 if curve.batch_is_on(clock.minute((at_s + ahead_s) * 1000)) else 0.0

    people_routes = {request.route for request in HEALTHY}
    return people, {r.route: night for r in mix_for(REPORTS) if r.route not in people_routes}


def main() -> None:
    """Parse, run, stop at once on SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo_day.application")
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--server", required=True, help="where OTLP goes")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--began-ms", type=int, required=True)
    parser.add_argument("--minute-s", type=float, required=True)
    options = parser.parse_args()
    sys.setswitchinterval(0.001)
    _, tracer = start_tracing("shop")
    leak = Leak(options.folder)
    leak.start()
    start_metrics(f"{options.server}/v1/metrics")
    clock = DayClock(options.began_ms, options.minute_s)
    pace, night = paces(clock, Curve(options.seed), leak)
    table = DayTimetable(mix_for(REPORTS), options.seed, pace, night)
    application = Application(options.dsn, (), options.seed, options.folder, tracer, options.scale, table)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: application.stop())
    application.run()
    os._exit(0)  # exporters may be in a retry to a receiver that is gone: do not wait for them


if __name__ == "__main__":
    main()
