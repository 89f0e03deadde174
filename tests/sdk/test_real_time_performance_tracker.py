"""Executions are compared with what is usual for their template; the caller never waits for a server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab import QueryExecution, RealTimePerformanceTracker
from trimtab.model.errors import InputError
from trimtab.sdk.tracking.executions import METRICS
from trimtab.sdk.tracking.streaming import StreamingMetrics, Told

ORDERS = "SELECT * FROM orders WHERE customer_id = {} AND status = 'open'"


def taught(tracker: RealTimePerformanceTracker, templates: int = 5, each: int = 100) -> np.random.Generator:
    """Some templates, each with a level of its own and a spread of a tenth."""
    random = np.random.default_rng(7)
    for number in range(each * templates):
        template = number % templates
        duration = 0.002 * 3**template * float(np.exp(random.normal(0, 0.1)))
        tracker.track_query_performance(
            QueryExecution(
                f"SELECT {number} FROM t{chr(97 + template)}", duration, row_count=100, cpu_time=duration / 2
            )
        )
    return random


def test_the_profile_has_the_seeds_keys_and_what_is_not_measured_is_none() -> None:
    profile = RealTimePerformanceTracker().track_query_performance(
        {"duration": timedelta(seconds=2), "row_count": 10, "cpu_time": 0.1, "peak_memory": 2.0**30}
    )
    assert list(profile.metrics) == list(METRICS)
    assert profile.metrics["execution_time"] == 2.0
    assert profile.metrics["bytes_scanned"] is None
    assert profile.anomalies == ()
    assert {hint.rule for hint in profile.recommendations} == {"waits_for_something", "much_memory"}


@pytest.mark.parametrize(
    ("execution", "field"),
    [
        ({}, "duration"),
        ({"duration": -1}, "duration"),
        ({"duration": 1, "row_count": "x"}, "row_count"),
        ({"duration": float("nan")}, "duration"),
    ],
)
def test_what_is_no_number_is_refused_by_name(execution: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as raised:
        RealTimePerformanceTracker().track_query_performance(execution)
    assert raised.value.facts["field"] == field


@pytest.mark.parametrize("number", [np.float32(0.5), np.int64(2), Decimal("0.25")])
def test_numbers_of_numpy_and_of_drivers_are_numbers(number: Any) -> None:
    profile = RealTimePerformanceTracker().track_query_performance({"query": "q", "duration": number, "io_ops": number})
    assert profile.metrics["execution_time"] == profile.metrics["io_operations"] == float(number)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"false_share": 5}, "false_share is from 1e-09 to 0.1, found 5"),
        ({"templates_max": 0}, "templates_max is from 1 to 1e+06, found 0"),
        ({"alert_every_s": -1}, "alert_every_s is from 0 to 86,400 seconds, found -1"),
    ],
)
def test_options_that_are_wrong_are_named(options: Any, message: str) -> None:
    with pytest.raises(InputError) as raised:
        RealTimePerformanceTracker(**options)
    assert raised.value.message == message


def test_an_odd_execution_is_told_with_what_is_usual_and_alerts_once_for_a_while() -> None:
    alerted: list[tuple[Any, object]] = []
    tracker = RealTimePerformanceTracker(on_alert=lambda anomalies, execution: alerted.append((anomalies, execution)))
    taught(tracker)
    assert alerted == []
    slow = QueryExecution("SELECT 99999 FROM ta", 0.2, row_count=100, cpu_time=0.001)
    for _ in range(3):
        profile = tracker.track_query_performance(slow)
    assert [one.metric for one in profile.anomalies] == ["execution_time"]
    [one] = profile.anomalies
    assert one.low < 0.002 < one.high < one.value == 0.2
    assert one.expected == pytest.approx(0.002, rel=0.3)
    assert re.fullmatch(r"execution_time is 0\.2 s, \d+(\.\d)? times what is usual \(0\.00\d+ s\)", one.summary)
    assert len(alerted) == 1
    assert alerted[0][1] is slow
    assert tracker.track_query_performance(QueryExecution("SELECT 1 FROM te", 0.16, 100, cpu_time=0.08)).anomalies == ()


def test_a_template_that_is_new_is_compared_with_the_spread_of_all_others() -> None:
    tracker = RealTimePerformanceTracker()
    random = taught(tracker)
    new = "SELECT 1 FROM never_seen"
    for _ in range(6):
        assert (
            tracker.track_query_performance(QueryExecution(new, 0.05 * float(np.exp(random.normal(0, 0.1))))).anomalies
            == ()
        )
    [one] = tracker.track_query_performance(QueryExecution(new, 0.5)).anomalies
    assert (one.metric, one.test) == ("execution_time", "single")


def test_faster_is_no_trouble_and_fewer_rows_may_be() -> None:
    tracker = RealTimePerformanceTracker()
    taught(tracker)
    assert (
        tracker.track_query_performance(QueryExecution("SELECT 1 FROM te", 0.0001, 100, cpu_time=0.0)).anomalies == ()
    )
    found = tracker.track_query_performance(
        QueryExecution("SELECT 1 FROM te", 0.16, row_count=1, cpu_time=0.08)
    ).anomalies
    assert [one.metric for one in found] == ["rows_processed"]


def test_few_executions_are_called_odd_where_all_is_as_always() -> None:
    tracker = RealTimePerformanceTracker()
    random = taught(tracker, each=200)
    odd = sum(
        bool(
            tracker.track_query_performance(
                QueryExecution(f"SELECT {n} FROM tb", 0.006 * float(np.exp(random.normal(0, 0.1))), 100)
            ).anomalies
        )
        for n in range(5000)
    )
    assert odd <= 2


def test_templates_are_bounded_and_the_ones_that_were_not_seen_for_longest_go() -> None:
    tracker = RealTimePerformanceTracker(templates_max=10)
    for number in range(30):
        tracker.track_query_performance({"duration": 0.1, "template": f"t{number}"})
    detector = tracker.anomaly_detector
    assert (detector.templates_count, detector.left_count) == (10, 20)
    assert len(tracker.history()) == 30
    assert len(tracker.history("/t29")) == 1


@contextmanager
def door(status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A server that keeps what is posted to it."""
    posted: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            body = b'{"fingerprint": "ab"}'
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_executions_go_to_the_server_as_spans_and_anomalies_as_alerts() -> None:
    with door() as (url, posted), RealTimePerformanceTracker(url, service="shop") as tracker:
        taught(tracker, templates=2, each=100)
        tracker.track_query_performance(QueryExecution("SELECT 5 FROM ta", 4.0, 100, cpu_time=0.001, system="db"))
        tracker.track_query_performance(QueryExecution("SELECT 5 FROM ta", 4.0, 100, cpu_time=0.001))
        tracker.close()
        stream = tracker.streaming_metrics
        assert stream is not None
        assert (stream.sent_count, stream.left_out_count, stream.lost_count) == (202, 0, 0)
    spans = []
    for path, body in posted:
        if path == "/v1/traces":
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                assert resource.resource.attributes[0].value.string_value == "shop"
                spans += resource.scope_spans[0].spans
    assert len(spans) == len({span.span_id for span in spans}) == 202
    told = {one.key: one.value for one in spans[-1].attributes}
    assert told["db.query.text"].string_value == "SELECT 5 FROM ta"
    assert told["trimtab.rows_processed"].double_value == 100
    assert spans[-1].end_time_unix_nano - spans[-1].start_time_unix_nano == 4_000_000_000
    alerts = [msgspec.json.decode(body) for path, body in posted if path == "/api/trimtab/alerts/trigger"]
    assert [one["labels"]["metric"] for one in alerts] == ["execution_time"]


def test_a_server_that_is_gone_or_refuses_holds_nobody_up_and_what_is_lost_is_counted() -> None:
    with door(400) as (url, _), RealTimePerformanceTracker(url) as tracker:
        tracker.track_query_performance({"duration": 0.1})
        tracker.close()
        stream = tracker.streaming_metrics
        assert stream is not None
        assert (stream.sent_count, stream.lost_count) == (0, 1)
        assert stream.problem is not None
        assert stream.problem.endswith("answered 400")


def test_what_does_not_fit_into_the_queue_is_left_out_and_counted() -> None:
    held = threading.Event()
    begun = threading.Event()

    def alert(_anomalies: object, _execution: object) -> None:
        begun.set()
        held.wait(10)

    with door() as (url, _):
        stream = StreamingMetrics(url, "shop", None, 5.0, alert, queue_max=3)
        stream.alert((), None)
        assert begun.wait(10)
        numbers = dict.fromkeys(METRICS, 0.0)
        for _ in range(10):
            stream.emit(Told({}, numbers, (), 1))
        assert stream.left_out_count == 7
        held.set()
        stream.close()
        assert stream.sent_count == 3
