"""A rule file that is wrong when the server starts: what it said when it was right goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.alerting.support import MINUTE_MS, START_MS
from tests.app.alerting.test_rules import FIRST, Here
from trimtab.app.alerting.rule_book import RuleBook
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.alerts import AlertState

WRONG = FIRST.replace("up == 0", "up =")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    found = Here(tmp_path)
    found.file.write_text(FIRST, "utf-8")
    found.start(KeptTexts(tmp_path / "kept"))
    found.rules.look_at_files()
    yield found
    found.database.close()


def started(here: Here) -> RuleBook:
    """The book as a server reads it at its start."""
    here.start(KeptTexts(here.folder / "kept"))
    here.rules.look_at_files()
    return here.rules.book


def test_a_pending_alert_fires_and_ends_over_a_restart_with_a_wrong_file(here: Here) -> None:
    here.up(0.0, 0.0, 0.0, 1.0, 1.0)
    here.minute()
    here.file.write_text(WRONG, "utf-8")
    book = started(here)
    assert "could not parse expression" in book.files[0].error
    assert [group.name for group in book.groups] == ["shop", "slow"]
    here.minute()
    here.minute()
    (alert,) = here.rules.machine.alerts()
    assert (alert.state, alert.fired_at_ms) == (AlertState.FIRING, START_MS + 2 * MINUTE_MS)
    here.minute()
    assert [alert.state for alert in here.rules.machine.alerts()] == [AlertState.RESOLVED]


def test_what_was_right_last_is_what_counts_and_a_right_file_goes_before_it(here: Here) -> None:
    here.file.write_text(FIRST.replace("name: slow", "name: slower"), "utf-8")
    here.rules.look_at_files()
    here.file.write_text(WRONG, "utf-8")
    here.rules.look_at_files()
    book = started(here)
    assert [group.name for group in book.groups] == ["shop", "slower"]
    here.file.write_text(FIRST, "utf-8")
    assert book.look()
    assert ([group.name for group in book.groups], book.files[0].error) == (["shop", "slow"], "")


def test_a_file_that_is_named_and_gone_at_the_start_goes_on(here: Here) -> None:
    kept = KeptTexts(here.folder / "kept")
    here.file.unlink()
    book = RuleBook([str(here.file)], lambda: 7, kept)
    assert book.look()
    assert "could not read" in book.files[0].error
    assert ([group.name for group in book.groups], book.files[0].loaded_at_ms) == (["shop", "slow"], 7)
    assert not book.look()


def test_a_file_that_was_deleted_is_forgotten_and_others_are_not(here: Here) -> None:
    other = here.folder / "other.yml"
    other.write_text(FIRST, "utf-8")
    here.rules.look_at_files()
    here.file.unlink()
    here.rules.look_at_files()
    for path in (here.file, other):
        path.write_text(WRONG, "utf-8")
    assert [(file.path, len(file.groups)) for file in started(here).files] == [(str(other), 2), (str(here.file), 0)]


def test_a_file_that_was_never_right_says_nothing_and_a_broken_copy_stops_nothing(here: Here) -> None:
    (copy,) = (here.folder / "kept").iterdir()
    here.file.write_text(WRONG, "utf-8")
    for broken in (b"\xff", b"groups: ["):
        copy.write_bytes(broken)
        assert started(here).groups == []
    copy.unlink()
    assert started(here).groups == []
