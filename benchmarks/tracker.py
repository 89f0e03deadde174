"""How long `track_query_performance` takes, with and without a server, and how often it calls odd what is not.

    python -m benchmarks.tracker

Processor time of the calling thread, and wall time (which counts other work of the machine, too), over 200 templates
whose texts differ in a literal each time, six numbers each. The other side is the same call without its detector:
reading the numbers and finding the template.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from trimtab import QueryExecution, RealTimePerformanceTracker
from trimtab.sdk.tracking.executions import metrics_of, template_of

CALLS, TEMPLATES = 40_000, 200
Times = NDArray[np.float64]


def main() -> None:
    """Measure, and print a line for each side."""
    executions = _executions(CALLS)
    _tell("numbers and template alone", _timed(lambda one: (metrics_of(one), template_of(one)), executions)[0])
    began_s = time.perf_counter()
    tracker = RealTimePerformanceTracker()
    print(f"making the first tracker (machine code is loaded): {time.perf_counter() - began_s:.2f} s")
    taken, odd = _timed(tracker.track_query_performance, executions)
    _tell("without a server", taken)
    late = odd[CALLS // 4 :]
    print(f"called odd though all is as always: {sum(late)} of {len(late):,} ({sum(late) / len(late):.1e})")
    spiked = [
        QueryExecution(one.query, one.duration * 10, one.row_count, one.bytes_scanned, one.cpu_time, one.peak_memory)
        for one in executions[-2000:]
    ]
    _, found = _timed(tracker.track_query_performance, spiked[::51])
    print(f"ten times as long as usual: {sum(found)} of {len(found)} are called odd")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    Thread(target=server.serve_forever, daemon=True).start()
    with RealTimePerformanceTracker(f"http://127.0.0.1:{server.server_port}") as streaming:
        _tell("with a server", _timed(streaming.track_query_performance, executions)[0])
        stream = streaming.streaming_metrics
        streaming.close(60)
        if stream is not None:
            print(f"sent {stream.sent_count:,}, left out {stream.left_out_count:,}, lost {stream.lost_count:,}")
    server.shutdown()


class _Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _executions(count: int) -> list[QueryExecution]:
    random = np.random.default_rng(5)
    made = []
    for number in range(count):
        template = number % TEMPLATES
        level, noise = 1e-3 * 1.05**template, np.exp(random.normal(0, 0.3, 5))
        made.append(
            QueryExecution(
                f"SELECT o.id, o.total FROM orders_{template} o JOIN items i ON i.order_id = o.id"
                f" WHERE o.customer_id = {number} AND o.status = 'open' ORDER BY o.created_at DESC LIMIT 50",
                float(level * noise[0]),
                float(np.ceil(50 * noise[1])),
                float(8192 * np.ceil(20 * noise[2])),
                float(level * noise[0] * 0.6),
                float(2**20 * noise[3]),
                float(np.ceil(20 * noise[4])),
            )
        )
    return made


def _timed(call: Callable[[QueryExecution], object], executions: list[QueryExecution]) -> tuple[Times, list[bool]]:
    """Microseconds of processor and of wall for each call, and whether it called it odd."""
    taken, odd = np.empty((2, len(executions))), []
    for number, one in enumerate(executions):
        began_ns, began_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        found = call(one)
        taken[0, number] = (time.thread_time_ns() - began_cpu_ns) / 1e3
        taken[1, number] = (time.perf_counter_ns() - began_ns) / 1e3
        odd.append(bool(getattr(found, "anomalies", ())))
    return taken, odd


def _tell(what: str, taken_us: Times) -> None:
    for name, side in zip(("CPU", "wall"), taken_us, strict=True):
        median, p99, most = np.quantile(side, (0.5, 0.99, 0.999))
        print(f"{what}, {name}: median {median:.0f} us, p99 {p99:.0f} us, p99.9 {most:.0f} us, {len(side):,} calls")


if __name__ == "__main__":
    main()
