"""`trimtab slo`: files are explained and checked without a server; a server's objectives are listed and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from trimtab.analyze.slo.reading import objectives_in
from trimtab.analyze.slo.slice_book import SliceBook
from trimtab.app.objectives.answers import detail_of
from trimtab.app.objectives.board import board_of
from trimtab.app.objectives.keeper import Standing
from trimtab.app.objectives.listing import listed
from trimtab.cli import slo
from trimtab.cli.main import main

MINUTE_MS = 60_000
TEXT = "objectives: [{name: shop, target: 99.9%, window: 1d, events: {bad: errors_total, total: requests_total}}]\n"


def run(*arguments: str, text: str | None = None) -> Result:
    """The command as a person gives it."""
    return CliRunner().invoke(main, ["slo", *arguments], input=text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one objective."""
    path = tmp_path / "objectives.yml"
    path.write_text(TEXT)
    return path


def test_explain_is_one_json_document(file: Path) -> None:
    result = run("explain", str(file), "--format", "json")
    assert result.exit_code == 0, result.output
    (one,) = json.loads(result.stdout)["objectives"]
    assert (one["objective"], one["target_ratio"], one["period_s"]) == ("shop", 0.999, 86_400)
    first = one["fires"][0]
    assert (first["error_ratio"], first["burn_rate"], first["rule"]) == (1.0, 1000, "slow")
    assert first["budget_spent_ratio"] == pytest.approx(0.05)
    assert [rule["name"] for rule in one["rules"]] == ["slow", "long"], "a fast rule would have too few minutes"


def test_explain_reads_standard_input_and_other_sets() -> None:
    result = run("explain", "-", "--rules", "coroot", text=TEXT.replace("1d", "30d"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "shop: 0.999 over 30d  (standard input)"
    fires = next(line for line in lines if line.startswith("time to fire"))
    assert fires.split() == ["time", "to", "fire", "52s", "8m38s", "43m12s", "3h36m", "never", "never"]
    assert any("errors between 1 and 6 times the allowed ones spend the whole budget" in line for line in lines)


def test_what_is_wrong_is_told_with_its_place(file: Path) -> None:
    file.write_text(TEXT.replace("99.9%", "99.9"))
    result = run("explain", str(file))
    assert result.exit_code == 2
    assert result.stderr == (f"trimtab: {file}, line 1, column 35: target: 99.9 is no share: write '99.9%' or 0.999\n")
    assert run("explain", str(file.with_name("nobody.yml"))).exit_code == 2
    assert run("explain", "-", "--objective", "other", text=TEXT).exit_code == 2


def test_check_tells_of_every_file(file: Path) -> None:
    bad = file.with_name("bad.yml")
    bad.write_text("objectives: [{name: a}]\n")
    result = run("check", str(file), str(bad))
    assert result.exit_code == 2
    assert result.stdout == f"{file}: 1 objectives\n"
    assert result.stderr.startswith(f"{bad}, line 1, column 14: what is counted is missing")
    assert run("check", str(file)).exit_code == 0


class _Server:
    """Answers as a server with one objective that burns."""

    def __init__(self) -> None:
        objectives = objectives_in(TEXT, "objectives.yml")
        book = SliceBook(1, 30)
        starts_ms = np.arange(1440, dtype=np.int64) * MINUTE_MS
        good = np.where(np.arange(1440) >= 1200, 90.0, 100.0)[np.newaxis]
        book.put(starts_ms, good, np.full((1, 1440), 100.0), np.ones((1, 1440), np.bool_))
        board = board_of(book, objectives, 86_400_000, {}, {}, {}, {})
        self.standing, self.detail = Standing(86_400_000, board), detail_of(board["shop"])

    def get(self, path: str, **parameters: Any) -> Any:
        """As `Client.get`."""
        if path == "/objectives":
            return msgspec.to_builtins(listed(self.standing, state=parameters["state"]))
        assert path == "/objectives/shop"
        return msgspec.to_builtins(self.detail)


def test_objectives_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    server = _Server()
    monkeypatch.setattr(slo, "client_of", lambda *_: server)
    found = run("list")
    assert found.exit_code == 0, found.output
    row = next(line for line in found.stdout.splitlines() if line.startswith("shop"))
    assert row.split()[:8] == ["shop", "burning", "99.9", "%", "98.3333", "%", "-1567", "%"]
    assert run("list", "--fail").exit_code == 1
    assert run("list", "--state", "kept", "--fail").exit_code == 0
    shown = run("show", "shop")
    assert shown.exit_code == 0, shown.output
    assert "good         98.3333 %: 2400 bad of 144000" in shown.stdout
    assert "budget left  -1567 % of 144 that may be bad" in shown.stdout
    assert json.loads(run("show", "shop", "--format", "json").stdout)["row"]["state"] == "burning"
