"""The engine keeps spans as `engine_tuning` says, also where they were kept otherwise before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.traces.otlp import Made, request
from trimtab.store.engine_tuning import TUNED
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


def test_an_older_store_is_tuned_when_it_is_opened(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path) as store:
        for name in TUNED["spans"]:
            store._engine.write(f"ALTER TABLE spans RESET SETTING {name}")
        store.append_otlp_traces(request([Made(1, 1)]).SerializeToString())
    with EmbeddedTelemetry.open(tmp_path) as store:
        told = store.query("SELECT engine_full FROM system.tables WHERE name = 'spans'")["engine_full"][0].as_py()
        for name, value in TUNED["spans"].items():
            assert f"{name} = {value}" in told
        assert store.query("SELECT count() AS n FROM spans")["n"].to_pylist() == [1]
