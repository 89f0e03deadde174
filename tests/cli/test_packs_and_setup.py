"""`trimtab packs` and `trimtab setup` against the real application on a real port, and without one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from tests.api.serving import running
from tests.web.site import Site, open_site
from trimtab.cli.main import main
from trimtab.model.access import Role

pytestmark = pytest.mark.store


@dataclass
class Here:
    """A server, and the command line of an administrator of it."""

    site: Site
    url: str
    token: str

    def run(self, *arguments: str, text: str | None = None) -> Result:
        """A command of it."""
        environment = {"TRIMTAB_TOKEN": self.token}
        return CliRunner().invoke(main, [*arguments, "--server", self.url], input=text, env=environment)

    def json(self, *arguments: str) -> Any:
        """Its answer."""
        done = self.run(*arguments, "--format", "json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    folder = tmp_path_factory.mktemp("packs")
    with capture_logs(), open_site(folder, login_needed=True) as site, running(site.app) as url:
        _, token = site.service.access.create_token("test", "admin", Role.ADMIN)
        yield Here(site, url, token)


def test_a_pack_is_shown_switched_on_with_other_values_and_off(here: Here) -> None:
    listed = {one["name"]: one for one in here.json("packs", "list")}
    assert sorted(listed) == ["game", "host", "pipeline", "postgres", "web"]
    assert not any(one["is_enabled"] for one in listed.values())
    done = here.run("packs", "enable", "host", "--set", "cpu_percent=91.5", "--set", "HostDiskBusy.for=1h")
    assert done.exit_code == 0, done.output
    assert "cpu_percent" in done.stdout
    found = here.json("packs", "show", "host")
    values = {one["name"]: (one["value"], one["value_source"]) for one in found["thresholds"]}
    assert values["cpu_percent"] == ("91.5", "set here")
    assert values["memory_percent"] == ("85", "pack")
    assert values["HostDiskBusy.for"] == ("1h", "set here")
    alerts = {one["name"]: one for one in found["alerts"]}
    assert alerts["HostCpuBusy"]["expr"] == "instance:node_cpu_busy:percent > 91.5"
    assert alerts["HostDiskBusy"]["for_s"] == 3600
    assert "What it means: " in here.run("packs", "show", "host", "--runbooks").stdout
    rules = here.site.service.alerting.made()
    rules.look_at_files()
    assert [state.group.name for state in rules.groups] == ["host"]
    assert here.json("rules")["files"][0]["error"] == ""
    assert here.run("packs", "disable", "host").stdout == "host is off\n"
    rules.look_at_files()
    assert rules.groups == []


def test_what_cannot_be_is_named(here: Here) -> None:
    done = here.run("packs", "enable", "web", "--set", "errors_percent=200", "--set", "eror=1")
    assert done.exit_code == 2
    assert "web.errors_percent must be from 0.001 to 100 % of requests, found '200'" in done.output
    assert "pack web has no threshold eror" in done.output
    done = here.run("packs", "show", "hots")
    assert done.exit_code == 2
    assert "did you mean host?" in done.output


def test_who_may_not_is_refused(here: Here) -> None:
    _, token = here.site.service.access.create_token("test", "looker", Role.VIEWER)
    looker = Here(here.site, here.url, token)
    assert looker.run("packs", "list").exit_code == 0
    for arguments in (["packs", "enable", "web"], ["setup", "-"]):
        done = looker.run(*arguments, text="application_metrics: {throughput: {}}")
        assert done.exit_code == 3, done.output
        assert "has the role viewer, which may not administer" in done.output


def test_an_export_is_what_promtool_takes(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    done = CliRunner().invoke(main, ["packs", "export", "postgres", str(folder)])
    assert done.exit_code == 0, done.output
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool is missing: apt-get install prometheus (make test does it)"
    subprocess.run([promtool, "check", "rules", str(folder / "rules.yml")], check=True, capture_output=True)
    again = CliRunner().invoke(main, ["packs", "export", "postgres", str(folder)])
    assert again.exit_code == 2
    assert "there already, and not overwritten" in again.output
    other = ["packs", "export", "host", str(tmp_path / "host"), "--set", "cpu_percent=70"]
    assert CliRunner().invoke(main, other).exit_code == 0
    assert "> 70" in (tmp_path / "host" / "rules.yml").read_text()
    wrong = CliRunner().invoke(main, ["packs", "export", "host", str(tmp_path / "x"), "--set", "cpu_percent=0"])
    assert wrong.exit_code == 2
    assert not (tmp_path / "x").exists()


def test_a_file_is_set_up_once_and_told_again(here: Here, tmp_path: Path) -> None:
    example = CliRunner().invoke(main, ["setup", "--example"])
    assert example.exit_code == 0
    file = tmp_path / "monitoring.yml"
    file.write_text(example.stdout)
    assert here.run("setup", "--status").exit_code == 2, "nothing was set up yet"
    dry = here.run("setup", str(file), "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.startswith("dry run, nothing was changed: 14 changes; ")
    first = here.json("setup", str(file))
    assert first["is_changed"]
    assert len(first["metrics"]) == 13
    assert {one["part"]: one["is_set_up"] for one in first["parts"]}["pack host"]
    again = here.run("setup", "-", text=example.stdout)
    assert again.exit_code == 0, again.output
    assert again.stdout.startswith("nothing changed: ")
    assert "needs a price list and a budget ([business] files)" in again.stdout
    status = here.run("setup", "--status")
    assert status.exit_code == 1, "metrics without data are no good news"
    assert "at most 80 %" in status.stdout
    assert "cannot fire" in status.stdout
    assert "quiet" not in status.stdout, "nothing is measured here"
    client = here.site.logged_in(Role.ADMIN)
    assert client.delete("/api/trimtab/stack").json() == {"done": True}
    assert client.delete("/api/trimtab/stack").json() == {"done": False}


def test_a_wrong_file_names_every_field(here: Here) -> None:
    said = "application_metrics: {query_latency: {slo: fast}, throughput: {slo: '> 5%'}}\nwindw: 5m\n"
    done = here.run("setup", "-", text=said)
    assert done.exit_code == 2
    assert "windw: there is no such field (did you mean window?)" in done.output
    assert "application_metrics.query_latency.slo: 'fast' is none of the short forms" in done.output
    assert "application_metrics.throughput.slo: it is compared as in '> 1000 rps', found '> 5%'" in done.output
    assert "standard input, line 1, column 69: application_metrics.throughput.slo: it is compared" in done.output
    assert "standard input, line 2, column 1: windw: there is no such field" in done.output
    twice = "infrastructure_metrics:\n  cpu_usage: {threshold: 80}\n  cpu_usage: {threshold: 70}\n"
    done = here.run("setup", "-", text=twice)
    assert done.exit_code == 2
    assert "standard input, line 3, column 3: 'cpu_usage' stands here twice" in done.output
    done = here.run("setup", "-", text="application_metrics: {throughput: {}}\nsystem: nosuch\n")
    assert done.exit_code == 2
    assert "system: 'nosuch' is not watched; watched: nothing" in done.output
    assert here.run("setup", "-", text="[1, 2").exit_code == 2
    assert "it has sections such as infrastructure_metrics" in here.run("setup", "-", text="just text").output
    assert here.run("setup").exit_code == 2
    body = {"config": {"application_metrics": {"throughput": {"slo": 3}}}}
    answer = here.site.logged_in(Role.ADMIN).post("/api/trimtab/stack", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("application_metrics.throughput.slo: it is a text such as")


@pytest.mark.parametrize(
    ("text", "said"), [("[" * 20_000, "nested too deeply"), ("{}", "it has sections"), ("", "it has sections")]
)
def test_a_file_that_holds_nothing_or_never_ends_is_refused(text: str, said: str) -> None:
    done = CliRunner().invoke(main, ["setup", "-"], input=text)
    assert done.exit_code == 2
    assert said in done.stderr
