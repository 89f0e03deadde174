"""`trimtab test rules`, `trimtab check rules` and `trimtab backtest` as a person or a pipeline calls them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from trimtab.cli.main import main

RULES = """
groups:
- name: g
  rules:
  - {alert: Down, expr: up == 0, for: 2m, labels: {severity: page}}
"""
GOOD = """
rule_files: [rules.yml]
tests:
- name: down for long enough
  interval: 1m
  input_series: [{series: 'up{job="a"}', values: 0x5}]
  alert_rule_test: [{eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: page}}]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    (tmp_path / "good.yml").write_text(GOOD, "utf-8")
    (tmp_path / "bad.yml").write_text(GOOD.replace("eval_time: 2m", "eval_time: 1m"), "utf-8")
    return tmp_path


def run(*arguments: str, code: int, text: str | None = None) -> str:
    done = CliRunner().invoke(main, list(arguments), input=text)
    assert done.exit_code == code, done.output
    return done.output


def test_a_good_test_is_told_as_the_contract_says(folder: Path) -> None:
    told = json.loads(run("test", "rules", str(folder / "good.yml"), "--format", "json", code=0))
    assert (told["passed"], told["failed"], told["failures"]) == (1, 0, [])


def test_a_bad_test_names_its_place_and_the_difference(folder: Path) -> None:
    told = json.loads(run("test", "rules", str(folder / "bad.yml"), "--format", "json", code=1))
    (failure,) = told["failures"]
    assert (told["passed"], told["failed"]) == (0, 1)
    assert (failure["line"], failure["test"], failure["what"]) == (7, "down for long enough", "alert")
    assert failure["difference"].endswith("got nothing")
    assert "7: down for long enough: alertname: Down" in run("test", "rules", str(folder / "bad.yml"), code=1)


def test_a_file_that_cannot_be_read_is_bad_input(folder: Path) -> None:
    (folder / "wrong.yml").write_text("tests: [{promql_exp_test: []}]", "utf-8")
    assert "wrong.yml:1:10: field promql_exp_test not found in test" in run(
        "test", "rules", str(folder / "wrong.yml"), code=2
    )


def test_tests_are_read_from_standard_input_and_written_as_junit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    run("test", "rules", "-", "--junit", "out.xml", code=0, text=GOOD)
    assert '<testcase name="down for long enough">' in (folder / "out.xml").read_text("utf-8")
    assert "0 passed" in run("test", "rules", "good.yml", "--run", "nothing", code=0)


def test_a_test_that_was_written_for_prometheus_2_passes_and_that_is_said(folder: Path) -> None:
    (folder / "old.yml").write_text(
        """
tests:
- interval: 1m
  input_series: [{series: a, values: 1 2 3 4 5}]
  promql_expr_test: [{expr: "count_over_time(a[3m])", eval_time: 4m, exp_samples: [{value: 4}]}]
""",
        "utf-8",
    )
    told = json.loads(run("test", "rules", str(folder / "old.yml"), "--format", "json", code=0))
    assert "passes as in Prometheus 2" in told["notices"][0]
    run("test", "rules", str(folder / "old.yml"), "--promql-window", "closed", code=0)
    run("test", "rules", str(folder / "old.yml"), "--promql-window", "open", code=1)


def test_check_says_what_is_wrong(folder: Path) -> None:
    assert "1 rules" in run("check", "rules", str(folder / "rules.yml"), code=0)
    (folder / "twice.yml").write_text(RULES + "  - {alert: Down, expr: up < 1, labels: {severity: page}}\n", "utf-8")
    assert "twice.yml:6: Down stands in line 5 already" in run("check", "rules", str(folder / "twice.yml"), code=1)
    (folder / "broken.yml").write_text(RULES.replace("==", "="), "utf-8")
    told = json.loads(run("check", "rules", str(folder / "broken.yml"), "--format", "json", code=2))
    assert told["files"][0]["error"].startswith(f"{folder}/broken.yml:5:")


class Server(BaseHTTPRequestHandler):
    """Down for ten minutes of each hour."""

    asked: ClassVar[list[str]] = []
    files: ClassVar[Path] = Path()

    def do_GET(self) -> None:
        values = {name: texts[0] for name, texts in parse_qs(urlsplit(self.path).query).items()}
        if self.path.startswith("/api/trimtab/objectives/"):
            found = Path(self.path.rpartition("/")[2] + ".yml") if self.path.endswith("/shop") else None
            self.answer(200 if found else 404, {"origin": str(self.files / found) if found else ""})
            return
        if self.path.startswith("/api/trimtab/rules"):
            file = {"path": "kept.yml", "groups_count": 1, "rules_count": 2, "error": "kept.yml:1:1: wrong"}
            new = {"path": "new.yml", "groups_count": 0, "rules_count": 0, "error": "new.yml:1:1: wr\x1b[2Jo\u202eng"}
            counts = {"rounds_count": 0, "missed_count": 0, "round_cpu_ms": 0.0}
            empty: dict[str, object] = {"groups": [], "failing": [], "refusals": [], "problem": ""}
            self.answer(200, {"files": [file, new], **counts, **empty})
            return
        if self.path.startswith("/api/v1/rules"):
            rule = {"name": "Down", "query": "up == 0", "type": "alerting", "duration": 120, "labels": {}}
            recorded = {"name": "job:up", "query": "up", "type": "recording", "labels": {}}
            low = {"name": "Low", "query": "job:up == 0", "type": "alerting", "labels": {}}
            rules = [rule] if values.get("type") == "alert" else [rule, recorded, low]
            data: object = {"groups": [{"name": "g", "file": "f", "rules": rules, "interval": 60}]}
        elif "nowhere" in values["query"]:
            data = {"resultType": "matrix", "result": []}
        else:
            self.asked.append(values["query"])
            start, end, step = (float(values[name]) for name in ("start", "end", "step"))
            moments = [start + index * step for index in range(int((end - start) / step) + 1)]
            points = [[at, "0"] for at in moments if at % 3600 < 600]
            data = {"resultType": "matrix", "result": [{"metric": {"__name__": "up", "job": "a"}, "values": points}]}
        self.answer(200, {"status": "success", "data": data})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    Server.files = tmp_path
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_of_a_file_that_was_wrong_at_the_start_it_is_said_that_nothing_is_in_force(url: str) -> None:
    kept, new, *_ = run("rules", "--server", url, code=0).splitlines()
    assert (
        kept
        == "kept.yml: 2 rules in 1 groups, refused, what it said when it was right is in force: kept.yml:1:1: wrong"
    )
    assert new == "new.yml: 0 rules in 0 groups, refused, nothing of it is in force: new.yml:1:1: wr\\x1b[2Jo\\u202eng"


def test_a_backtest_asks_a_server_and_judges_by_incidents(folder: Path, url: str) -> None:
    (folder / "incidents.csv").write_text(
        "start,end,name\n2026-01-01T00:00:00Z,2026-01-01T00:10:00Z,one\n2026-01-01T01:20:00Z,2026-01-01T01:30:00Z,two\n",
        "utf-8",
    )
    arguments = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00Z", "--server", url, "--format", "json")
    incidents = ("--incidents", str(folder / "incidents.csv"))
    told = json.loads(run("backtest", str(folder / "rules.yml"), *arguments, *incidents, code=1))
    fired = [one["fired_at"] for one in told["episodes"]]
    assert fired == ["2026-01-01T00:02:00Z", "2026-01-01T01:02:00Z", None]
    assert told["episodes"][0]["labels"] == {"alertname": "Down", "job": "a", "severity": "page"}
    assert told["firing_s"] == 2 * 480
    assert [(one["name"], one["delay_s"]) for one in told["incidents"]] == [("one", 120.0), ("two", None)]
    assert [one["name"] for one in told["missed"]] == ["two"]
    assert len(told["false_alarms"]) == 1
    by_name = json.loads(run("backtest", "Down", *arguments, code=0))
    assert [one["fired_at"] for one in by_name["episodes"]] == fired
    assert "no alerting rule or objective of that name" in run("backtest", "Nothing", *arguments, code=2)


def test_what_a_rule_in_force_reads_is_recorded_from_history_as_with_its_file(url: str) -> None:
    Server.asked.clear()
    arguments = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00Z", "--server", url, "--format", "json")
    told = json.loads(run("backtest", "Low", *arguments, code=0))
    assert [one["fired_at"] for one in told["episodes"]][:2] == ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"]
    assert Server.asked == ["up"]


def test_an_objective_without_data_does_not_hide_the_others_of_its_file(folder: Path, url: str) -> None:
    arguments = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00Z", "--server", url, "--format", "json")
    path = folder / "two.yml"
    absent = "{name: absent, target: 90%, window: 1h, availability: nowhere}"
    path.write_text(f"objectives: [{absent}, {{name: shop, target: 90%, window: 1h, availability: up}}]", "utf-8")
    first, second = json.loads(run("backtest", str(path), *arguments, code=0))["results"]
    assert (first["rule"], first["coverage"], first["episodes"]) == ("absent", 0.0, [])
    assert "no data of it between those moments" in first["notices"][0]
    assert (second["rule"], second["coverage"] > 0) == ("shop", True)
    assert "no data of it" in run("backtest", str(path), "--name", "absent", *arguments, code=2)


def test_an_objective_in_force_is_read_from_its_file(folder: Path, url: str) -> None:
    arguments = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00Z", "--server", url)
    assert "give a copy of that file" in run("backtest", "shop", *arguments, code=2)
    (folder / "shop.yml").write_text(
        "objectives: [{name: shop, target: 90%, window: 1h, availability: 'up{job=\"a\"}'}]", "utf-8"
    )
    told = json.loads(run("backtest", "shop", *arguments, "--format", "json", code=0))
    assert (told["rule"], told["kind"]) == ("shop", "objective")
    assert 0 < told["coverage"] < 1
