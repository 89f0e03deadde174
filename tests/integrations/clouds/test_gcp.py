"""Google Cloud: answers in the wire form of its documentation, read by trimtab and by Google's own clients alike."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("google.auth")
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError

from tests.integrations.clouds import gcp_answers
from tests.integrations.clouds.gcp_answers import OWN, PROJECT
from tests.integrations.clouds.rest_server import Rest, serving
from trimtab.extend.clouds import Account, CloudError, Deadline, Health, ScalingOutcome, Trouble
from trimtab.integrations.gcp.cloud import GcpCloud
from trimtab.model.errors import MissingError

INSTANCES = f"{OWN}/aggregated/instances"


@pytest.fixture
def rest() -> Iterator[Rest]:
    """A server with everything."""
    with serving(gcp_answers.full()) as made:
        yield made


def cloud_of(rest: Rest, regions: tuple[str, ...] = (), items_max: int = 2000, timeout_s: float = 10.0) -> GcpCloud:
    """The account at this server."""
    options = {"project": PROJECT, "endpoint": rest.url}
    account = Account("data", "gcp", options, regions, timeout_s, items_max=items_max)
    return GcpCloud(account, AnonymousCredentials())  # type: ignore[no-untyped-call]


def ends() -> Deadline:
    """Long enough."""
    return Deadline(30)


def test_what_is_there_is_read_right(rest: Rest) -> None:
    cloud = cloud_of(rest)
    seen = cloud.instances("", ends())
    assert {one.name: (one.state, one.health) for one in seen.items} == {
        "web-1": ("running", Health.UNKNOWN),
        "web-2": ("repairing", Health.UNHEALTHY),
        "old": ("terminated", Health.IDLE),
    }
    assert (seen.items[0].region, seen.items[0].zone, seen.items[0].type) == (
        "europe-west3",
        "europe-west3-a",
        "n2-standard-4",
    )
    assert [(one.region, one.trouble) for one in seen.missing] == [("asia-east1-a", Trouble.UNREACHABLE)]
    scaling = cloud.scaling("", ends(), 0)
    [group] = scaling.groups.items
    assert (group.name, group.desired_count, group.running_count, group.low_count, group.high_count) == (
        "web",
        3,
        2,
        2,
        8,
    )
    assert group.why == "Autoscaling is off.; creating: 1"
    [event] = scaling.events.items
    assert (event.outcome, event.what) == (ScalingOutcome.FAILED, "creating web-x1")
    assert event.why.startswith("ZONE_RESOURCE_POOL_EXHAUSTED: ")
    assert not scaling.tells_events
    [pool] = cloud.balancers("", ends()).items
    assert [(one.id, one.port, one.health) for one in pool.targets] == [
        ("web-1", 80, Health.HEALTHY),
        ("web-2", 80, Health.UNHEALTHY),
    ]
    cloud.close()


def test_databases_with_connections_of_all_their_databases(rest: Rest) -> None:
    cloud = cloud_of(rest)
    shop, reports = cloud.databases("", ends()).items
    assert (shop.engine, shop.state, shop.connections.value, shop.connections_max.value) == (
        "postgres 16",
        "runnable",
        42.0,
        200.0,
    )
    assert shop.metrics[0].value == 0.375
    assert 0 <= time.time() * 1000 - shop.connections.at_ms < 120_000
    assert (reports.engine, reports.state, reports.health) == ("mysql 8.0", "stopped", Health.IDLE)
    assert reports.connections.why == "Cloud Monitoring has no value of the last 15 minutes"
    assert reports.connections_max.why.startswith("the flag max_connections is not set")
    cloud.close()


@pytest.mark.slow
def test_googles_own_clients_read_the_same_and_ask_the_same(rest: Rest) -> None:
    compute = pytest.importorskip("google.cloud.compute_v1")
    cloud = cloud_of(rest)
    ours = cloud.instances("", ends()), cloud.scaling("", ends(), 0), cloud.balancers("", ends())
    asked = {(one.method, one.path) for one in rest.requests}
    rest.requests.clear()

    def client(name: str) -> object:
        kind = getattr(compute, f"{name}Client")
        transport = kind.get_transport_class("rest")
        host = rest.url.removeprefix("http://")
        return kind(transport=transport(host=host, url_scheme="http", credentials=AnonymousCredentials()))  # type: ignore[no-untyped-call]

    def listed(name: str, collection: str) -> list[object]:
        pages = client(name).aggregated_list(project=PROJECT)  # type: ignore[attr-defined]
        return [item for _, scope in pages for item in getattr(scope, collection)]

    theirs = listed("Instances", "instances")
    assert [(one.name, one.status.lower()) for one in theirs] == [(one.name, one.state) for one in ours[0].items]  # type: ignore[attr-defined]
    [manager] = listed("InstanceGroupManagers", "instance_group_managers")
    [group] = ours[1].groups.items
    assert (manager.target_size, manager.current_actions.none) == (group.desired_count, group.running_count)  # type: ignore[attr-defined]
    [scaler] = listed("Autoscalers", "autoscalers")
    assert scaler.autoscaling_policy.max_num_replicas == group.high_count  # type: ignore[attr-defined]
    errors = list(
        client("InstanceGroupManagers").list_errors(  # type: ignore[attr-defined]
            project=PROJECT, zone="europe-west3-a", instance_group_manager="web"
        )
    )
    assert f"{errors[0].error.code}: {errors[0].error.message}" == ours[1].events.items[0].why
    [service] = listed("BackendServices", "backend_services")
    health = client("BackendServices").get_health(  # type: ignore[attr-defined]
        project=PROJECT,
        backend_service="web",
        resource_group_reference_resource=compute.ResourceGroupReference(group=service.backends[0].group),  # type: ignore[attr-defined]
    )
    assert [one.health_state.lower() for one in health.health_status] == [one.state for one in ours[2].items[0].targets]
    assert {(one.method, one.path) for one in rest.requests} == asked
    cloud.close()


def test_googles_own_class_of_series_reads_the_same_points(rest: Rest) -> None:
    monitoring = pytest.importorskip("google.cloud.monitoring_v3")
    cloud = cloud_of(rest)
    [shop, _] = cloud.databases("", ends()).items
    request = next(
        one for one in rest.asked(f"/v3/projects/{PROJECT}/timeSeries") if "num_backends" in one.query["filter"]
    )
    answer = rest.answer(request)[1]
    theirs = [monitoring.TimeSeries.from_json(json.dumps(one)) for one in answer["timeSeries"]]
    assert sum(one.points[0].value.int64_value for one in theirs) == shop.connections.value
    assert {one.resource.labels["database_id"] for one in theirs} == {f"{PROJECT}:shop"}
    cloud.close()


def test_500_instances_come_over_pages_and_are_cut_where_they_are_too_many() -> None:
    with serving(gcp_answers.many(500, 100)) as rest:
        cloud = cloud_of(rest)
        assert len({one.name for one in cloud.instances("", ends()).items}) == 500
        assert len(rest.asked(INSTANCES)) == 5
        cloud.close()
        cut = cloud_of(rest, items_max=150).instances("", ends())
        assert (len(cut.items), cut.is_cut) == (150, True)


def test_only_regions_of_the_configuration_are_told(rest: Rest) -> None:
    cloud = cloud_of(rest, regions=("us-east1",))
    seen = cloud.instances("", ends())
    assert (seen.items, seen.missing) == ((), ())
    assert cloud.databases("", ends()).items == ()
    cloud.close()


def test_a_version_without_partial_success_is_asked_without(rest: Rest) -> None:
    cloud = cloud_of(rest)
    unknown = {"error": {"code": 400, "message": 'Unknown name "returnPartialSuccess"', "status": "INVALID_ARGUMENT"}}
    rest.first[INSTANCES] = [(400, unknown, {})]
    assert len(cloud.instances("", ends()).items) == 3
    assert ["returnPartialSuccess" in one.query for one in rest.asked(INSTANCES)] == [True, False]
    cloud.close()


@pytest.mark.parametrize(
    ("status", "error", "trouble"),
    [
        (429, {"message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}, Trouble.THROTTLED),
        (403, {"message": "Rate", "errors": [{"reason": "rateLimitExceeded"}]}, Trouble.THROTTLED),
        (503, {"message": "backend error"}, Trouble.UNREACHABLE),
    ],
)
def test_what_may_pass_is_tried_again_and_where_it_lasts_said(
    rest: Rest, status: int, error: dict[str, object], trouble: Trouble
) -> None:
    cloud = cloud_of(rest)
    rest.first[INSTANCES] = [(status, {"error": error}, {})]
    assert len(cloud.instances("", ends()).items) == 3
    rest.first[INSTANCES] = [(status, {"error": error}, {})] * 9
    with pytest.raises(CloudError, match="tried 3 times") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is trouble
    assert len(rest.first[INSTANCES]) == 6
    cloud.close()


def test_what_will_not_pass_is_said_at_once(rest: Rest) -> None:
    cloud = cloud_of(rest)
    denied = {
        "error": {"code": 403, "message": "Required 'compute.instances.list' permission", "status": "PERMISSION_DENIED"}
    }
    rest.first[INSTANCES] = [(403, denied, {})]
    with pytest.raises(CloudError, match="Required 'compute") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is Trouble.DENIED
    assert len(rest.asked(INSTANCES)) == 1
    cloud.close()


def test_who_does_not_answer_in_time_is_said(rest: Rest) -> None:
    rest.slow_s[INSTANCES] = 1.0
    cloud = cloud_of(rest, timeout_s=0.05)
    with pytest.raises(CloudError) as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is Trouble.SLOW
    cloud.close()


class Refused(AnonymousCredentials):
    """Credentials that are not taken."""

    def before_request(self, request: object, method: str, url: str, headers: object) -> None:
        """As google-auth does where a token cannot be had."""
        raise RefreshError("invalid_grant: Account has been deleted")  # type: ignore[no-untyped-call]


def test_wrong_credentials_are_said(rest: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account("data", "gcp", {"project": PROJECT, "endpoint": rest.url})
    cloud = GcpCloud(account, Refused())  # type: ignore[no-untyped-call]
    with pytest.raises(CloudError, match="invalid_grant") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is Trouble.CREDENTIALS
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file")
    with pytest.raises(CloudError, match="/no/such/file") as raised:
        GcpCloud(account).instances("", ends())
    assert raised.value.trouble is Trouble.CREDENTIALS


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    monkeypatch.setitem(sys.modules, "google.api_core.retry", None)
    with pytest.raises(MissingError, match=r"pip install 'trimtab\[gcp\]'"):
        GcpCloud(Account("data", "gcp", {"project": PROJECT})).instances("", ends())
