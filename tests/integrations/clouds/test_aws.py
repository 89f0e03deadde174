"""AWS against moto's server, and `trimtab clouds`: what is there is read right, what is wrong is said by name."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.integrations.clouds.conftest import MANY, MANY_COUNT, REGION, ROLE, Aws
from trimtab.app.clouds import clouds as clouds_module
from trimtab.app.clouds.clouds import Clouds
from trimtab.app.clouds.health import cloud_health
from trimtab.app.clouds.parts import ASKED, Aspect, CloudsNow, Key, Part
from trimtab.cli.main import main
from trimtab.extend.clouds import Health, Trouble
from trimtab.integrations.aws import calling
from trimtab.model.clouds import CloudsPolicy

pytestmark = pytest.mark.slow

WAIT_S = 120.0


def looked(*accounts: str, look_s_max: float = 60.0, timeout_s: float = 30.0, items_max: int = 2000) -> CloudsNow:
    """One look at everything."""
    policy = CloudsPolicy(accounts=accounts, look_s_max=look_s_max, timeout_s=timeout_s, items_max=items_max)
    clouds = Clouds(policy, lambda: time.time_ns() // 1_000_000)
    try:
        return clouds.look(WAIT_S)
    finally:
        clouds.stop()


def part(now: CloudsNow, account: str, aspect: Aspect, region: str = REGION) -> Part:
    """One part of it."""
    return next(
        one for one in now.parts if (one.key.account, one.key.region, one.key.aspect) == (account, region, aspect)
    )


def test_what_is_there_is_read_right(aws: Aws) -> None:
    now = looked(aws.account())
    assert [one.problem for one in now.parts] == ["", "", "", ""]
    machines = {of.item.name: of.item for of in now.instances if of.item.name}
    assert {name: (one.state, one.health) for name, one in machines.items()} == {
        "web-1": ("running", Health.HEALTHY),
        "web-2": ("running", Health.HEALTHY),
        "db-1": ("stopped", Health.IDLE),
    }
    assert machines["web-1"].type == "t3.medium"
    assert machines["web-1"].zone.startswith(REGION)
    [group] = [of.item for of in now.groups]
    assert (group.name, group.low_count, group.desired_count, group.running_count, group.high_count) == (
        "web",
        1,
        2,
        2,
        5,
    )
    pools = {of.item.balancers: of.item for of in now.pools}
    assert [(target.port, target.health) for target in pools["front",].targets] == [(8080, Health.HEALTHY)] * 2
    assert pools["lonely",].why == "it has no target group"
    [database] = [of.item for of in now.databases]
    assert (database.name, database.engine, database.state) == ("shop", "postgres 16.3", "available")
    assert (database.connections.value, database.connections_max.value) == (42.0, 200.0)
    metrics = {one.name: one for one in database.metrics}
    assert metrics["cpu_utilization_ratio"].value == pytest.approx(0.375)
    assert metrics["storage_free_bytes"].value == 5e9
    assert metrics["memory_free_bytes"].value is None
    assert metrics["memory_free_bytes"].why == "CloudWatch has no value of the last 15 minutes"


def test_the_four_values_have_unit_time_and_source(aws: Aws) -> None:
    now = looked(aws.account())
    health = cloud_health(now)
    assert {name: (one.value, one.why) for name, one in health.items()} == {
        "instance_status": (0.0, ""),
        "auto_scaling_status": (0.0, ""),
        "load_balancer_health": (0.0, ""),
        "database_connections": (42.0, ""),
    }
    for value in health.values():
        assert value.unit
        assert value.source == "aws"
        assert 0 < value.at_ms <= now.at_ms
        assert all(one.unit and one.source and one.at_ms and (one.is_known or one.why) for one in value.parts)
    assert health["instance_status"].text.startswith("4 of 5 run")
    [shop] = health["database_connections"].parts
    assert (shop.text, shop.part("connections_max").value) == ("of 200", 200.0)


def test_wrong_credentials_stop_no_other_account(aws: Aws) -> None:
    now = looked(aws.account(), aws.account("other", "wrong", regions=REGION), aws.account("third", "unknown"))
    assert len(now.instances) == 5
    wrong = [one for one in now.parts if one.key.account == "other"]
    assert {one.trouble for one in wrong} == {Trouble.CREDENTIALS}
    assert "AuthFailure" in part(now, "other", Aspect.INSTANCES).problem
    third = part(now, "third", Aspect.REGIONS, "")
    assert third.trouble is Trouble.CREDENTIALS
    assert "unknown" in third.problem
    value = cloud_health(now)["instance_status"]
    assert value.value == 0.0
    assert value.text.endswith(f"not read: other {REGION} instances, third regions")
    assert value.part(f"other {REGION} instances").why


def test_a_role_is_assumed(aws: Aws) -> None:
    now = looked(aws.account("lent", role=ROLE, external_id="trimtab", regions=REGION))
    assert [one.problem for one in now.parts] == ["", "", "", ""]
    assert len(now.instances) == 5


def test_throttling_is_survived_and_where_it_lasts_said(aws: Aws) -> None:
    now = looked(aws.account("once", "once", regions=REGION), aws.account("busy", "throttled", regions=REGION))
    busy = part(now, "busy", Aspect.INSTANCES)
    assert busy.trouble is Trouble.THROTTLED
    assert "RequestLimitExceeded" in busy.problem
    assert "tried 3 times" in busy.problem
    once = part(now, "once", Aspect.INSTANCES)
    assert once.trouble is Trouble.CREDENTIALS, "it was tried again, and then moto did not know this key"
    assert "AuthFailure" in once.problem
    said = [one.problem for one in now.parts if one.key.account == "once"]
    assert any("tried 2 times" in problem for problem in said), "each action is refused once, whoever asks it first"


def test_a_region_that_is_down_stops_no_other(aws: Aws) -> None:
    now = looked(aws.account("far", regions=f"{REGION},eu-down-1"))
    assert {one.trouble for one in now.parts if one.key.region == "eu-down-1"} == {Trouble.UNREACHABLE}
    assert [one.problem for one in now.parts if one.key.region == REGION] == ["", "", "", ""]
    assert len(now.instances) == 5


def test_where_nobody_listens_is_said(aws: Aws) -> None:
    now = looked(aws.account("gone", endpoint="http://127.0.0.1:1", regions=REGION), timeout_s=5)
    assert {(one.trouble, one.problem.partition(":")[0]) for one in now.parts} == {
        (Trouble.UNREACHABLE, "EndpointConnectionError")
    }


def test_a_region_that_does_not_answer_holds_up_no_other(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds_module, "STOP_S", 0.1)
    read: set[Aspect] = set()
    all_read = threading.Event()

    def heard(keys: frozenset[Key]) -> None:
        read.update(key.aspect for key in keys if key.region == REGION)
        if len(read) == len(ASKED):
            all_read.set()

    policy = CloudsPolicy(accounts=(aws.account("far", regions=f"eu-slow-1,{REGION}"),), timeout_s=60)
    clouds = Clouds(policy, lambda: time.time_ns() // 1_000_000, on_look=heard)
    clouds.start()
    try:
        assert all_read.wait(WAIT_S)
        now = clouds.latest()
    finally:
        clouds.stop()
    assert {one.key.region for one in now.parts} == {REGION}
    assert now.waiting == 4


def test_who_does_not_answer_in_time_is_said(aws: Aws) -> None:
    now = looked(aws.account("far", regions="eu-slow-1"), timeout_s=0.2, look_s_max=1.0)
    assert {one.trouble for one in now.parts} == {Trouble.SLOW}


def test_500_instances_come_over_pages(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "PAGE", 5)
    before = aws.requests_count(MANY, "DescribeInstances")
    now = looked(aws.account("big", regions=MANY))
    instances = part(now, "big", Aspect.INSTANCES, MANY)
    assert (instances.problem, instances.items_count, instances.is_cut) == ("", MANY_COUNT, False)
    assert len({of.item.id for of in now.instances}) == MANY_COUNT
    assert {of.item.health for of in now.instances} == {Health.HEALTHY}
    assert aws.requests_count(MANY, "DescribeInstances") - before == 5, "moto has pages of 5 reservations, each of 20"


def test_a_list_that_is_too_long_is_cut_and_says_so(aws: Aws) -> None:
    now = looked(aws.account(), items_max=2)
    instances = part(now, "prod", Aspect.INSTANCES)
    assert (instances.items_count, instances.is_cut) == (2, True)
    [database] = [of.item for of in now.databases]
    assert (part(now, "prod", Aspect.DATABASES).is_cut, database.connections.value) == (False, 42.0)
    assert {one.name for one in database.metrics if one.value is not None} >= {"read_latency_seconds"}


def test_a_look_without_a_server(aws: Aws, tmp_path: Path) -> None:
    file = tmp_path / "trimtab.toml"
    accounts = [aws.account(), aws.account("old", "wrong", regions=REGION)]
    file.write_text(f"[clouds]\naccounts = {json.dumps(accounts)}\n")
    shown = CliRunner().invoke(main, ["clouds", "--config", str(file), "--fail"])
    assert shown.exit_code == 1, shown.output
    assert "Accounts: prod (aws), old (aws)" in shown.stdout
    assert "AuthFailure" in shown.stdout
    assert "Instances: 4 of 5 run, 0 unhealthy" in shown.stdout
    row = next(line.split() for line in shown.stdout.splitlines() if "postgres 16.3" in line)
    assert row[-3:] == ["42", "200", "38%"]
    whole = CliRunner().invoke(
        main, ["clouds", "--config", str(file), "--account", "prod", "--fail", "--format", "json"]
    )
    assert whole.exit_code == 0, whole.output
    assert json.loads(whole.stdout)["counts"]["failing"] == 0


def test_a_configuration_without_accounts_says_how(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.toml"
    file.write_text("")
    shown = CliRunner().invoke(main, ["clouds", "--config", str(file)])
    assert shown.exit_code == 2
    assert "names no account: [clouds] accounts = [" in shown.stderr
    file.write_text('[clouds]\naccounts = ["prod=aws secret_access_key=x"]\n')
    shown = CliRunner().invoke(main, ["clouds", "--config", str(file)])
    assert shown.exit_code == 2
    assert "secret_access_key looks like a secret" in shown.stderr
