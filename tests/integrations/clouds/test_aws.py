"""AWS against moto's server: what is there is read right; what is wrong is said by name, and stops nothing else."""

from __future__ import annotations

import time

import pytest

from tests.integrations.clouds.conftest import MANY, MANY_COUNT, REGION, ROLE, Aws
from trimtab.app.clouds.clouds import Clouds
from trimtab.app.clouds.health import cloud_health
from trimtab.app.clouds.parts import Aspect, CloudsNow, Part
from trimtab.extend.clouds import Health, Trouble
from trimtab.integrations.aws import calling
from trimtab.model.clouds import CloudsPolicy

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
    assert "tried 2 times" in once.problem


def test_a_region_that_is_down_or_does_not_answer_is_said_and_in_time(aws: Aws) -> None:
    began_s = time.monotonic()
    clouds = Clouds(
        CloudsPolicy(
            accounts=(aws.account("far", regions=f"{REGION},eu-down-1,eu-slow-1"),), timeout_s=0.5, look_s_max=2.0
        ),
        lambda: time.time_ns() // 1_000_000,
    )
    try:
        now = clouds.look(20.0)
    finally:
        clouds.stop()
    assert time.monotonic() - began_s < 60
    assert {one.trouble for one in now.parts if one.key.region == "eu-down-1"} == {Trouble.UNREACHABLE}
    assert {one.trouble for one in now.parts if one.key.region == "eu-slow-1"} == {Trouble.SLOW}
    assert all(one.problem for one in now.parts if one.key.region != REGION)


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
    assert part(now, "prod", Aspect.DATABASES).is_cut is False
