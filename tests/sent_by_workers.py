"""What a worker of a run sends to the one that prints it.

Workers send UTF-8. Tests that try odd input (half a pair of surrogates in JSON) come by text that has no such form, in
a line of the log or in what they say when they fail. Sent as it is, it would end the whole run with an internal error,
and nobody would read it.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest


def sendable(text: str) -> str:
    """The text, with an escape in the place of what has no form in UTF-8.

    >>> print(sendable("half: \\ud83d, whole: \\U0001f600"))
    half: \\ud83d, whole: 😀
    """
    return text.encode("utf-8", "backslashreplace").decode()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Nothing that is reported of a test ends the run."""
    report = yield
    report.sections = [(sendable(name), sendable(text)) for name, text in report.sections]
    if report.longrepr is not None and (said := str(report.longrepr)) != sendable(said):
        report.longrepr = sendable(said)
    return report
