"""Alerts of a real server, from the command line to a real Alertmanager, a webhook, Slack and a heartbeat; and
`kill -9` in the middle: nothing is lost, and Alertmanager shows no second alert.

A few kills as a test, 40 in `make soak`.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from tests.alertmanager import running_alertmanager, told
from tests.cli.conftest import Server, start_server, trimtab
from tests.hooks import Hook, running_hook
from trimtab.cli.main import main

pytestmark = [pytest.mark.store, pytest.mark.slow]

KILLS = 40 if os.environ.get("TRIMTAB_SOAK") else 2
SEED = 906
WAIT_S = 90.0
SECRET = "T0/B0/verysecretpath"
PORTS = '[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\n'
ROUTES = """
global: {slack_api_url: "${TEST_SLACK_URL}"}
route:
  receiver: team
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
  - {matchers: [severity="info"], receiver: nobody}
receivers:
- name: nobody
- name: team
  webhook_configs: [{url: "${TEST_WEBHOOK_URL}"}]
  slack_configs: [{channel: "#ops"}]
"""


@dataclass
class Told:
    """A server with everybody whom it tells."""

    directory: Path
    alertmanager: str
    behind: Hook
    """What Alertmanager tells."""
    webhook: Hook
    slack: Hook
    heartbeat: Hook

    def start(self) -> Server:
        """Start it, or start it again."""
        (self.directory / "notify.yml").write_text(ROUTES)
        config = (
            f'{PORTS}[notify]\nalertmanagers = ["main={self.alertmanager}"]\nroutes = "notify.yml"\nresend_s = 1\n'
            'page_url = "http://trimtab.example"\nwatchdog = true\n'
            'heartbeat = "env:TEST_HEARTBEAT_URL"\nheartbeat_s = 1\n'
        )
        return start_server(self.directory / "data", config)

    def seen(self) -> dict[str, dict[str, Any]]:
        """What Alertmanager has, by name; each once."""
        found = httpx2.get(f"{self.alertmanager}/api/v2/alerts", timeout=30).json()
        names = [one["labels"]["alertname"] for one in found]
        assert len(names) == len(set(names)), f"an alert is there twice: {names}"
        return dict(zip(names, found, strict=True))


def heard(hook: Hook, status: str) -> list[tuple[str, str]]:
    """Names of alerts of which a webhook was told that they fire (or ended), with their beginning, in order."""
    return [
        (alert["labels"]["alertname"], alert["startsAt"])
        for one in hook.posted
        for alert in one.json["alerts"]
        if alert["status"] == status
    ]


def wait(what: Callable[[], bool], why: str) -> None:
    give_up_at = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < give_up_at, why
        time.sleep(0.05)


@pytest.fixture
def everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    with running_hook() as behind, running_hook() as webhook, running_hook() as slack, running_hook() as heartbeat:
        monkeypatch.setenv("TEST_WEBHOOK_URL", f"{webhook.url}/{SECRET}")
        monkeypatch.setenv("TEST_SLACK_URL", f"{slack.url}/services/{SECRET}")
        monkeypatch.setenv("TEST_HEARTBEAT_URL", f"{heartbeat.url}/{SECRET}")
        with running_alertmanager(tmp_path / "alertmanager", told(behind.url)) as url:
            yield Told(tmp_path, url, behind, webhook, slack, heartbeat)


def run(server: Server, *arguments: str) -> Result:
    """A command, in this process: its start is not what is tested."""
    return CliRunner().invoke(main, ["alerts", *arguments, "--data-dir", str(server.data_dir)])


def answer_of(server: Server, *arguments: str) -> Any:
    done = run(server, *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def stop(server: Server) -> None:
    server.process.terminate()
    assert server.process.wait(timeout=180) == 0


def test_from_the_command_line_to_people_and_back(everybody: Told) -> None:
    server = everybody.start()
    try:
        told_of = ("--label", "job=night", "--summary", "it failed", "--severity", "critical")
        assert run(server, "trigger", "NightlyJob", *told_of).exit_code == 0
        wait(lambda: "NightlyJob" in everybody.seen(), "Alertmanager has it")
        everybody.webhook.wait_for(
            lambda _: any("NightlyJob" in n for n, _ in heard(everybody.webhook, "firing")), "hook"
        )
        everybody.slack.wait_for(lambda posted: any(b"NightlyJob" in one.body for one in posted), "Slack")
        everybody.heartbeat.wait_for(lambda posted: len(posted) >= 2, "the heartbeat goes on")
        wait(lambda: "Watchdog" in everybody.seen(), "the Watchdog fires")
        rows = {row["name"]: row for row in answer_of(server, "list")}
        assert rows["NightlyJob"]["receivers"] == ["team"]
        assert rows["NightlyJob"]["annotations"] == {"summary": "it failed"}
        assert run(server, "list", "--fail-on-firing").exit_code == 1

        made = answer_of(server, "silence", 'alertname="NightlyJob"', "--for", "1h", "--comment", "known")["made"]
        assert {row["place"] for row in made if row["id"]} == {"trimtab", "main"}
        assert everybody.seen()["NightlyJob"]["status"]["state"] == "suppressed"
        listed = answer_of(server, "silences")
        assert listed["missing"] == {}
        assert {row["place"] for row in listed["silences"]} == {"trimtab", "main"}
        for row in made:
            assert run(server, "unsilence", row["id"], "--in", row["place"]).exit_code == 0
        wait(lambda: everybody.seen()["NightlyJob"]["status"]["state"] == "active", "it is told again")

        assert run(server, "trigger", "NightlyJob", *told_of, "--for", "0s").exit_code == 0
        everybody.webhook.wait_for(lambda _: bool(heard(everybody.webhook, "resolved")), "its end is told")
        wait(lambda: "NightlyJob" not in everybody.seen(), "it ends in Alertmanager")
        [past] = answer_of(server, "history", "nightlyjob", "job=night")
        assert past["length_ms"] > 0
        wait(lambda: answer_of(server, "delivery")["receivers"][0]["delivered_count"] >= 2, "it is counted")
        status = answer_of(server, "delivery")
        assert {row["name"]: row["lost_count"] for row in status["receivers"]} == {"team/webhook": 0, "team/slack": 0}
        assert {row["secrets"].get("url") or row["secrets"].get("api_url") for row in status["receivers"]} == {
            "env:TEST_WEBHOOK_URL",
            "env:TEST_SLACK_URL",
        }
        assert status["heartbeat_problem"] is None
        for command in ("list", "history", "delivery", "silences"):
            done = run(server, command)
            assert done.exit_code == 0, done.output
            assert SECRET not in done.stdout
        metrics = httpx2.get(f"{server.url}/metrics", timeout=30).text
        counted = re.findall(r"^trimtab_notifications_total\{(.*)\} (\S+)$", metrics, re.MULTILINE)
        assert {
            labels for labels, count in counted if "slack" in labels and "confirmed" in labels and float(count) >= 2
        }
        assert SECRET not in metrics
        for path in ("/alerts", "/alerts?tab=told", "/api/trimtab/config", "/settings?tab=configuration"):
            assert SECRET not in httpx2.get(f"{server.url}{path}", headers={"Accept": "text/html"}, timeout=30).text
    finally:
        stop(server)
    for file in everybody.directory.glob("data*"):
        for one in file.rglob("*") if file.is_dir() else [file]:
            assert not one.is_file() or SECRET.encode() not in one.read_bytes(), f"{one} holds a secret"


def test_killed_in_the_middle_nothing_is_lost_and_nothing_is_there_twice(everybody: Told) -> None:
    chance = random.Random(SEED)
    acknowledged: list[str] = []
    server = everybody.start()
    for number in range(KILLS):
        for part in range(3):
            name = f"Job{number}x{part}"
            answer = httpx2.post(f"{server.url}/api/trimtab/alerts/trigger", json={"name": name}, timeout=30)
            assert answer.status_code == 200, answer.text
            acknowledged.append(name)
            time.sleep(chance.uniform(0, 0.4))
        time.sleep(chance.uniform(0, 1.5))
        server.process.kill()
        server.process.wait()
        server = everybody.start()
    try:
        wait(lambda: everybody.seen().keys() >= set(acknowledged), "Alertmanager has all of them")
        wait(
            lambda: {n for n, _ in heard(everybody.webhook, "firing")} >= set(acknowledged),
            "the webhook was told of all",
        )
        wait(
            lambda: {n for n, _ in heard(everybody.behind, "firing")} >= set(acknowledged),
            "and who is behind the other",
        )
        for name in acknowledged:
            body = {"name": name, "length_s": 0}
            httpx2.post(f"{server.url}/api/trimtab/alerts/trigger", json=body, timeout=30).raise_for_status()
        wait(lambda: not everybody.seen().keys() & set(acknowledged), "all have ended")
        wait(lambda: {n for n, _ in heard(everybody.webhook, "resolved")} >= set(acknowledged), "the ends are told")
        wait(lambda: {n for n, _ in heard(everybody.behind, "resolved")} >= set(acknowledged), "there, too")
    finally:
        stop(server)
    jobs = [pair for pair in heard(everybody.behind, "firing") if pair[0].startswith("Job")]
    assert len({name for name, _ in jobs}) == len(set(jobs)), f"an alert began twice: {sorted(jobs)}"
    by_id: dict[str, set[str]] = {}
    for one in everybody.webhook.posted:
        by_id.setdefault(one.headers["Idempotency-Key"], set()).add(one.body.decode())
    assert all(len(bodies) == 1 for bodies in by_id.values()), "the same id is the same message"
    told_once = [
        alert["labels"]["alertname"]
        for bodies in by_id.values()
        for alert in _alerts(next(iter(bodies)))
        if alert["status"] == "firing"
    ]
    assert len(told_once) == len(set(told_once)), f"told twice under two ids: {sorted(told_once)}"


def _alerts(body: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body)["alerts"]
    return found


def test_a_file_of_routes_that_is_wrong_is_told_on_start_and_named_when_it_becomes_so(tmp_path: Path) -> None:
    (tmp_path / "notify.yml").write_text("route: {receiver: team}\nreceivers: [{name: teem}]\n")
    config = tmp_path / "config.toml"
    config.write_text(f'{PORTS}[notify]\nroutes = "notify.yml"\n')
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"), "--config", str(config))
    assert done.returncode == 2
    assert f"{tmp_path}/notify.yml:1:19: there is no receiver 'team' (did you mean teem?)" in done.stderr
