"""Log records are written to another store as well, where that is configured: all, once, also after an outage."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.api.serving import running
from tests.integrations.fake_elasticsearch import Fake
from trimtab.app.sources.sources import Sources
from trimtab.model.errors import InputError
from trimtab.model.integrations import IntegrationsPolicy
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.answers import LogRow
from trimtab.store.logs.reads import LogReads
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, logs_load_interval_s=0.05)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def wait_until(sources: Sources, written_count: int) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        [told] = sources.listed()
        assert told.forwarded is not None
        if told.forwarded.written_count >= written_count:
            return
        assert time.monotonic() < give_up_at, told
        threading.Event().wait(0.05)


def test_everything_once(tmp_path: Path) -> None:
    fake = Fake()
    with running(fake.app) as url, EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:
        telemetry.logs.append_rows([LogRow("before it began", now_ms() * 1_000_000)])
        telemetry.flush()
        policy = IntegrationsPolicy(logs=(f"old=elasticsearch+{url}/copied",), write_logs_to=("old",), pause_s=0)
        sources = Sources(policy)
        sources.forward(telemetry.logs, LogReads(telemetry).between, now_ms)
        telemetry.logs.append_rows(
            [
                LogRow(f"line {n}", now_ms() * 1_000_000, severity_text="WARN", resource={"service.name": "shop"})
                for n in range(50)
            ]
        )
        wait_until(sources, 50)
        fake.status = 503
        telemetry.logs.append_rows([LogRow("while it was away", now_ms() * 1_000_000)])
        telemetry.flush()
        give_up_at = time.monotonic() + 10
        while not sources.listed()[0].problem and time.monotonic() < give_up_at:
            threading.Event().wait(0.05)
        assert "503" in sources.listed()[0].problem
        fake.status = 200
        wait_until(sources, 51)
        sources.close()
    messages = [document["message"] for _, _, document in fake.documents]
    assert sorted(messages) == sorted(["while it was away", *(f"line {n}" for n in range(50))])
    first = fake.documents[0][2]
    assert (first["service.name"], first["log.level"]) == ("shop", "WARN")


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:
        sources = Sources(IntegrationsPolicy(write_logs_to=("nobody",)))
        with pytest.raises(InputError, match="no source of logs is named 'nobody'"):
            sources.forward(telemetry.logs, LogReads(telemetry).between, now_ms)
