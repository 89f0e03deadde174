"""trimtab about itself: declared numbers, log lines without secrets, traces that are sampled and never recurse."""

from __future__ import annotations

import contextlib
import io
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import set_span_in_context

from tests.observe.support import RealClock, Recorder
from trimtab.app.logs import configure_logs
from trimtab.app.own import traces
from trimtab.app.own.catalogue import BY_NAME, METRICS, Kind
from trimtab.app.own.keeper import Own
from trimtab.app.own.logs import LINES_MAX, RING, WAITING_MAX, LogRing, RingHandler, scrubbed
from trimtab.app.own.metrics import Number, OwnMetrics
from trimtab.app.own.traces import OwnTraces
from trimtab.model.errors import SpoolFull, StoreError
from trimtab.store.facts import OtlpAck

SECRETS = [
    "postgresql://ann:hunter2@db/shop",
    "password=hunter2 host=db",
    "PGPASSWORD='hunter2'",
    'token: "hunter2"',
    "Authorization: Bearer hunter2",
    "api-key=hunter2&x=1",
    "Cookie: hunter2; path=/",
]


def parsed(body: bytes) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    return request


class Telemetry(Recorder):
    """A store in memory that also takes spans."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        if self.refuse is not None:
            raise self.refuse
        self.bodies.append(bytes(body))
        return OtlpAck(1, len(body))

    @property
    def span_names(self) -> list[str]:
        requests = [parsed(body) for body in self.bodies]
        return [s.name for r in requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]


@pytest.fixture
def own() -> Iterator[Own]:
    made = Own(Telemetry(), RealClock(), LogRing())
    made.metrics.open()
    made.traces.open("1")
    yield made
    made.stop()


def telemetry_of(own: Own) -> Telemetry:
    assert isinstance(own._telemetry, Telemetry)
    return own._telemetry


# --- numbers


def test_every_number_is_named_by_its_unit_and_told_once() -> None:
    assert len(BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith(("trimtab_", "process_")), metric.name
        assert metric.help.endswith("."), metric.name
        assert metric.unit, metric.name
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM), metric.name
        for unit, word in (("s", "seconds"), ("bytes", "bytes"), ("share", "ratio")):
            if metric.unit == unit:
                assert word in metric.name, metric.name


def test_what_is_not_open_counts_nothing_and_says_everything_later() -> None:
    metrics = OwnMetrics([lambda: [Number("trimtab_spool_bytes", 7)]])
    metrics.observe("trimtab_advice_seconds", 1.0, system="shop")
    assert b"trimtab_spool_bytes 7.0" in metrics.text()
    metrics.observe("trimtab_advice_seconds", 1.0, system="shop")
    text = metrics.text().decode()
    assert 'trimtab_advice_seconds_count{system="shop"} 1.0' in text
    assert "# HELP trimtab_advice_seconds Time of one advice" in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text


def test_samples_are_what_happened_since_the_one_before() -> None:
    looks = [10.0]
    metrics = OwnMetrics([lambda: [Number("trimtab_watch_looks_total", looks[0], {"system": "shop"})]])
    metrics.open()
    first = {s.name: s for s in metrics.sample()}
    assert first["trimtab_watch_looks_total"].value == 10
    looks[0] = 13.0
    metrics.observe("trimtab_advice_seconds", 2.0, system="shop")
    metrics.observe("trimtab_advice_seconds", 4.0, system="shop")
    second = {s.name: s for s in metrics.sample()}
    assert second["trimtab_watch_looks_total"].value == 3
    assert second["trimtab_watch_looks_total"].label_text == "system=shop"
    advice = second["trimtab_advice_seconds"]
    assert (advice.value, advice.observations_count) == (6.0, 2)
    looks[0] = 2.0
    third = {s.name: s for s in metrics.sample()}
    assert third["trimtab_watch_looks_total"].value == 2, "a total that fell began anew"
    assert third["trimtab_advice_seconds"].observations_count == 0


def test_a_source_that_cannot_answer_is_said_and_the_others_are_told() -> None:
    def broken() -> Iterator[Number]:
        yield Number("trimtab_frozen", 1)
        raise StoreError("the state is closed")

    metrics = OwnMetrics([broken, lambda: [Number("trimtab_cases_open", 3)]])
    assert b"trimtab_cases_open 3.0" in metrics.text()
    assert metrics.problem == "the state is closed"


# --- the log


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    assert "hunter2" not in scrubbed(text)
    assert "hunter2" not in scrubbed(f"could not do it: {text}, sorry")


def test_a_line_is_kept_without_secrets_values_or_foreign_messages() -> None:
    RING.drain()
    stream = io.StringIO()
    configure_logs(stream)
    log = structlog.get_logger()
    try:
        raise ValueError("card 4711")
    except ValueError:
        log.exception("it_broke", dsn="postgresql://a:hunter2@b/c", password="hunter2", rows=3, thing=object())
    [line] = RING.drain()
    assert (line.level, line.event) == ("error", "it_broke")
    assert line.detail["rows"] == "3"
    assert line.detail["thing"] == "object"
    assert line.detail["exception"].endswith("ValueError")
    told = str(line)
    assert "hunter2" not in told
    assert "4711" not in told
    assert "it_broke" in stream.getvalue(), "and it still goes to stderr"


def test_a_log_on_a_full_disk_fails_nobody() -> None:
    RING.drain()
    with contextlib.suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as stream:  # closing it fails, too
        configure_logs(stream)
        for number in range(1000):
            structlog.get_logger().error("it_broke", number=number)
    configure_logs()
    assert [line.event for line in RING.drain()] == ["it_broke"] * 1000


def test_the_ring_and_what_waits_are_bounded() -> None:
    ring = LogRing()
    for number in range(WAITING_MAX + 5):
        ring.remember(None, "info", {"event": f"line {number}", "level": "info"})
    assert len(ring.newest()) == LINES_MAX
    assert ring.newest(1)[0].event == f"line {WAITING_MAX + 4}"
    waiting = ring.drain()
    assert (len(waiting), waiting[0].event, ring.dropped_count) == (WAITING_MAX, "line 5", 5)
    assert ring.counts["info"] == WAITING_MAX + 5


def test_libraries_are_heard_without_what_they_say_it_of() -> None:
    ring = LogRing()
    logger = logging.Logger("uvicorn.error")
    logger.addHandler(RingHandler(ring))
    try:
        raise ValueError("card 4711")
    except ValueError:
        logger.exception("could not serve %s", "/cases?secret=4711")
    logger.info("not worth it")
    [line] = ring.newest()
    assert (line.event, line.level) == ("could not serve %s", "error")
    assert line.detail == {"logger": "uvicorn.error", "exception": "ValueError"}


# --- traces


def test_spans_reach_the_store_with_their_parents(own: Own) -> None:
    with own.step("advice", "trimtab_advice_seconds", system="shop") as span:
        span.set(case=7, what_if_calls=3)
        with own.traces.span("inner"):
            pass
    own.store()
    telemetry = telemetry_of(own)
    request = parsed(telemetry.bodies[0])
    resource = {a.key: a.value.string_value for a in request.resource_spans[0].resource.attributes}
    assert resource == {"service.name": "trimtab", "service.version": "1"}
    by_name = {s.name: s for s in request.resource_spans[0].scope_spans[0].spans}
    assert by_name["inner"].parent_span_id == by_name["advice"].span_id
    attributes = {a.key for a in by_name["advice"].attributes}
    assert attributes == {"system", "case", "what_if_calls"}


def test_of_an_error_only_the_kind_is_told(own: Own) -> None:
    def fails() -> None:
        with own.traces.span("loop act"):
            raise ValueError("card 4711")

    with pytest.raises(ValueError, match="4711"):
        fails()
    own.store()
    assert b"4711" not in telemetry_of(own).bodies[0]
    assert b"ValueError" in telemetry_of(own).bodies[0]


def test_what_comes_all_the_time_gets_a_span_where_it_is_kept(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "KEPT_SHARE", {"POST /often": 0.01})
    begun_ns = time.time_ns()
    for _ in range(200):
        own.traces.past("POST /often", begun_ns, {"http.response.status_code": 204})
    assert own.traces.left_out_count == 198
    own.traces.past("POST /often", begun_ns, {"http.response.status_code": 503}, "503")
    own.traces.past("POST /often", begun_ns - 2 * 10**9, {"http.response.status_code": 204})
    drained = own.traces.drain()
    assert drained is not None
    request = ExportTraceServiceRequest.FromString(drained[0])
    spans = [span for span in request.resource_spans[0].scope_spans[0].spans if span.name == "POST /often"]
    assert [span.status.message for span in spans] == ["", "", "503", ""]
    assert {span.kind for span in spans} == {2}
    assert spans[2].start_time_unix_nano == begun_ns
    assert spans[3].end_time_unix_nano - spans[3].start_time_unix_nano > 2 * 10**9


def test_everyday_traces_are_kept_in_part_and_whole(own: Own) -> None:
    for _ in range(2000):
        with own.traces.span("loop act"), own.traces.span("inner"):
            pass
    own.store()
    names = telemetry_of(own).span_names
    share = traces.KEPT_SHARE["loop act"]
    assert names.count("loop act") == names.count("inner")
    assert 0 < names.count("loop act") < 2000 * share * 3
    assert own.traces.left_out_count == 4000 - len(names)


def test_slow_failed_and_marked_ones_are_always_kept(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "KEPT_SHARE", {"loop act": 0.0})
    monkeypatch.setattr(traces, "SLOW_S", 0.01)
    with own.traces.span("loop act"):
        pass
    with own.traces.span("loop act"), own.traces.span("change") as change:
        change.keep()
    with own.traces.span("loop act") as failed:
        failed.fail("it did not work")
    with own.traces.span("loop act"):
        time.sleep(0.02)
    own.store()
    assert telemetry_of(own).span_names.count("loop act") == 3
    assert "change" in telemetry_of(own).span_names


def test_storing_makes_no_spans_and_no_lines(own: Own) -> None:
    with own.traces.span("advice"):
        pass
    own.store()
    count = len(telemetry_of(own).span_names)
    for _ in range(3):
        own.store()
    assert len(telemetry_of(own).span_names) == count == 1
    assert own.ring.newest() == ()


def test_spans_that_wait_and_traces_that_never_end_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "WAITING_MAX", 10)
    monkeypatch.setattr(traces, "TRACES_OPEN_MAX", 4)
    own = OwnTraces()
    own.open("1")
    for _ in range(25):
        with own.span("advice"):
            pass
    drained = own.drain()
    assert drained is not None
    assert (drained[1], own.dropped_count) == (10, 15)
    tracer = own._tracer
    assert tracer is not None
    for _ in range(10):
        root = tracer.start_span("never ends")
        tracer.start_span("child", context=set_span_in_context(root)).end()
    assert own.dropped_count == 15 + 6, "four of ten are waited for"


def test_what_cannot_be_stored_is_said_and_lines_wait(own: Own) -> None:
    own.ring.remember(None, "info", {"event": "one", "level": "info"})
    problems = []
    for refuse in (SpoolFull("the spool is full"), None):
        telemetry_of(own).refuse = refuse
        own.store()
        problems.append(own.problem)
    assert problems == ["could not store what trimtab tells about itself: the spool is full", None]
    assert [row["event"] for row in telemetry_of(own).rows("own_logs")] == ["one"]


def test_before_it_starts_everything_may_be_called_and_nothing_is_loaded() -> None:
    own = Own(Telemetry(), RealClock(), LogRing())
    with own.step("advice", "trimtab_advice_seconds", system="shop") as span:
        span.set(a=1)
        span.keep()
        span.fail("no")
        span.rename("other")
    own.stop()
    assert telemetry_of(own).written == []
    assert telemetry_of(own).bodies == []


@pytest.mark.slow
def test_what_it_needs_is_loaded_behind_the_start_of_the_server() -> None:
    code = "import sys, trimtab.cli.up, trimtab.app.wire; print('prometheus_client' in sys.modules, end=' ');"
    code += "print(any(name.startswith('opentelemetry.sdk') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]


def test_it_stores_by_itself_and_once_more_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.app.own.keeper.EVERY_S", 0.05)
    own = Own(Telemetry(), RealClock(), LogRing())
    own.start()
    deadline = time.monotonic() + 10
    while not telemetry_of(own).rows("own_metrics") and time.monotonic() < deadline:
        time.sleep(0.01)
    with own.traces.span("advice"):
        pass
    own.stop()
    assert "advice" in telemetry_of(own).span_names
    assert all(thread.name != "own" for thread in threading.enumerate())
    names = {row["name"] for row in telemetry_of(own).rows("own_metrics")}
    assert {"trimtab_threads", "process_cpu_seconds_total", "trimtab_own_spans_total"} <= names
    assert names <= set(BY_NAME)
