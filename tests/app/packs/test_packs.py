"""The packs that come with trimtab: what they say is right by promtool and by trimtab, whatever values are put in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import pytest

from trimtab.analyze.rules.rule_files import groups_of
from trimtab.analyze.rules.unit_report import run_files
from trimtab.analyze.rules.unit_tests import Ways
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.config import parse_config
from trimtab.app.packs.overriding import override_problem, rendered
from trimtab.app.packs.pack import FILES, Pack, Threshold, names, pack_of
from trimtab.app.packs.settings import PacksPolicy
from trimtab.app.packs.shelf import Shelf
from trimtab.model.errors import ConfigError, InputError, NotFound
from trimtab.store.state import State

pytestmark = pytest.mark.slow

FOLDER = Path(str(files("trimtab") / "packs"))
PACKS = ("game", "host", "pipeline", "postgres", "web")
OTHER: Mapping[str, str] = {"duration": "7m", "pattern": "eth[0-3]", "share": "97.5%"}


def test_these_are_there_whole() -> None:
    assert names() == PACKS
    for name in PACKS:
        assert {path.name for path in (FOLDER / name).iterdir()} == set(FILES)


@pytest.mark.parametrize("name", PACKS)
def test_its_unit_tests_pass_here_and_with_promtool(name: str) -> None:
    tests = FOLDER / name / "tests.yml"
    [report] = run_files([(str(tests), tests.read_text("utf-8"))], Ways(), takes_either=False)
    assert not report.error
    assert not report.failures
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool is missing: apt-get install prometheus (make test does it)"
    done = subprocess.run([promtool, "test", "rules", "tests.yml"], cwd=tests.parent, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", PACKS)
def test_each_alert_is_tested_and_helps_at_three_in_the_morning(name: str) -> None:
    pack = pack_of(name)
    for group in groups_of(pack.rules_text, name):
        for rule in group.rules:
            if not rule.is_alert:
                continue
            told, labels = dict(rule.annotations), dict(rule.labels)
            assert f'alertname="{rule.name}"' in pack.tests_text, rule.name
            assert labels["pack"] == name
            assert labels["severity"] in ("critical", "warning", "info")
            assert told["summary"]
            assert re.match(r"What it means: ", told["runbook"]), rule.name
            assert len(told["runbook"]) > 80, rule.name


@pytest.mark.parametrize("name", PACKS)
def test_each_threshold_can_be_another_one(name: str) -> None:
    pack = pack_of(name)
    plain = rendered(pack, {})
    assert plain.rules == pack.rules_text
    for threshold in pack.thresholds.values():
        assert threshold.source, threshold.name
        assert threshold.problem(threshold.value) is None, threshold.name
        assert threshold.rules or threshold.objectives, threshold.name
        value = other_value(threshold)
        made = rendered(pack, {threshold.name: value})
        _check_places(pack, threshold, value)
        groups_of(made.rules, name)
        for objective in objectives_in(made.objectives, name):
            if objective.name in threshold.objectives:
                before = next(one for one in objectives_in(pack.objectives_text, name) if one.name == objective.name)
                assert (objective.sli, objective.target) != (before.sli, before.target), threshold.name


def other_value(threshold: Threshold) -> str:
    """Another value that is right."""
    if threshold.kind == "number":
        assert threshold.low is not None
        assert threshold.high is not None
        return f"{(threshold.low + 2 * threshold.high) / 3:.6g}"
    if threshold.name == "fast_below":
        return "800ms"
    return OTHER[threshold.kind]


def _check_places(pack: Pack, threshold: Threshold, value: str) -> None:
    rules = {rule.name: rule for group in groups_of(pack.rules_text, pack.name) for rule in group.rules}
    for name in threshold.rules:
        text, count = threshold.replaced(rules[name].expr, value)
        if threshold.at != "{}":
            assert threshold.at.format(threshold.value) not in text, f"{threshold.name} in {name}: {text}"
        assert count == threshold.count or (threshold.count == 0 and count > 0), f"{threshold.name} in {name}: {count}"


def test_for_and_interval_of_all_and_of_one() -> None:
    pack = pack_of("host")
    made = rendered(pack, {"for": "0s", "HostDiskBusy.for": "1m", "interval": "2s", "cpu_percent": "55.5"})
    [group] = groups_of(made.rules, "host")
    assert group.interval_ms == 2000
    waits = {rule.name: rule.for_ms for rule in group.rules if rule.is_alert}
    assert (waits["HostCpuBusy"], waits["HostDiskBusy"]) == (0, 60_000)
    assert "instance:node_cpu_busy:percent > 55.5" in made.rules
    assert made.rules.startswith("# trimtab's pack host with HostDiskBusy.for=1m, cpu_percent=55.5")


def test_settings_that_are_wrong_are_named_all_at_once() -> None:
    text = """
[packs]
enabled = ["host", "hots"]
thresholds = ["host.cpu_percent=180", "host.cpu=80", "web.window=soon", "cpu", "host.network_devices_left_out=(",
  "web.for=1m"]
"""
    with pytest.raises(ConfigError) as error:
        parse_config(text)
    told = error.value.message.splitlines()
    assert len(told) == 6
    assert "line 3" in told[0]
    assert "'hots' in it: there is no such pack; there are game, host, pipeline, postgres, web" in told[0]
    assert "host.cpu_percent must be from 1 to 100 %, found '180'" in told[1]
    assert "pack host has no threshold cpu" in told[2]
    assert "web.window must be a duration such as 5m, found 'soon'" in told[3]
    assert "it is PACK.THRESHOLD=VALUE" in told[4]
    assert "host.network_devices_left_out must be a regular expression" in told[5]
    assert override_problem('host.network_devices_left_out=a"b') is not None


def test_what_is_switched_at_run_time_is_kept_and_stands_above_the_file(tmp_path: Path) -> None:
    policy = PacksPolicy(("host",), ("host.cpu_percent=70", "host.memory_percent=60"))
    with State.open(tmp_path / "state.db") as state:
        shelf = Shelf(tmp_path / "packs", state, lambda: policy)
        assert [Path(path).name for path in shelf.rule_files()] == ["host.rules.yml"]
        assert [Path(path).name for path in shelf.objective_files()] == ["host.objectives.yml"]
        shelf.choose("web", True, {"errors_percent": "2"})
        now = shelf.choose("host", None, {"cpu_percent": "75"})
        assert (now.is_enabled, now.source, dict(now.overrides)) == (
            True,
            "file",
            {"cpu_percent": "75", "memory_percent": "60"},
        )
        assert dict(now.sources) == {"cpu_percent": "set here", "memory_percent": "file"}
        assert "> 75" in (tmp_path / "packs" / "host.rules.yml").read_text()
        inode = (tmp_path / "packs" / "host.rules.yml").stat().st_ino
        shelf.choose("host", True, {"cpu_percent": "75"})
        assert (tmp_path / "packs" / "host.rules.yml").stat().st_ino == inode, "the same again is not written again"
        with pytest.raises(InputError, match="cpu_percent must be from 1 to 100 %, found '0'; pack host has no thres"):
            shelf.choose("host", True, {"cpu_percent": "0", "cpu": None, "memory_percent": "50"})
        with pytest.raises(NotFound, match="did you mean host"):
            shelf.choose("hots", True, {})
    with State.open(tmp_path / "state.db") as state:
        shelf = Shelf(tmp_path / "packs", state, lambda: policy)
        assert sorted(Path(path).name for path in shelf.rule_files()) == ["host.rules.yml", "web.rules.yml"]
        shelf.choose("host", False, {"cpu_percent": None})
        assert [Path(path).name for path in shelf.rule_files()] == ["web.rules.yml"]
        assert not (tmp_path / "packs" / "host.rules.yml").exists()
        assert shelf.named("host").overrides["cpu_percent"] == "70"
        state.set_meta("packs", '{"thresholds":{"host.cpu_percent":"700"}}')
        assert shelf.named("host").overrides["cpu_percent"] == "70"
        assert shelf.warnings() == [
            "a threshold that was set does not count any more: host.cpu_percent must be from 1 to 100 %, found '700'"
        ]
