"""AWS's answers that moto cannot give, in the form of AWS's own descriptions (botocore's Stubber checks them): machines
that are impaired, targets that are unhealthy, scaling activities, formulas of parameters, rights that are missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("botocore")
from botocore.stub import Stubber

from trimtab.extend.clouds import Account, Deadline, Health, ScalingOutcome, Trouble
from trimtab.integrations.aws import balancers, instances, scaling
from trimtab.integrations.aws.calling import Calling
from trimtab.integrations.aws.cloud import AwsCloud
from trimtab.integrations.aws.databases import METRICS, Databases
from trimtab.model.errors import MissingError

REGION = "eu-central-1"
AT = datetime(2026, 5, 4, 10, 11, 12, tzinfo=UTC)
AT_MS = int(AT.timestamp() * 1000)


@pytest.fixture
def calling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calling]:
    """An account whose answers are written down."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
    made = Calling(Account("prod", "aws", regions=(REGION,)))
    yield made
    made.close()


def stubbed(calling: Calling, service: str) -> Stubber:
    """Answers of one service."""
    stub = Stubber(calling.client(service, REGION))
    stub.activate()
    return stub


def status(name: str, instance: str, system: str, *events: Mapping[str, object]) -> dict[str, object]:
    """Checks of one machine."""
    return {
        "InstanceId": name,
        "InstanceState": {"Code": 16, "Name": "running"},
        "InstanceStatus": {"Status": instance, "Details": [{"Name": "reachability", "Status": "failed"}]},
        "SystemStatus": {"Status": system},
        "Events": list(events),
    }


def machine(name: str, state: str = "running") -> dict[str, object]:
    """One machine."""
    return {"InstanceId": name, "InstanceType": "m5.large", "State": {"Name": state}, "Tags": []}


def test_impaired_machines_and_planned_events(calling: Calling) -> None:
    retire = {"Code": "instance-retirement", "Description": "The instance is running on degraded hardware"}
    over = {"Code": "system-reboot", "Description": "[Completed] Scheduled reboot"}
    with stubbed(calling, "ec2") as ec2:
        ec2.add_response(
            "describe_instance_status",
            {
                "InstanceStatuses": [
                    status("i-1", "impaired", "ok"),
                    status("i-2", "ok", "impaired", retire),
                    status("i-3", "initializing", "ok"),
                    status("i-4", "ok", "ok", over),
                ]
            },
            {"IncludeAllInstances": True, "MaxResults": 100},
        )
        ec2.add_response(
            "describe_instances",
            {"Reservations": [{"Instances": [machine(f"i-{number}") for number in range(1, 5)]}], "NextToken": "more"},
            {"MaxResults": 100},
        )
        ec2.add_response(
            "describe_instances",
            {"Reservations": [{"Instances": [machine("i-5", "shutting-down")]}]},
            {"MaxResults": 100, "NextToken": "more"},
        )
        seen = instances.instances(calling, REGION, Deadline(30))
        ec2.assert_no_pending_responses()
    assert {one.id: (one.health, one.why) for one in seen.items} == {
        "i-1": (Health.UNHEALTHY, "instance check: impaired"),
        "i-2": (
            Health.UNHEALTHY,
            "system check: impaired; instance-retirement: The instance is running on degraded hardware",
        ),
        "i-3": (Health.STARTING, "instance check: initializing"),
        "i-4": (Health.HEALTHY, ""),
        "i-5": (Health.LEAVING, ""),
    }


def test_machines_are_told_without_health_where_checks_may_not_be_read(calling: Calling) -> None:
    with stubbed(calling, "ec2") as ec2:
        ec2.add_client_error("describe_instance_status", "UnauthorizedOperation", "not authorized", 403)
        ec2.add_response("describe_instances", {"Reservations": [{"Instances": [machine("i-1")]}]})
        seen = instances.instances(calling, REGION, Deadline(30))
    assert [(one.health, one.why) for one in seen.items] == [(Health.UNKNOWN, "its status checks were not read")]
    [lost] = seen.missing
    assert (lost.region, lost.what, lost.trouble) == (REGION, "status checks", Trouble.DENIED)


def test_what_was_read_stays_where_a_later_page_fails(calling: Calling) -> None:
    with stubbed(calling, "ec2") as ec2:
        ec2.add_response("describe_instance_status", {"InstanceStatuses": []})
        ec2.add_response("describe_instances", {"Reservations": [{"Instances": [machine("i-1")]}], "NextToken": "more"})
        ec2.add_client_error("describe_instances", "RequestLimitExceeded", "too much", 503)
        seen = instances.instances(calling, REGION, Deadline(30))
    assert [one.id for one in seen.items] == ["i-1"]
    assert [(one.what, one.trouble) for one in seen.missing] == [("the rest behind 1", Trouble.THROTTLED)]


def test_unhealthy_targets_with_their_reasons(calling: Calling) -> None:
    arn = f"arn:aws:elasticloadbalancing:{REGION}:1:loadbalancer/app/front/1"
    group = {"TargetGroupArn": "arn:tg/web", "TargetGroupName": "web", "LoadBalancerArns": [arn]}
    other = {"TargetGroupArn": "arn:tg/old", "TargetGroupName": "old", "LoadBalancerArns": []}
    told = [
        ("i-1", "healthy", {}),
        ("i-2", "unhealthy", {"Reason": "Target.ResponseCodeMismatch", "Description": "Health checks failed: [502]"}),
        ("i-3", "draining", {"Reason": "Target.DeregistrationInProgress"}),
    ]
    with stubbed(calling, "elbv2") as elbv2:
        balancer = {"LoadBalancerArn": arn, "LoadBalancerName": "front", "Type": "application"}
        elbv2.add_response("describe_load_balancers", {"LoadBalancers": [{**balancer, "State": {"Code": "active"}}]})
        elbv2.add_response("describe_target_groups", {"TargetGroups": [group, other]})
        elbv2.add_response(
            "describe_target_health",
            {
                "TargetHealthDescriptions": [
                    {"Target": {"Id": name, "Port": 80}, "TargetHealth": {"State": state, **more}}
                    for name, state, more in told
                ]
            },
            {"TargetGroupArn": "arn:tg/web"},
        )
        elbv2.add_client_error("describe_target_health", "TargetGroupNotFound", "not found", 400)
        seen = balancers.balancers(calling, REGION, Deadline(30))
    web, old = seen.items
    assert (web.balancers, web.kind, web.state) == (("front",), "application", "active")
    assert [(one.id, one.health, one.why) for one in web.targets] == [
        ("i-1", Health.HEALTHY, ""),
        ("i-2", Health.UNHEALTHY, "Target.ResponseCodeMismatch: Health checks failed: [502]"),
        ("i-3", Health.LEAVING, "Target.DeregistrationInProgress"),
    ]
    assert "TargetGroupNotFound" in old.why
    assert [one.what for one in seen.missing] == ["targets of old"]


def test_scaling_activities_up_to_the_moment_that_is_asked_for(calling: Calling) -> None:
    def activity(name: str, at: datetime, code: str, cause: str, message: str = "") -> dict[str, object]:
        return {
            "ActivityId": name,
            "AutoScalingGroupName": "web",
            "Description": "Launching a new EC2 instance",
            "Cause": cause,
            "StartTime": at,
            "StatusCode": code,
            **({"StatusMessage": message} if message else {}),
        }

    grown = "At 10:00 an instance was started in response to a difference, increasing the capacity from 1 to 3."
    with stubbed(calling, "autoscaling") as auto:
        auto.add_response("describe_auto_scaling_groups", {"AutoScalingGroups": []})
        auto.add_response(
            "describe_scaling_activities",
            {
                "Activities": [
                    activity("a", AT, "Failed", "a user request", "We currently do not have sufficient m5 capacity."),
                    activity("b", AT, "Successful", grown),
                    activity("c", AT, "WaitingForELBConnectionDraining", "x"),
                ],
                "NextToken": "2",
            },
        )
        auto.add_response(
            "describe_scaling_activities",
            {"Activities": [activity("d", AT - timedelta(days=2), "Successful", "x")], "NextToken": "3"},
        )
        seen = scaling.scaling(calling, REGION, Deadline(30), AT_MS - 86_400_000)
        auto.assert_no_pending_responses()
    events = seen.events.items
    assert [(one.id, one.outcome, one.before_count, one.after_count) for one in events] == [
        ("a", ScalingOutcome.FAILED, None, None),
        ("b", ScalingOutcome.DONE, 1, 3),
        ("c", ScalingOutcome.RUNNING, None, None),
    ]
    assert events[0].why.startswith("We currently do not have sufficient m5 capacity.")
    assert events[0].at_ms == AT_MS


def test_databases_whose_maximum_is_a_formula_and_whose_metrics_may_not_be_read(calling: Calling) -> None:
    with stubbed(calling, "rds") as rds, stubbed(calling, "ec2") as ec2, stubbed(calling, "cloudwatch") as watch:
        database = {
            "DBInstanceIdentifier": "shop",
            "DBInstanceClass": "db.m5.large",
            "Engine": "postgres",
            "EngineVersion": "16.3",
            "DBInstanceStatus": "storage-full",
            "DBParameterGroups": [{"DBParameterGroupName": "default.postgres16"}],
        }
        rds.add_response("describe_db_instances", {"DBInstances": [database]})
        watch.add_client_error("get_metric_data", "AccessDenied", "not authorized to perform GetMetricData", 403)
        formula = "LEAST({DBInstanceClassMemory/9531392},5000)"
        rds.add_response(
            "describe_db_parameters",
            {"Parameters": [{"ParameterName": "max_connections", "ParameterValue": formula}]},
        )
        ec2.add_response("describe_instance_types", {"InstanceTypes": [{"MemoryInfo": {"SizeInMiB": 8192}}]})
        seen = Databases(calling).databases(REGION, Deadline(30))
    [shop] = seen.items
    assert (shop.state, shop.health) == ("storage-full", Health.UNHEALTHY)
    assert (shop.connections_max.value, shop.connections_max.text) == (901.0, f"about, {formula}")
    assert shop.connections.value is None
    assert "not authorized to perform GetMetricData" in shop.connections.why
    assert len(shop.metrics) == len(METRICS) - 1
    assert all(one.why for one in shop.metrics)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("botocore", "botocore.exceptions", "botocore.session"):
        monkeypatch.setitem(sys.modules, name, None)
    cloud = AwsCloud(Account("prod", "aws"))
    with pytest.raises(MissingError, match=r"pip install 'trimtab\[aws\]'"):
        cloud.regions(Deadline(30))
    with pytest.raises(MissingError, match=r"pip install 'trimtab\[aws\]'"):
        cloud.instances(REGION, Deadline(30))
