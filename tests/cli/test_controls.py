"""Labels and names that hold what a terminal would obey: it is written out, also on a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from trimtab.cli import alerts_output, logs_output, output, slo_output

EVIL = "a\x1b[2J\x9b1m\u202eb\u2066\rc"
SHOWN = r"a\x1b[2J\x9b1m\u202eb\u2066\x0dc"
ALERT = {
    "name": "Down",
    "severity": "page",
    "state": "firing",
    "silenced_by": [],
    "inhibited_by": [],
    "fired_at_ms": 0,
    "active_at_ms": 0,
    "labels": {"job": EVIL, "k\x07": "v"},
    "annotations": {},
    "receivers": [],
}
OBJECTIVE = {
    "name": EVIL,
    "state": "kept",
    "target_ratio": 0.99,
    "good_ratio": None,
    "left_ratio": None,
    "burn_rate": None,
    "coverage_ratio": 0.0,
    "end": None,
    "window": "1d",
}
PROBLEM = {"line": 1, "column": 1, "reason": EVIL}
OBJECTIVES = {"objectives": [OBJECTIVE], "at_ms": 0, "files": [{"file": "f", "problems": [PROBLEM]}], "error": ""}


class Terminal(io.StringIO):
    """Standard output as a person sees it."""

    def isatty(self) -> bool:
        """Yes."""
        return True


@pytest.mark.parametrize("standard_output", [Terminal, io.StringIO])
@pytest.mark.parametrize(
    ("answer", "draw", "count"), [([ALERT], alerts_output.alerts, 1), (OBJECTIVES, slo_output.objectives, 2)]
)
def test_what_a_terminal_would_obey_is_written_out(
    answer: Any,
    draw: Callable[[Console, Any], None],
    count: int,
    standard_output: type[io.StringIO],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    seen = standard_output()
    monkeypatch.setattr(sys, "stdout", seen)
    output.show("table", answer, draw)
    said = seen.getvalue()
    assert said.count(SHOWN) == count
    assert not any(one in said for one in ("\x1b[2J", "\x9b", "\u202e", "\u2066", "\r", "\x07"))


def test_a_record_of_a_log_that_is_followed_is_written_out() -> None:
    record = {"at_ns": 0, "level": "info", "service_name": None, "body_text": f"{EVIL}\n\tgoes on"}
    assert logs_output.line(record).plain.endswith(f"{SHOWN}\n\tgoes on")
