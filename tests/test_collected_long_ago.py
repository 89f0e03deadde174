"""Moments that tests take while they are imported are old; those of others are not, and none is when tests run."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest

from tests.collected_long_ago import AGE_S, S_NS, OldClock
from trimtab.store.metrics.writing import now_ms

BEGAN_S, BEGAN_NS, BEGAN_MS = time.time(), time.time_ns(), now_ms()
KEPT = time.time


def test_what_this_file_took_is_old() -> None:
    now_s = time.time()
    assert now_s - BEGAN_S > AGE_S
    assert now_s - BEGAN_NS / S_NS > AGE_S
    assert now_s - BEGAN_MS / 1000 > AGE_S, "asked through a function of the product"
    assert abs(KEPT() - now_s) < 60


def test_what_others_take_while_they_are_imported_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tmp_path / "some_product.py").write_text("import time\nSTARTED_S = time.time()\n")
    (tests / "some_tests.py").write_text("import time, some_product\nNOW_S = time.time()\n")
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.spec_from_file_location("some_tests", tests / "some_tests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    clock, before_s = OldClock(tests), time.time()
    clock.begin()
    try:
        spec.loader.exec_module(module)
    finally:
        clock.end()
    assert before_s <= module.some_product.STARTED_S <= time.time()
    assert before_s <= module.NOW_S + AGE_S <= time.time()
