"""The page, the API and the command of clouds, and series of them that PromQL finds."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.integrations.clouds.fake_cloud import full, machine
from tests.web.site import Site, open_site
from trimtab.app.clouds.clouds import Clouds
from trimtab.app.clouds.health import cloud_health
from trimtab.extend.clouds import CloudError, Health, Seen, Trouble
from trimtab.model.clouds import CloudsPolicy

PAGE = "/infrastructure/cloud"
HOSTILE = '"><img src=x onerror=alert(1)>'


def text_of(page: str) -> str:
    """What a person reads."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one account that has everything, and a region that does not answer."""
    fake = full()
    fake.errors = {"south-1": CloudError(f"nobody answers {HOSTILE}", trouble=Trouble.UNREACHABLE)}
    fake.machines = Seen((*fake.machines.items, machine(HOSTILE, Health.UNHEALTHY, HOSTILE)))
    with open_site(tmp_path_factory.mktemp("clouds") / "data") as made:
        service = made.service
        service.clouds = Clouds(
            CloudsPolicy(accounts=("prod=fake", "other=ovh")),
            lambda: time.time_ns() // 1_000_000,
            metrics=lambda: getattr(service.telemetry, "metrics", None),
            kinds=lambda: {"fake": fake.kind()},
        )
        service.clouds.look(60.0)
        yield made


@pytest.fixture
def client(site: Site) -> TestClient:
    """A visitor."""
    return site.visitor()


def test_the_page_shows_what_is_wrong_first(client: TestClient) -> None:
    answer = client.get(PAGE)
    assert answer.status_code == 200, answer.text
    assert "onerror=alert(1)>" not in answer.text
    shown = text_of(answer.text.partition("<main")[2])
    order = ("unread", "balancers", "databases", "instances", "over-time", "events", "groups")
    places = [answer.text.index(f'id="{name}"') for name in order]
    assert places == sorted(places)
    assert "there is no cloud 'ovh' (known: fake)" in shown
    assert "Target.Timeout: request timed out" in shown
    assert shown.index("shop") < shown.index("idle")
    assert "nobody tells" in shown
    assert "no capacity left" in shown


def test_the_page_is_of_one_account_and_searched(client: TestClient) -> None:
    shown = text_of(client.get(f"{PAGE}?account=prod&q=calm").text)
    assert "10.0.0.3" not in shown
    assert "ovh" not in shown.split("All accounts")[1].split("Search")[1]
    wrong = client.get(f"{PAGE}?account=nobody")
    assert wrong.status_code == 400
    assert "Account: one of prod, other, found" in text_of(wrong.text)


def test_a_part_of_the_page_comes_alone(client: TestClient) -> None:
    part = client.get(f"{PAGE}?fragment=scaling").text
    assert 'id="scaling"' in part
    assert "<html" not in part


def test_the_api_tells_the_same(client: TestClient) -> None:
    found = client.get("/api/trimtab/clouds?account=prod&limit=1").json()
    assert found["counts"]["instances"] == 3
    assert found["counts"]["unhealthy_targets"] == 1
    [pool] = found["pools"]
    assert (pool["name"], pool["healthy_ratio"]) == ("web", 0.5)
    [database] = found["databases"]
    assert database["connections"]["unit"] == "connections"
    assert database["connections"]["source"] == "in memory"
    [part] = found["asked"]
    assert (part["region"], part["is_ok"], part["trouble"]) == ("south-1", False, "unreachable")


def test_series_are_found_by_promql(client: TestClient) -> None:
    def asked(query: str) -> dict[str, float]:
        answer = client.get("/api/v1/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        return {one["metric"].get("name", ""): float(one["value"][1]) for one in answer["data"]["result"]}

    assert asked('cloud_database_connections_ratio{account="prod"}') == {"shop": 0.95, "idle": 0.01}
    assert asked('sum(cloud_balancer_targets{health="unhealthy",job="cloud"})') == {"": 1.0}
    assert asked('cloud_up{region="south-1",what="databases"}') == {"": 0.0}
    help_text = client.get("/api/v1/metadata?metric=cloud_database_connections_ratio").json()
    assert help_text["data"]["cloud_database_connections_ratio"][0]["help"] == "The share of them that is taken."


def test_health_of_the_infrastructure_has_the_clouds(site: Site) -> None:
    site.service.infrastructure.cloud = lambda: cloud_health(site.service.clouds.latest())
    cloud = site.service.infrastructure.health()["cloud"]
    assert cloud["database_connections"].value == 103.0
    assert "prod south-1 databases" in cloud["database_connections"].text


def test_without_accounts_it_says_how(site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.service, "clouds", Clouds(CloudsPolicy(), site.service.now_ms))
    answer = client.get(PAGE)
    assert answer.status_code == 200
    shown = text_of(answer.text)
    assert "Name accounts in the configuration" in shown
    assert "[clouds]" in shown
    assert "docs/" not in shown, "who installed it with pip has no such file"
