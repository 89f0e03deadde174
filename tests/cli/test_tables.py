"""Tables for people: one line a row in a pipe, readable on a narrow terminal, and nothing broken that is copied."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.markup import escape

from trimtab.cli import looking_output, output
from trimtab.cli.tables import ReadableTable, UnbrokenConsole

HASH = "5f2c0a" + "7" * 58
DSN = "postgresql://trimtab_watch@database-with-a-long-name.example:5432/shop?sslmode=verify-full"
SQL = "SELECT " + ", ".join(f"column_{n}" for n in range(40)) + " FROM orders"


def case(number: int = 1) -> output.Json:
    """A case as the API gives it."""
    return {
        "id": number,
        "system": "database-with-a-long-name.example:5432/shop",
        "finding": {"title": "mean 151 ms is above the objective of 50 ms"},
        "state": "proposed",
        "verdict": None,
        "proposals": [{"summary": "index on public.orders (customer_id)", "predicted_ratio": 0.01}],
        "change": None,
        "query_text": SQL,
    }


def on_terminal(table: ReadableTable, width: int) -> list[str]:
    """What a person sees."""
    written = io.StringIO()
    UnbrokenConsole(file=written, force_terminal=True, color_system=None, highlight=False, width=width).print(table)
    return written.getvalue().splitlines()


def test_in_a_pipe_a_row_is_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    output.show("table", [case(1), case(2)], output.cases)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # title, header, two rows
    assert lines[2].endswith(SQL)
    assert "\x1b" not in "".join(lines)
    assert all(line == line.rstrip() for line in lines)


def test_lines_beside_tables_are_not_broken_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"name": "shop", "dsn": DSN, "change_dsn": None}
    output.show("table", answer, output.system)
    assert f"Watching shop ({DSN})" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [40, 80, 100, 132, 250])
def test_on_a_terminal_words_are_never_broken(width: int) -> None:
    table = output.table("Things", "#", "hash", "dsn", "what")
    table.add_row("1", HASH, DSN, output.plain("some words that say what it is, and go on for quite a while " * 3))
    lines = on_terminal(table, width)
    assert sum(HASH in line for line in lines) == sum(DSN in line for line in lines) == 1
    assert all(len(line.rstrip()) <= width for line in lines if HASH not in line and DSN not in line)


@pytest.mark.parametrize("width", [40, 80])
def test_lines_on_a_terminal_keep_their_words(width: int) -> None:
    written = io.StringIO()
    console = UnbrokenConsole(file=written, force_terminal=True, color_system=None, highlight=False, width=width)
    output.system(console, {"name": "shop", "dsn": DSN, "change_dsn": None})
    assert DSN in written.getvalue()


def test_a_table_that_fits_stays_a_table() -> None:
    table = output.table("Things", "#", "name", "what")
    table.add_row("1", "shop", "short")
    table.add_row("2", "stock", output.plain("word " * 30))
    lines = [line.rstrip() for line in on_terminal(table, 60)]
    assert lines[:3] == ["Things", "#  name   what", "1  shop   short"]
    assert lines[3].startswith("2  stock  word word")
    assert len(lines) == 6


def test_queries_and_ledger() -> None:
    page = {
        "from_ms": 0,
        "to_ms": 3_600_000,
        "total": 7,
        "rows": [
            {
                "system": "shop",
                "fingerprint": "13abcdcd08a2938e",
                "calls": 12,
                "mean_exec_time_ms": 151.26,
                "load_ms_per_s": 30.0,
                "load_share": 0.25,
                "p95_ms": None,
                "case_id": 3,
                "case_state": "kept",
                "text": "SELECT [bold]",
            }
        ],
    }
    written = io.StringIO()
    looking_output.queries(Console(file=written, width=200), page)
    assert "1 of 7" in written.getvalue()
    assert "151 ms  30 ms/s  25.0%  -    3 kept  SELECT [bold]" in written.getvalue()
    looking_output.ledger(Console(file=written), [])
    assert "Nothing was done yet." in written.getvalue()


def test_a_column_is_as_wide_as_its_longest_line() -> None:
    table = ReadableTable("", "resource", "saturation", "errors")
    table.add_row("cpu", "tasks waited 99.9 %,\nthat run or could run 18", "none")
    (head, first, second) = on_terminal(table, 80)
    assert head.index("errors") == len("resource  that run or could run 18  ")
    assert (first.split()[-1], second.split()[-1]) == ("none", "18")


@pytest.mark.parametrize("width", [40, 400])
def test_what_stands_in_brackets_is_read_as_it_is(width: int) -> None:
    """As a table, and as records: there its escapes would be seen."""
    table = ReadableTable("", "Series", "Value")
    table.add_row(escape('x{le="[0, 1]"} ' + "a-rather-long-name " * 3), escape("[5m]"))
    seen = " ".join(" ".join(on_terminal(table, width)).split())
    assert "\\" not in seen
    assert 'x{le="[0, 1]"}' in seen
    assert "[5m]" in seen
