"""Which server a command asks: --server, else --data-dir, else what the environment says; and what is said of none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from trimtab.cli.main import main

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIMTAB_SERVER", NOBODY)
    monkeypatch.setenv("TRIMTAB_DATA_DIR", str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("command", [["cases"], ["setup", "--status"], ["slo", "list"], ["user", "list"]])
def test_the_environment_names_the_server(command: list[str]) -> None:
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 3
    assert f"the server at {NOBODY} does not answer" in done.stderr


def test_what_is_said_stands_above_the_environment(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["cases", "--server", "http://127.0.0.1:2"])
    assert "the server at http://127.0.0.1:2 does not answer" in done.stderr
    done = CliRunner().invoke(main, ["cases", "--data-dir", str(tmp_path)])
    assert done.exit_code == 3
    assert f"no running server found: {tmp_path}" in done.stderr
    assert "Where it runs with another --data-dir, say so here, too" in done.stderr
    assert "TRIMTAB_SERVER" in done.stderr


def test_a_variable_that_is_no_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_SERVER", "shop:9321")
    done = CliRunner().invoke(main, ["cases"])
    assert done.exit_code == 2
    assert "TRIMTAB_SERVER" in done.stderr
    assert "found 'shop:9321'" in done.stderr
