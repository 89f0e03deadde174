"""`trimtab test rules` and Debian's promtool, case by case: the same verdict, and the one that is written down."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from trimtab.analyze.rules.unit_report import FileReport, run_files
from trimtab.analyze.rules.unit_tests import Ways

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PROMTOOL = shutil.which("promtool")
DATA = Path(os.environ.get("TRIMTAB_BENCH_DATA", HERE.parents[2].parent / "shared" / "data")) / "promtool"
UPSTREAM = [
    "at-modifier-test",
    "bad-input-series",
    "bad-promql",
    "bad-rules-error-test",
    "bad-rules-syntax-test",
    "failing",
    "long-period",
    "negative-offset-test",
    "no-test-group-interval",
    "rules_run",
    "rules_run_extrafields",
    "rules_run_fuzzy",
    "rules_run_no_fuzzy",
    "start-time-test",
    "unittest",
]
PASSES_IN_3 = {
    "at-modifier-test",
    "long-period",
    "negative-offset-test",
    "no-test-group-interval",
    "start-time-test",
    "unittest",
}
"""Of Prometheus' own files; the others are there to fail."""


ONLY_IN_3 = ["wrong-label-name", "wrong-record-name"]
"""Cases that 2.42 refuses and Prometheus 3 takes: names may be any text there."""


@dataclass(frozen=True)
class Case:
    name: str
    verdict: str
    path: Path


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("cases")
    found = []
    for document in yaml.safe_load_all((HERE / "cases.yml").read_text("utf-8")):
        name = document["name"]
        groups = document.get("groups") or [{"name": "g", "rules": document.get("rules", [])}]
        (folder / f"{name}.rules").write_text(yaml.safe_dump({"groups": groups}), "utf-8")
        tests = document.get("tests") or [document["test"]]
        body = {"rule_files": [f"{name}.rules"], **document.get("file", {}), "tests": tests}
        path = folder / f"{name}.yml"
        path.write_text(yaml.safe_dump(body), "utf-8")
        found.append(Case(name, document["verdict"], path))
    return found


@pytest.fixture(scope="module")
def ours(cases: list[Case]) -> dict[str, FileReport]:
    reports = run_files([(str(case.path), case.path.read_text("utf-8")) for case in cases], Ways(is_v2=True))
    return {Path(report.file).stem: report for report in reports}


def promtool(paths: list[Path]) -> dict[str, str]:
    """The verdict on each file, from one run."""
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "test", "rules", *map(str, paths)], capture_output=True, text=True, check=False)
    found: dict[str, str] = {}
    file = ""
    for line in (done.stdout + "\n" + done.stderr).splitlines():
        if match := re.match(r"Unit Testing:\s+(.*)", line):
            file = Path(match[1]).stem
        elif line.strip() == "SUCCESS":
            found[file] = "pass"
    return {path.stem: found.get(path.stem, "fail") for path in paths}


def test_there_are_more_than_sixty_cases_and_each_has_its_own_name(cases: list[Case]) -> None:
    assert len(cases) > 60
    assert len({case.name for case in cases}) == len(cases)
    assert {case.verdict for case in cases} == {"pass", "fail"}


def test_each_case_gets_the_verdict_that_is_written_down(cases: list[Case], ours: dict[str, FileReport]) -> None:
    wrong = {
        case.name: [ours[case.name].error, *(one.difference for one in ours[case.name].failures)]
        for case in cases
        if ("fail" if ours[case.name].failed_count else "pass") != case.verdict
    }
    assert wrong == {}


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_gives_each_case_the_same_verdict(cases: list[Case], ours: dict[str, FileReport]) -> None:
    theirs = promtool([case.path for case in cases])
    assert {name: "fail" if report.failed_count else "pass" for name, report in ours.items()} == theirs


@pytest.mark.skipif(not DATA.is_dir(), reason="Prometheus' own unit tests are not here")
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_promtool_gives_prometheus_own_files_the_same_verdict() -> None:
    paths = [DATA / f"{name}.yml" for name in UPSTREAM]
    reports = run_files([(str(path), path.read_text("utf-8")) for path in paths], Ways(is_v2=True))
    ours = {Path(report.file).stem: "fail" if report.failed_count else "pass" for report in reports}
    assert ours == promtool(paths)


@pytest.mark.skipif(not DATA.is_dir(), reason="Prometheus' own unit tests are not here")
def test_prometheus_own_files_come_out_as_in_prometheus_3() -> None:
    paths = [DATA / f"{name}.yml" for name in UPSTREAM]
    reports = run_files([(str(path), path.read_text("utf-8")) for path in paths], Ways())
    assert {Path(report.file).stem for report in reports if not report.failed_count} == PASSES_IN_3


def test_each_case_gets_that_verdict_also_without_naming_a_version(cases: list[Case]) -> None:
    files = [(str(case.path), case.path.read_text("utf-8")) for case in cases]
    reports = run_files(files, Ways(), takes_either=True)
    wrong = [
        case.name
        for case, report in zip(cases, reports, strict=True)
        if bool(report.failed_count) == (case.verdict == "pass")
    ]
    assert wrong == ONLY_IN_3


@pytest.mark.skipif(not DATA.is_dir(), reason="Prometheus' own unit tests are not here")
def test_unknown_fields_are_passed_over_where_that_is_wanted() -> None:
    path = DATA / "rules_run_extrafields.yml"
    (report,) = run_files([(str(path), path.read_text("utf-8"))], Ways(ignores_unknown=True))
    assert (report.passed_count, report.failed_count) == (1, 0)
