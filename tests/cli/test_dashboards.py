"""`trimtab dashboards` without a server: files are checked, and trimtab's own are written."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from click.testing import CliRunner, Result
from rich.console import Console

from trimtab.app.dashboards.library import builtin
from trimtab.cli import clouds_output, dashboards_output
from trimtab.cli.main import main


def run(*arguments: str, text: str | None = None) -> Result:
    """The command as a person gives it."""
    return CliRunner().invoke(main, ["dashboards", *arguments], input=text)


def test_check_says_what_is_drawn_and_what_not(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    file.write_text(
        json.dumps(
            {"title": "One\x1b[2J", "panels": [{"type": "stat", "title": "a"}, {"type": "geomap", "title": "b"}]}
        )
    )
    result = run("check", str(file))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{file}: One\\x1b[2J: 0 of 2 panels are drawn",
        "  a: it asks nothing: it has no query",
        "  b: maps are not drawn here",
    ]


def test_check_names_the_place_of_what_is_wrong_and_goes_on(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text('{"title":\n nope}')
    good.write_text('{"title": "Good", "panels": []}')
    result = run("check", str(bad), str(good))
    assert result.exit_code == 2
    assert f"{bad}: line 2, column 2: not JSON" in result.stderr
    assert "Good: 0 of 0 panels are drawn" in result.stdout


def test_check_reads_standard_input() -> None:
    assert "standard" not in run("check", "-", text='{"title": "In", "rows": []}').stderr
    assert run("check", "nowhere.json").exit_code == 3


def test_what_is_wrong_in_any_file_is_said_before_one_is_brought(tmp_path: Path) -> None:
    good, bad, large = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "large.json"
    good.write_text('{"title": "Good", "panels": []}')
    bad.write_text('{"title": "Bad", "panels": [{"type": "stat", "targets": {}}]}')
    large.write_bytes(b" " * 3_145_728)
    for command in ("check", "import"):
        result = run(command, str(good), str(bad))
        assert result.exit_code == 2
        assert f"{bad}: panels[0].targets: a list is needed here" in result.stderr, "the file is named"
        assert f"{large}: it has 3.15 MB, at most 2.10 MB" in run(command, str(large)).stderr


def test_export_writes_files_that_check_takes(tmp_path: Path) -> None:
    result = run("export", str(tmp_path / "made"))
    assert result.exit_code == 0, result.output
    files = result.stdout.split()
    assert len(files) == len(builtin())
    checked = run("check", *files)
    assert checked.exit_code == 0
    assert "Traceback" not in checked.output
    assert all(" 0 of" not in line for line in checked.stdout.splitlines())


def test_titles_that_look_like_markup_are_shown_as_they_are() -> None:
    written = StringIO()
    console = Console(file=written, width=200)
    row = {"uid": "u", "title": "[red]boo[/red] [/nope]", "origin": "imported", "added_by": "[/x]"}
    dashboards_output.listed(console, {"dashboards": [{**row, "panels_count": 1, "drawn_count": 1}]})
    panel = {"id": 1, "title": "[/y]", "type": "stat", "drawn_as": "stat", "reason": "", "notes": ["[bold]n"]}
    dashboards_output.detail(console, {"row": row, "panels": [panel], "notes": []})
    item = {"kind": "dashboard", "name": "[/z]", "outcome": "made", "why": "[/w]"}
    dashboards_output.pushed(console, {"url": "http://g", "folder": "f", "items": [item]})
    clouds_output.clouds(console, {"counts": {}, "accounts": []})
    said = written.getvalue()
    for text in ("[red]boo[/red] [/nope]", "[/x]", "[/y]", "[bold]n", "[/z]", "[/w]", "[clouds] accounts"):
        assert text in said
