"""A file that is wrong when the server starts: what it said when it was right stays in force."""

from __future__ import annotations

from pathlib import Path

from trimtab.app.objectives.files import ObjectiveFiles

RIGHT = "objectives: [{name: shop, target: 99.9%, availability: up}]"
WRONG = "objectives: ["


def started(path: Path) -> ObjectiveFiles:
    """Files as a server reads them at its start."""
    files = ObjectiveFiles(lambda: [str(path)], lambda: 0, path.parent / "kept")
    files.look()
    return files


def test_what_was_right_before_the_restart_stays_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    path = tmp_path / "slo.yml"
    path.write_text(RIGHT, "utf-8")
    before = started(path).objectives
    path.write_text(WRONG, "utf-8")
    files = started(path)
    assert files.objectives == before
    assert files.objectives[0].origin == str(path)
    (status,) = files.status
    assert status.objectives_count == 1
    assert "this is no YAML" in (status.error or "")
    path.write_text(RIGHT.replace("shop", "web"), "utf-8")
    assert files.look()
    assert [one.name for one in files.objectives] == ["web"]
    path.write_text(WRONG, "utf-8")
    assert [one.name for one in started(path).objectives] == ["web"]


def test_a_file_that_is_not_named_any_more_is_gone_and_one_that_was_never_right_says_nothing(tmp_path: Path) -> None:
    path, other = tmp_path / "slo.yml", tmp_path / "other.yml"
    path.write_text(RIGHT, "utf-8")
    started(path)
    other.write_text(WRONG, "utf-8")
    assert started(other).objectives == ()


def test_a_copy_that_is_broken_or_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "slo.yml"
    path.write_text(RIGHT, "utf-8")
    started(path)
    (copy,) = (tmp_path / "kept").iterdir()
    copy.write_bytes(b"\xff")
    path.write_text(WRONG, "utf-8")
    assert started(path).objectives == ()
    copy.unlink()
    copy.parent.rmdir()
    copy.parent.write_text("a file where the folder should be", "utf-8")
    path.write_text(RIGHT, "utf-8")
    assert [one.name for one in started(path).objectives] == ["shop"]
