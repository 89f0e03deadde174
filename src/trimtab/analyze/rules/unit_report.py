"""What came of files of unit tests, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from trimtab.analyze.rules.unit_tests import CaseResult, Failure, Ways, run_file
from trimtab.model.errors import InputError


@dataclass(slots=True)
class FileReport:
    """One file. `error`: why it could not be read; then it counts as one that failed."""

    file: str
    cases: list[CaseResult] = field(default_factory=list)
    error: str = ""

    notices: list[str] = field(default_factory=list)

    def take_from(self, others: Iterable[CaseResult]) -> None:
        """Results of the same tests in another way, for those that failed in this one."""
        try:
            found = list(others)
        except InputError:  # 2.42 cannot read it: it was not written for that
            return
        for place, (case, other) in enumerate(zip(self.cases, found, strict=True)):
            if case.failures and not other.failures:
                self.cases[place] = other
                named = f" ({case.name})" if case.name else ""
                told = "passes as in Prometheus 2 (ranges with their first instant) and not as in Prometheus 3"
                self.notices.append(f"{self.file}:{case.line}: the test{named} {told}")

    @property
    def failures(self) -> list[Failure]:
        """All that does not fit."""
        return [failure for case in self.cases for failure in case.failures]

    @property
    def passed_count(self) -> int:
        """Tests in which all fits."""
        return sum(not case.failures for case in self.cases)

    @property
    def failed_count(self) -> int:
        """Tests in which something does not fit; a file that cannot be read is one."""
        return sum(bool(case.failures) for case in self.cases) + bool(self.error)


def run_files(files: Iterable[tuple[str, str]], ways: Ways, *, takes_either: bool = False) -> list[FileReport]:
    """Run all files (name, text); rule files are looked for beside them.

    `takes_either`: a test that fails as in Prometheus 3 passes, with a notice, if all fits as in Prometheus 2.42.
    """
    reports = []
    for file, text in files:
        report = FileReport(file)
        folder = Path() if file == "-" else Path(file).parent
        try:
            report.cases.extend(run_file(text, file, folder, ways))
            if takes_either and report.failures:
                report.take_from(run_file(text, file, folder, replace(ways, is_v2=True)))
        except InputError as error:
            report.error = error.message
        reports.append(report)
    return reports


def document(reports: Sequence[FileReport]) -> dict[str, object]:
    """For programs. A failure has `file`, `line`, `test`, `what` (alert, query, rule, file) and `difference`."""
    failures: list[dict[str, object]] = []
    for report in reports:
        failures += [
            {"file": one.file, "line": one.line, "test": one.test, "what": one.what, "difference": one.difference}
            for one in report.failures
        ]
        if report.error:
            failures.append({"file": report.file, "line": 0, "test": "", "what": "file", "difference": report.error})
    return {
        "passed": sum(report.passed_count for report in reports),
        "failed": sum(report.failed_count for report in reports),
        "failures": failures,
        "notices": [text for report in reports for text in report.notices],
        "files": [
            {
                "file": report.file,
                "passed": report.passed_count,
                "failed": report.failed_count,
                "tests": [{"name": case.name, "line": case.line, "passed": not case.failures} for case in report.cases],
            }
            for report in reports
        ],
    }


def table(reports: Sequence[FileReport]) -> str:
    """For people."""
    lines: list[str] = []
    for report in reports:
        if report.error:
            lines.append(report.error)
        lines += [
            f"{one.file}:{one.line}: {f'{one.test}: ' if one.test else ''}{one.difference}" for one in report.failures
        ]
        lines += report.notices
        lines.append(f"{report.file}: {report.passed_count} passed, {report.failed_count} failed")
    if len(reports) > 1:
        passed, failed = sum(one.passed_count for one in reports), sum(one.failed_count for one in reports)
        lines.append(f"{passed} passed, {failed} failed")
    return "\n".join(lines)


def junit_of(reports: Sequence[FileReport]) -> str:
    """JUnit's XML, as continuous integration reads it."""
    suites = []
    for report in reports:
        cases = []
        for index, case in enumerate(report.cases):
            told = "\n".join(f"line {one.line}: {one.difference}" for one in case.failures)
            body = f"<failure message={quoteattr(told[:200])}>{escape(told)}</failure>" if case.failures else ""
            cases.append(f"<testcase name={quoteattr(case.name or f'test {index + 1}')}>{body}</testcase>")
        if report.error:
            cases.append(f'<testcase name="file"><error message={quoteattr(report.error)}/></testcase>')
        counts = f'tests="{len(cases)}" failures="{report.failed_count}"'
        suites.append(f"<testsuite name={quoteattr(report.file)} {counts}>{''.join(cases)}</testsuite>")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>{"".join(suites)}</testsuites>\n'
