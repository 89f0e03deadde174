"""What rules record, in the real metrics store; and on another server by remote write (Debian's Prometheus)."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.metrics.test_store import LIMITS, QUICK
from trimtab.analyze.rules.asking import StoreAsker
from trimtab.app.alerting.elsewhere import ElsewhereAsker, ElsewhereRecorder
from trimtab.app.alerting.recorder import StoreRecorder
from trimtab.app.upstream import Upstream
from trimtab.model.errors import InputError
from trimtab.store.metrics.contract import MetricStore
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.script_series import STALE
from trimtab.store.telemetry import EmbeddedTelemetry

UP = (("__name__", "up:sum"), ("job", "a"))


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricStore]:
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("recorder")), LIMITS, None, QUICK) as telemetry:
        assert telemetry.metrics.wait_until_read_back(60)
        yield telemetry.metrics


@pytest.mark.store
def test_what_is_recorded_is_seen_by_the_next_question(metrics: MetricStore) -> None:
    at_ms = time.time_ns() // 1_000_000 - 60_000
    recorder, asker = StoreRecorder(lambda: metrics), StoreAsker(lambda: metrics)
    histogram = FloatHistogram(count=3.0, sum=2.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
    recorder.record([(UP, 3.0), ((("__name__", "took"),), histogram)], at_ms)
    (numbers,), (histograms,) = asker.ask(["up:sum"], at_ms), asker.ask(["histogram_count(took)"], at_ms)
    assert numbers == [(UP, 3.0)]
    assert histograms == [((), 3.0)]
    recorder.record([(UP, STALE)], at_ms + 1000)
    assert asker.ask(["up:sum"], at_ms + 1000) == [[]]
    assert (recorder.recorded_count, recorder.refused_count) == (3, 0)


@pytest.mark.store
def test_what_is_refused_is_counted_and_the_rest_is_kept(metrics: MetricStore) -> None:
    at_ms = time.time_ns() // 1_000_000 - 30_000
    recorder = StoreRecorder(lambda: metrics)
    bad = (("__name__", "x"), ("y", "z" * 100_000))
    recorder.record([(bad, 1.0), ((("__name__", "good"),), 2.0)], at_ms)
    assert StoreAsker(lambda: metrics).ask(["good"], at_ms) == [[((("__name__", "good"),), 2.0)]]
    assert recorder.refused_count == 1
    assert recorder.refusals


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed (Debian: prometheus)")
def test_rules_on_another_server_are_asked_and_recorded_there(tmp_path: Path) -> None:
    from benchmarks.metrics.servers import prometheus

    at_ms = time.time_ns() // 1_000_000
    with prometheus(tmp_path / "prometheus") as server:
        assert server is not None
        upstream = Upstream(server.base)
        recorder, asker = ElsewhereRecorder(upstream), ElsewhereAsker(upstream)
        recorder.record([(UP, 3.0)], at_ms)
        answers = asker.ask(["up:sum", "1 + 1", "up:sum", "sum("], at_ms)
        assert answers[0] == answers[2] == [(UP, 3.0)]
        assert answers[1] == [((), 2.0)]
        assert isinstance(answers[3], InputError)
        recorder.record([(UP, STALE)], at_ms + 1000)
        assert asker.ask(["up:sum"], at_ms + 1000) == [[]]
        asyncio.run(upstream.close())
