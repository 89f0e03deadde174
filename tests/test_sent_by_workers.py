"""Odd text in what a test logs or says does not end a whole run."""

from __future__ import annotations

import execnet
import pytest

from tests.sent_by_workers import pytest_runtest_makereport


@pytest.mark.parametrize("longrepr", [None, "odd: \udfff", ("file.py", 3, "Skipped: \ud800")])
def test_what_is_sent_can_be_sent(longrepr: str | tuple[str, int, str] | None) -> None:
    said = [("Captured log call", "bad \ud800"), ("Captured stdout call", "fine: é 😀")]
    report = pytest.TestReport("a::b", ("a", 1, "b"), {}, "failed", longrepr, "call", said)
    hook = pytest_runtest_makereport()
    next(hook)
    with pytest.raises(StopIteration) as ended:
        hook.send(report)
    cleaned: pytest.TestReport = ended.value.value
    assert [text for _, text in cleaned.sections] == ["bad \\ud800", "fine: é 😀"]
    execnet.dumps(cleaned.sections)
    if isinstance(longrepr, str):
        assert cleaned.longrepr == "odd: \\udfff"
        execnet.dumps(cleaned.longrepr)
