"""What is stored is written to another store as well, where that is configured: all, once, also after an outage and a
restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api.serving import running
from tests.cli.receivers import traces_protobuf
from tests.empty_store import make_tables
from tests.integrations.fake_collector import Collector
from tests.integrations.fake_elasticsearch import Fake
from trimtab.app.sources.feeds import LogFeed
from trimtab.app.sources.forwarding import Forwarded
from trimtab.app.sources.sources import Sources
from trimtab.model.errors import InputError
from trimtab.model.integrations import IntegrationsPolicy
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.answers import LogRow
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, logs_load_interval_s=0.05, spans_load_interval_s=0.05)


class Written:
    """Positions in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def meta(self, name: str) -> str | None:
        return self.texts.get(name)

    def set_meta(self, name: str, value: str | None) -> None:
        assert value is not None
        self.texts[name] = value


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def counts_of(sources: Sources) -> Forwarded:
    [told] = sources.listed()
    assert told.forwarded is not None
    return told.forwarded


def wait_until(sources: Sources, so: Callable[[Forwarded], bool]) -> Forwarded:
    give_up_at = time.monotonic() + 60
    while not so(counts := counts_of(sources)):
        assert time.monotonic() < give_up_at, sources.listed()
        threading.Event().wait(0.02)
    return counts


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("forwarding")), LIMITS) as opened:
        yield opened


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def to_collector(collector: Collector) -> Iterator[IntegrationsPolicy]:
    with running(collector.app) as url:
        traces = f"copy=jaeger+http://127.0.0.1:1/{url.removeprefix('http://')}"
        yield IntegrationsPolicy(traces=(traces,), write_traces_to=("copy",), pause_s=0)


def test_records_go_once_also_after_an_outage_and_a_restart(telemetry: EmbeddedTelemetry) -> None:
    fake, written = Fake(), Written()
    with running(fake.app) as url:
        telemetry.logs.append_rows([LogRow("before it began", now_ms() * 1_000_000)])
        telemetry.flush()
        policy = IntegrationsPolicy(logs=(f"old=elasticsearch+{url}/copied",), write_logs_to=("old",), pause_s=0)
        sources = Sources(policy)
        sources.forward(telemetry, written, now_ms)
        telemetry.logs.append_rows(
            [
                LogRow(f"line {n}", now_ms() * 1_000_000, severity_text="WARN", resource={"service.name": "shop"})
                for n in range(2500)
            ]
        )
        wait_until(sources, lambda counts: counts.written_count >= 2500)
        fake.status = 503
        telemetry.logs.append_rows([LogRow("while it was away", now_ms() * 1_000_000)])
        wait_until(sources, lambda counts: counts.failures_count > 0)
        assert "503" in sources.listed()[0].problem
        sources.close()
        telemetry.logs.append_rows([LogRow("while nobody ran", now_ms() * 1_000_000)])
        fake.status = 200
        again = Sources(policy)
        again.forward(telemetry, written, now_ms)
        wait_until(again, lambda counts: counts.written_count >= 2)
        again.close()
    messages = [document["message"] for _, _, document in fake.documents]
    assert sorted(messages) == sorted(["while it was away", "while nobody ran", *(f"line {n}" for n in range(2500))])
    first = fake.documents[0][2]
    assert (first["service.name"], first["log.level"]) == ("shop", "WARN")


def test_an_error_of_ours_is_counted_and_what_waits_is_tried_again(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, really_send, broken = Fake(), LogFeed.send, threading.Event()

    def send(*given: Any) -> object:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError
        return really_send(*given)

    monkeypatch.setattr(LogFeed, "send", send)
    with running(fake.app) as url:
        sources = Sources(
            IntegrationsPolicy(logs=(f"odd=elasticsearch+{url}/copied",), write_logs_to=("odd",), pause_s=0)
        )
        sources.forward(telemetry, Written(), now_ms)
        telemetry.logs.append_rows([LogRow("all the same", now_ms() * 1_000_000)])
        counts = wait_until(sources, lambda counts: counts.written_count >= 1)
        sources.close()
    assert counts.failures_count == 1
    assert [document["message"] for _, _, document in fake.documents] == ["all the same"]


def test_spans_go_once_also_after_an_outage_and_a_restart(
    telemetry: EmbeddedTelemetry, collector: Collector, to_collector: IntegrationsPolicy
) -> None:
    written = Written()
    telemetry.append_otlp_traces(traces_protobuf("before", range(3)))
    telemetry.flush()
    sources = Sources(to_collector)
    sources.forward(telemetry, written, now_ms)
    for start in range(0, 2400, 600):
        telemetry.append_otlp_traces(traces_protobuf("shop", range(start, start + 600)))
    wait_until(sources, lambda counts: counts.written_count >= 2400)
    collector.status = 503
    telemetry.append_otlp_traces(traces_protobuf("away", range(2400, 2410)))
    counts = wait_until(sources, lambda counts: counts.failures_count > 0)
    assert counts.waiting_count == 10
    assert "503" in sources.listed()[0].problem
    sources.close()
    telemetry.append_otlp_traces(traces_protobuf("nobody", range(2410, 2420)))
    collector.status = 200
    again = Sources(to_collector)
    again.forward(telemetry, written, now_ms)
    counts = wait_until(again, lambda counts: counts.written_count >= 20)
    again.close()
    assert (counts.refused_count, counts.lost_count, counts.waiting_count) == (0, 0, 0)
    numbers = sorted(
        next(pair.value.int_value for pair in span.attributes if pair.key == "seq") for span in collector.spans
    )
    assert numbers == list(range(2420))


def test_what_is_refused_is_counted_and_not_tried_again(
    telemetry: EmbeddedTelemetry, collector: Collector, to_collector: IntegrationsPolicy
) -> None:
    sources = Sources(to_collector)
    sources.forward(telemetry, Written(), now_ms)
    collector.refused_count = 3
    telemetry.append_otlp_traces(traces_protobuf("partial", range(10)))
    counts = wait_until(sources, lambda counts: counts.written_count + counts.refused_count >= 10)
    assert (counts.written_count, counts.reasons) == (7, {"too old": 3})
    collector.status = 400
    telemetry.append_otlp_traces(traces_protobuf("refused", range(10)))
    counts = wait_until(sources, lambda counts: counts.refused_count >= 13)
    assert counts.failures_count == 0
    assert any("status 400: not now" in reason for reason in counts.reasons)
    assert collector.asked_count == 2
    sources.close()


def test_what_waits_too_long_is_lost_and_counted(
    telemetry: EmbeddedTelemetry, collector: Collector, to_collector: IntegrationsPolicy
) -> None:
    ahead_ms = 0
    sources = Sources(to_collector)
    collector.status = 503
    sources.forward(telemetry, Written(), lambda: now_ms() + ahead_ms)
    telemetry.append_otlp_traces(traces_protobuf("gone", range(10)))
    wait_until(sources, lambda counts: counts.failures_count > 0)
    ahead_ms = 25 * 3_600_000
    counts = wait_until(sources, lambda counts: counts.lost_count > 0)
    assert (counts.lost_count, counts.written_count, counts.waiting_count) == (10, 0, 0)
    sources.close()


def test_a_name_that_is_not_there(telemetry: EmbeddedTelemetry) -> None:
    for policy in (IntegrationsPolicy(write_logs_to=("nobody",)), IntegrationsPolicy(write_traces_to=("nobody",))):
        with pytest.raises(InputError, match="is named 'nobody'"):
            Sources(policy).forward(telemetry, Written(), now_ms)
