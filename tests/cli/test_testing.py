"""`trimtab test promql`: what it prints and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from trimtab.cli.main import main

RIGHT = "load 1m\n  up 1+1x5\n\neval instant at 2m up\n  up 3\n"
WRONG = RIGHT + "\neval instant at 3m up * 2\n  {} 7\n"


def run(*arguments: str, standard_input: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["test", "promql", *arguments], input=standard_input)
    return result.exit_code, result.stdout, result.stderr


def test_all_is_right(tmp_path: Path) -> None:
    (tmp_path / "a.test").write_text(RIGHT)
    code, out, _ = run(str(tmp_path))
    assert code == 0
    assert "a.test  1 of 1 as expected" in out


def test_one_json_document_with_file_line_and_difference() -> None:
    code, out, _ = run("--format", "json", "-", standard_input=WRONG)
    document = json.loads(out)
    assert code == 1
    assert (document["passed"], document["failed"]) == (1, 1)
    assert document["failures"] == [
        {"file": "-", "line": 7, "query": "up * 2", "difference": "{}: expected 7, but got 8"}
    ]


def test_known_misses_do_not_count_until_they_pass(tmp_path: Path) -> None:
    script, known = tmp_path / "a.test", tmp_path / "known.toml"
    script.write_text(WRONG)
    known.write_text('[[evaluation]]\nfile = "a.test"\nline = 7\nquery = "up * 2"\nreason = "later"\n')
    code, out, _ = run("--known-misses", str(known), str(script))
    assert (code, "1 known to miss" in out) == (0, True)
    script.write_text(WRONG.replace("{} 7", "{} 8"))
    code, out, _ = run("--known-misses", str(known), str(script))
    assert (code, "known to miss, but does not: a.test:7 up * 2" in out) == (1, True)


@pytest.mark.parametrize(
    ("text", "message"), [("lod 1m\n", "-: line 1: 'lod' is no command"), ("load 1m\n  a b\n", "not a value: 'b'")]
)
def test_a_script_that_cannot_be_read(text: str, message: str) -> None:
    code, out, err = run("-", standard_input=text)
    assert (code, out) == (2, "")
    assert message in err


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    code, _, err = run(str(tmp_path / "none.test"))
    assert code == 2
    assert "could not read" in err
    code, _, err = run(str(tmp_path))
    assert code == 2
    assert "has no *.test in it" in err


def test_names_go_as_the_options_say() -> None:
    script = "load 1m\n  up 1\n\neval instant at 0 label_replace(rate(up[5m]) or -up, 'a', '$1', '__name__', '(.*)')\n"
    late = run("-", standard_input=script + "  {a='up'} -1\n")
    early = run("--early-name-removal", "-", standard_input=script + "  {} -1\n")
    assert (late[0], early[0]) == (0, 0)
