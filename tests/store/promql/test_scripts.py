"""Prometheus' own test scripts, where they are at hand: all as they say, but for what is listed with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.promql.corpus import FILES, KNOWN, folder_or_skip
from trimtab.store.promql.options import Options
from trimtab.store.promql.script_known import Known, known_of
from trimtab.store.promql.script_report import FileReport, report_of
from trimtab.store.promql.script_run import run_script

pytestmark = pytest.mark.slow

AS_PROMETHEUS_TESTS = Options(removes_names_late=True)


def _report(path: Path, known: Known) -> FileReport:
    return report_of(path.name, run_script(path.read_text("utf-8"), AS_PROMETHEUS_TESTS), known)


@pytest.mark.parametrize("name", FILES)
def test_all_is_as_prometheus_says_but_for_what_is_listed(name: str) -> None:
    path = folder_or_skip() / name
    known = known_of(KNOWN.read_text("utf-8"))
    report = _report(path, known)
    assert [f"{name}:{one.line} {one.query}: {one.difference}" for one in report.failures] == []
    assert known.stale([name]) == [], "listed in excluded.toml, but passes: take it off the list"
    assert report.passed / report.total > 0.95


def test_every_script_that_is_there_is_run() -> None:
    assert sorted(path.name for path in folder_or_skip().glob("*.test")) == sorted(FILES)


def test_no_reason_is_given_for_nothing() -> None:
    known = known_of(KNOWN.read_text("utf-8"))
    assert {file for file, _, _ in known.evaluations} <= set(FILES)
    assert known.messages == {}, "what no difference says is stale: list evaluations, or check messages here"
