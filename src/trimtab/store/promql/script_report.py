"""What came of test scripts, file by file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trimtab.store.promql.script_known import Known
from trimtab.store.promql.script_run import Outcome


@dataclass(slots=True)
class FileReport:
    """Of one script: how many evaluations are as expected, which are not, and which are known to miss (and why)."""

    file: str
    passed: int = 0
    failures: list[Outcome] = field(default_factory=list)
    excluded: list[tuple[Outcome, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All evaluations."""
        return self.passed + len(self.failures) + len(self.excluded)


def report_of(file: str, outcomes: Iterable[Outcome], known: Known) -> FileReport:
    """The report of a file named `file` in the list of what is known.

    >>> report_of("a.test", [Outcome(1, "up", None), Outcome(2, "down", "expected 1, but got 2")], Known()).total
    2
    """
    report = FileReport(file)
    for outcome in outcomes:
        if outcome.difference is None:
            report.passed += 1
            continue
        reason = known.reason_for(file, outcome.line, outcome.query, outcome.difference)
        if reason is None:
            report.failures.append(outcome)
        else:
            report.excluded.append((outcome, reason))
    return report
