"""Azure: answers in the wire form of its documentation, read by trimtab and by Azure's own clients alike."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("azure.identity")
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import SansIOHTTPPolicy

from tests.integrations.clouds import azure_answers
from tests.integrations.clouds.azure_answers import GROUP, MACHINES, OF, SUBSCRIPTION
from tests.integrations.clouds.rest_server import Rest, serving
from trimtab.extend.clouds import Account, CloudError, Deadline, Health, ScalingOutcome, Trouble
from trimtab.integrations.azure.cloud import AzureCloud
from trimtab.model.errors import MissingError


class Token:
    """A credential that always has a token."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """As azure-identity's."""
        assert scopes == ("https://management.azure.com/.default",)
        return AccessToken("a-token", int(time.time()) + 3600)


class Refused(Token):
    """One that is not taken."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """As azure-identity's where nobody is logged in."""
        raise ClientAuthenticationError(
            "DefaultAzureCredential failed to retrieve a token from the included credentials."
        )


@pytest.fixture
def rest() -> Iterator[Rest]:
    """A server with everything."""
    with serving(azure_answers.full()) as made:
        yield made


def cloud_of(
    rest: Rest,
    regions: tuple[str, ...] = (),
    items_max: int = 2000,
    timeout_s: float = 10.0,
    credential: Token | None = None,
) -> AzureCloud:
    """The account at this server."""
    options = {"subscription": SUBSCRIPTION, "endpoint": rest.url}
    return AzureCloud(Account("shop", "azure", options, regions, timeout_s, items_max=items_max), credential or Token())


def ends() -> Deadline:
    """Long enough."""
    return Deadline(30)


def test_what_is_there_is_read_right(rest: Rest) -> None:
    cloud = cloud_of(rest)
    seen = cloud.instances("", ends())
    assert {one.name: (one.state, one.health, one.region) for one in seen.items} == {
        "web-1": ("running", Health.HEALTHY, "westeurope"),
        "web-2": ("running", Health.UNHEALTHY, "westeurope"),
        "old": ("deallocated", Health.IDLE, "northeurope"),
    }
    assert seen.items[1].why == "The host has a problem."
    assert (seen.items[0].type, seen.items[0].zone) == ("Standard_D2s_v5", "westeurope-1")
    assert seen.missing == ()
    scaling = cloud.scaling("", ends(), 0)
    [group] = scaling.groups.items
    assert (group.name, group.desired_count, group.running_count, group.low_count, group.high_count) == (
        "web",
        3,
        2,
        2,
        8,
    )
    assert group.unhealthy_count == 1
    [event] = scaling.events.items
    assert (event.group, event.region, event.outcome) == ("web", "westeurope", ScalingOutcome.FAILED)
    assert (event.before_count, event.after_count) == (2, 3)
    front, old = cloud.balancers("", ends()).items
    assert [(one.id, one.health, one.why) for one in front.targets] == [
        ("10.0.0.4", Health.HEALTHY, ""),
        ("10.0.0.5", Health.UNHEALTHY, "40 % of its health probes were good in the last minute"),
    ]
    assert front.healthy is not None
    assert front.healthy.value == pytest.approx(0.7)
    assert "SKU Basic" in old.why
    [shop] = cloud.databases("", ends()).items
    assert (shop.engine, shop.state, shop.health) == ("postgresql 16", "ready", Health.HEALTHY)
    assert (shop.connections.value, shop.connections_max.value) == (42.0, 859.0)
    metrics = {one.name: one for one in shop.metrics}
    assert metrics["cpu_utilization_ratio"].value == 0.375
    assert metrics["storage_utilization_ratio"].why == "Azure Monitor has no value of the last 15 minutes"
    assert {one.authorization for one in rest.requests} == {"Bearer a-token"}
    assert {one.method for one in rest.requests} == {"GET"}, "looking changes nothing"
    cloud.close()


@pytest.mark.slow
def test_azures_own_clients_read_the_same_and_ask_the_same(rest: Rest) -> None:
    compute = pytest.importorskip("azure.mgmt.compute")
    monitor = pytest.importorskip("azure.mgmt.monitor")
    network = pytest.importorskip("azure.mgmt.network")
    postgres = pytest.importorskip("azure.mgmt.postgresqlflexibleservers")
    cloud = cloud_of(rest)
    machines, scaling = cloud.instances("", ends()), cloud.scaling("", ends(), 0)
    pools, databases = cloud.balancers("", ends()), cloud.databases("", ends())
    asked = {one.path for one in rest.requests if "ResourceHealth" not in one.path and "MySQL" not in one.path}
    rest.requests.clear()
    given = {"base_url": rest.url, "authentication_policy": SansIOHTTPPolicy()}

    with compute.ComputeManagementClient(Token(), SUBSCRIPTION, **given) as client:
        theirs = list(client.virtual_machines.list_all())
        assert [(one.name, one.hardware_profile.vm_size) for one in theirs] == [
            (one.name, one.type) for one in machines.items
        ]
        states = [
            one.instance_view.statuses[1].code.partition("/")[2]
            for one in client.virtual_machines.list_all(status_only="true")
        ]
        assert states == [one.state for one in machines.items]
        [scale_set] = client.virtual_machine_scale_sets.list_all()
        [group] = scaling.groups.items
        assert scale_set.sku.capacity == group.desired_count
        view = client.virtual_machine_scale_sets.get_instance_view("shop", "web")
        assert view.virtual_machine.statuses_summary[0].count == group.running_count
    with monitor.MonitorManagementClient(Token(), SUBSCRIPTION, **given) as client:
        [setting] = client.autoscale_settings.list_by_subscription()
        assert (setting.profiles[0].capacity.minimum, setting.profiles[0].capacity.maximum) == ("2", "8")
        assert setting.target_resource_uri == group.id.lower()
        told = list(client.activity_logs.list(filter="eventTimestamp ge '2026-01-01T00:00:00Z'"))
        assert [one.event_data_id for one in told if "Result" in one.operation_name.value] == [
            one.id for one in scaling.events.items
        ]
        balancer = f"{GROUP}/Microsoft.Network/loadBalancers/front"
        answer = client.metrics.list(balancer, metricnames="DipAvailability", aggregation="Average")
        newest = {one.metadatavalues[0].value: one.data[-2].average for one in answer.value[0].timeseries}
        assert {name: value >= 100 for name, value in newest.items()} == {
            one.id: one.health is Health.HEALTHY for one in pools.items[0].targets
        }
        shop = f"{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/shop"
        answer = client.metrics.list(shop, metricnames="active_connections,cpu_percent", aggregation="Average")
        assert answer.value[0].timeseries[0].data[1].average == databases.items[0].connections.value
    with network.NetworkManagementClient(Token(), SUBSCRIPTION, **given) as client:
        assert [one.name for one in client.load_balancers.list_all()] == [one.balancers[0] for one in pools.items]
    with postgres.PostgreSQLManagementClient(Token(), SUBSCRIPTION, **given) as client:
        [server] = client.servers.list_by_subscription()
        assert (server.state.lower(), server.version) == (databases.items[0].state, "16")
        most = client.configurations.get("shop", "shop", "max_connections")
        assert float(most.value) == databases.items[0].connections_max.value
    assert {one.path for one in rest.requests} == asked


def test_500_instances_come_over_pages_and_are_cut_where_they_are_too_many() -> None:
    with serving(azure_answers.many(500, 100)) as rest:
        cloud = cloud_of(rest)
        seen = cloud.instances("", ends())
        assert len({one.name for one in seen.items}) == 500
        assert len(rest.asked(MACHINES)) == 10
        assert [one.what for one in seen.missing] == ["Resource Health"], "this server does not have it"
        assert seen.items[0].why == "Resource Health was not read" or not seen.items[0].is_running
        cloud.close()
        cut = cloud_of(rest, items_max=150)
        assert (len(cut.instances("", ends()).items), cut.instances("", ends()).is_cut) == (150, True)
        cut.close()


def test_only_regions_of_the_configuration_are_told(rest: Rest) -> None:
    cloud = cloud_of(rest, regions=("northeurope",))
    assert [one.name for one in cloud.instances("", ends()).items] == ["old"]
    assert cloud.databases("", ends()).items == ()
    cloud.close()


def test_the_token_goes_to_no_other_host(rest: Rest) -> None:
    with serving(Rest()) as other:
        rest.routes["GET", MACHINES] = {
            "value": [azure_answers.machine("web-1")],
            "nextLink": f"{other.url}{MACHINES}",
        }
        cloud = cloud_of(rest)
        seen = cloud.instances("", ends())
        assert [one.name for one in seen.items] == ["web-1"]
        assert "the next page is at another host" in seen.missing[0].why
        assert other.requests == []
        cloud.close()


@pytest.mark.parametrize(
    ("status", "trouble"), [(429, Trouble.THROTTLED), (503, Trouble.UNREACHABLE), (500, Trouble.UNREACHABLE)]
)
def test_what_may_pass_is_tried_again_and_where_it_lasts_said(rest: Rest, status: int, trouble: Trouble) -> None:
    cloud = cloud_of(rest)
    busy = (status, {"error": {"code": "TooManyRequests", "message": "later"}}, {"Retry-After": "0"})
    rest.first[MACHINES] = [busy]
    assert len(cloud.instances("", ends()).items) == 3
    rest.first[MACHINES] = [busy] * 9
    with pytest.raises(CloudError, match="TooManyRequests: later") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is trouble
    assert len(rest.first[MACHINES]) == 6
    cloud.close()


def test_a_long_retry_after_is_not_waited_out(rest: Rest) -> None:
    cloud = cloud_of(rest)
    rest.first[MACHINES] = [(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "3600"})]
    began_s = time.monotonic()
    with pytest.raises(CloudError):
        cloud.instances("", ends())
    assert time.monotonic() - began_s < 60
    assert len(rest.asked(MACHINES)) == 1
    cloud.close()


def test_what_will_not_pass_is_said_at_once(rest: Rest) -> None:
    cloud = cloud_of(rest)
    denied = {"error": {"code": "AuthorizationFailed", "message": "does not have authorization to perform action"}}
    rest.first[MACHINES] = [(403, denied, {})]
    with pytest.raises(CloudError, match="AuthorizationFailed: does not have") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is Trouble.DENIED
    assert len(rest.asked(MACHINES)) == 1
    cloud.close()


def test_one_provider_that_refuses_does_not_hide_the_other(rest: Rest) -> None:
    del rest.routes["GET", f"{OF}/providers/Microsoft.DBforMySQL/flexibleServers"]
    cloud = cloud_of(rest)
    seen = cloud.databases("", ends())
    assert [one.name for one in seen.items] == ["shop"]
    assert [one.what for one in seen.missing] == ["mysql servers"]
    cloud.close()


def test_who_does_not_answer_in_time_is_said(rest: Rest) -> None:
    rest.slow_s[MACHINES] = 1.0
    cloud = cloud_of(rest, timeout_s=0.05)
    with pytest.raises(CloudError) as raised:
        cloud.instances("", Deadline(1.0))
    assert raised.value.trouble is Trouble.SLOW
    cloud.close()


def test_wrong_credentials_are_said(rest: Rest) -> None:
    cloud = cloud_of(rest, credential=Refused())
    with pytest.raises(CloudError, match="failed to retrieve a token") as raised:
        cloud.instances("", ends())
    assert raised.value.trouble is Trouble.CREDENTIALS
    cloud.close()


def test_a_chain_without_credentials_is_one_line_and_nothing_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "dev")  # the real chain without looking for a machine's identity
    cloud = AzureCloud(Account("shop", "azure", {"subscription": SUBSCRIPTION}))
    with pytest.raises(CloudError, match=r"found no credentials \(tried: .*AzureCli.*\): 'az login'") as raised:
        cloud.instances("", ends())
    cloud.close()
    assert "\n" not in raised.value.message
    assert "aka.ms" not in raised.value.message
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("azure.core", "azure.core.exceptions", "azure.core.rest", "azure.identity"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingError, match=r"pip install 'trimtab\[azure\]'"):
        AzureCloud(Account("shop", "azure", {"subscription": SUBSCRIPTION})).instances("", ends())
