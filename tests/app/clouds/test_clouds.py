"""Looking at clouds: each part by itself, on a schedule; what fails is said, keeps what was known, and stops nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.integrations.clouds.fake_cloud import AT_MS, FakeCloud, database, full, group, machine
from trimtab.app.clouds.clouds import Clouds
from trimtab.app.clouds.health import NOT_CONFIGURED, cloud_health
from trimtab.app.clouds.listing import listed
from trimtab.app.clouds.parts import ASKED, Aspect, CloudsNow, Key
from trimtab.app.clouds.series import PartSeries
from trimtab.app.config import parse_config
from trimtab.extend.clouds import CloudError, Health, Scaling, Seen, Trouble
from trimtab.model.clouds import CloudsPolicy
from trimtab.model.errors import ConfigError
from trimtab.model.infrastructure import CLOUD_KEYS

WAIT_S = 60.0


def clouds_of(
    fake: FakeCloud, *accounts: str, on_look: Callable[[frozenset[Key]], None] = lambda _keys: None
) -> Clouds:
    """Of this cloud alone."""
    policy = CloudsPolicy(accounts=accounts or ("prod=fake",), interval_s=0.02)
    return Clouds(policy, lambda: AT_MS, on_look=on_look, kinds=lambda: {"fake": fake.kind()})


def looked(fake: FakeCloud, *accounts: str) -> CloudsNow:
    """One look."""
    clouds = clouds_of(fake, *accounts)
    try:
        return clouds.look(WAIT_S)
    finally:
        clouds.stop()


def test_without_accounts_nothing_is_asked_and_that_is_said() -> None:
    clouds = Clouds(CloudsPolicy(), lambda: AT_MS, kinds=lambda: pytest.fail("nobody has to look for plug-ins"))
    clouds.start()
    health = cloud_health(clouds.look(0.0))
    clouds.stop()
    assert set(health) == set(CLOUD_KEYS)
    assert {one.why for one in health.values()} == {NOT_CONFIGURED}


def test_a_region_that_fails_stops_no_other_and_is_said_by_name() -> None:
    health = cloud_health(looked(full()))
    assert {name: one.value for name, one in health.items()} == {
        "instance_status": 1.0,
        "auto_scaling_status": 1.0,
        "load_balancer_health": 1.0,
        "database_connections": 103.0,
    }
    assert health["instance_status"].text == "2 of 2 run, 1 unhealthy; not read: prod south-1 instances"
    assert health["instance_status"].part("bad").text == "running, system check: impaired"
    lost = health["database_connections"].part("prod south-1 databases")
    assert (lost.value, lost.why) == (None, "nobody answers in south-1")
    assert health["load_balancer_health"].part("web").value == 0.5
    assert "maximum not known: nobody tells" in health["database_connections"].part("new").text


def test_one_that_hangs_holds_up_nobody() -> None:
    fake = full()
    fake.errors, fake.hangs = {}, {"south-1": threading.Event()}
    clouds = clouds_of(fake)
    try:
        now = clouds.look(1.0)
        assert len(now.instances) == 2
        assert {one.problem for one in now.failing} == {"it has not answered yet"}
        assert {one.key.region for one in now.failing} == {"south-1"}
    finally:
        fake.hangs["south-1"].set()
        clouds.stop()


def test_what_was_known_stays_with_its_age_and_makes_no_series() -> None:
    fake = full()
    fake.errors = {}
    clouds = clouds_of(fake)
    try:
        clouds.look(WAIT_S)
        fake.errors["north-1 instances"] = CloudError("too many requests", trouble=Trouble.THROTTLED)
        now = clouds.look(WAIT_S)
    finally:
        clouds.stop()
    [part] = now.failing
    assert (part.trouble, part.items_count, part.read_at_ms) == (Trouble.THROTTLED, 2, AT_MS)
    assert [of.is_old for of in now.instances if of.item.region == "north-1"].count(True) == 2
    groups, ended = PartSeries().groups(part)
    assert ended == ["prod north-1 instances"]
    assert (groups[0][1][0].name, groups[0][2][0]) == ("cloud_up", 0.0)
    assert cloud_health(now)["instance_status"].text.endswith("not read: prod north-1 instances")


def test_an_error_of_a_plug_in_is_of_its_part_alone() -> None:
    fake = full()
    fake.errors = {"north-1 databases": ZeroDivisionError("a secret")}
    now = looked(fake)
    [part] = now.failing
    assert (part.key.aspect, part.trouble, part.problem) == (
        Aspect.DATABASES,
        Trouble.OWN,
        "internal error: see the log",
    )


def test_sizes_that_differ_from_look_to_look_are_events_where_the_cloud_tells_none() -> None:
    fake = FakeCloud(scales=Scaling(Seen((group(2, 2),)), Seen(), tells_events=False))
    clouds = clouds_of(fake)
    try:
        assert clouds.look(WAIT_S).events == ()
        fake.scales = Scaling(Seen((group(4, 2),)), Seen(), tells_events=False)
        now = clouds.look(WAIT_S)
    finally:
        clouds.stop()
    [event] = [of.item for of in now.events]
    assert (event.what, event.before_count, event.after_count) == ("size changed from 2 to 4", 2, 4)


def test_it_looks_again_by_itself_and_tells_what_it_looked_at() -> None:
    fake, told, enough = full(), [], threading.Event()

    def heard(keys: frozenset[Key]) -> None:
        told.append(keys)
        if fake.asked.count("north-1 instances") >= 3:
            enough.set()

    clouds = clouds_of(fake, on_look=heard)
    clouds.start()
    try:
        assert enough.wait(WAIT_S)
    finally:
        clouds.stop()
    assert fake.asked.count(" regions") == 1, "regions are asked for once"
    assert Key("prod", "north-1", Aspect.INSTANCES) in frozenset().union(*told)


def test_accounts_that_cannot_be_are_said_with_what_could() -> None:
    kinds = {"fake": full().kind()}
    policy = CloudsPolicy(accounts=("a=fake endpont=https://x", "b=ovh", "c=fake", "c=fake"))
    clouds = Clouds(policy, lambda: AT_MS, kinds=lambda: kinds)
    try:
        clouds.look(WAIT_S)
        warnings = list(clouds.warnings())
    finally:
        clouds.stop()
    assert warnings == [
        "cloud account a is not read (missing; all regions, regions): account a: fake has no option 'endpont' "
        "(known: endpoint, regions)",
        "cloud account b is not read (missing; all regions, regions): account b: there is no cloud 'ovh' (known: fake)",
    ]


def test_accounts_are_checked_with_the_configuration() -> None:
    text = """[clouds]
accounts = [
  "prod=ibm",
  "shop=azure",
  "prod=aws rigions=x",
  "data=gcp",
]
"""
    with pytest.raises(ConfigError) as refused:
        parse_config(text)
    assert refused.value.message.splitlines() == [
        "configuration, line 3, column 3: clouds.accounts: account prod: there is no cloud 'ibm' (known: aws, azure, "
        "gcp)",
        "configuration, line 4, column 3: clouds.accounts: account shop: azure needs the option 'subscription'",
        "configuration, line 5, column 3: clouds.accounts: account prod: aws has no option 'rigions' (known: endpoint, "
        "external_id, profile, regions, role)",
        "configuration, line 5, column 3: clouds.accounts: the name 'prod' stands here twice: each account has its own",
    ]


def test_wrong_credentials_are_one_warning_whatever_they_hide() -> None:
    fake = full()
    fake.errors = {
        f"{region} {what.value}": CloudError(f"{what.value} of {region}:\n  not taken", trouble=Trouble.CREDENTIALS)
        for region in fake.names
        for what in ASKED
    }
    clouds = clouds_of(fake)
    try:
        clouds.look(WAIT_S)
        [warning] = clouds.warnings()
    finally:
        clouds.stop()
    assert warning == (
        "cloud account prod is not read (credentials; north-1, balancers and 7 more): balancers of north-1: not taken"
    )


def test_rows_have_what_is_wrong_first() -> None:
    found = listed(looked(full()), limit=1)
    assert [one.name for one in found.instances] == ["bad"]
    assert [(one.name, one.unhealthy_count, one.healthy_ratio) for one in found.pools] == [("web", 1, 0.5)]
    assert [(one.name, one.connections_ratio) for one in found.databases] == [("shop", 0.95)]
    assert found.counts.instances == 2
    assert (found.asked[0].region, found.asked[0].is_ok) == ("south-1", False)
    assert [one.name for one in listed(looked(full()), search="IDLE").databases] == ["idle"]
    assert listed(looked(full()), account="other").instances == ()


def test_series_have_sane_names_and_no_sample_for_what_is_not_known() -> None:
    fake = FakeCloud(
        machines=Seen((machine("a", Health.UNKNOWN),)),
        bases=Seen((database("shop", 50, 100), database("new", None, None))),
    )
    now = looked(fake)
    made: dict[tuple[str, str], float] = {}
    for part in now.parts:
        for _, series, values in PartSeries().groups(part)[0]:
            for one, value in zip(series, values, strict=True):
                labels = dict(one.labels)
                assert labels["account"] == "prod"
                assert labels["cloud"] == "fake"
                made[one.name, labels.get("name", "")] = value
    assert made["cloud_instance_up", "a"] == 1.0
    assert ("cloud_instance_healthy", "a") not in made
    assert made["cloud_database_connections_ratio", "shop"] == 0.5
    assert ("cloud_database_connections", "new") not in made
    assert made["cloud_database_cpu_utilization_ratio", "new"] == 0.375


def test_questions_are_counted() -> None:
    clouds = clouds_of(full())
    try:
        clouds.look(WAIT_S)
        told = {(one.name, *one.labels.values()): one.value for one in clouds.numbers()}
    finally:
        clouds.stop()
    assert told["trimtab_cloud_questions_total", "prod"] == 9
    assert told["trimtab_cloud_failures_total", "prod", "refused"] == 4
