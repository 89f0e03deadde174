"""The file of receivers and routes: what Alertmanager has, read as Alertmanager does; what is wrong, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.notify.support import House
from trimtab.app.notify.routes_file import load, parse
from trimtab.app.notify.routes_now import RoutesNow
from trimtab.app.notify.routing import routes_for
from trimtab.app.notify.secrets import Reference
from trimtab.extend.receivers import RECEIVERS
from trimtab.extend.registry import load as load_plugins
from trimtab.model.errors import ConfigError, MissingError

KINDS = load_plugins(RECEIVERS)
BAD = Path(__file__).parents[2] / "data/notify"
EXPECT = "# expect: "
FOLDER = Path("/etc/trimtab")

ALL = """
global:
  slack_api_url_file: secrets/slack
  smtp_from: trimtab@example.org
  smtp_smarthost: mail.example.org:587
  smtp_auth_username: trimtab
  smtp_auth_password: ${SMTP_PASSWORD}
route:
  receiver: mail
  group_by: [alertname, job]
  group_wait: 1m30s
  routes:
  - matchers: [severity=~"page|critical"]
    receiver: pager
    group_by: ['...']
    continue: true
  - match: {team: shop}
    receiver: shop
    repeat_interval: 1d
    routes:
    - match_re: {job: "cart|till"}
      group_interval: 1h
inhibit_rules:
- source_matchers: [severity="page"]
  target_match: {severity: ticket}
  equal: [job]
receivers:
- name: mail
  email_configs:
  - {to: "ops@example.org", send_resolved: false}
- name: pager
  pagerduty_configs: [{routing_key_file: /run/secrets/pagerduty}]
  webhook_configs:
  - {url: "${HOOK}", max_alerts: 10, tls_config: {ca_file: ca.pem}}
  - {url_file: hook2}
- name: shop
  slack_configs: [{channel: "#shop"}]
- name: nobody
"""


def test_all_of_it_is_read() -> None:
    routes = parse(ALL, "notify.yml", FOLDER, KINDS)
    targets = {one.key: one for one in routes.targets}
    assert sorted(targets) == ["mail/email", "pager/pagerduty", "pager/webhook", "pager/webhook/2", "shop/slack"]
    mail = targets["mail/email"]
    assert mail.options == {
        "from": "trimtab@example.org",
        "smarthost": "mail.example.org:587",
        "auth_username": "trimtab",
        "to": "ops@example.org",
    }
    assert (mail.secrets, mail.sends_resolved) == ({"auth_password": Reference("env", "SMTP_PASSWORD")}, False)
    assert targets["shop/slack"].secrets == {"api_url": Reference("file", "/etc/trimtab/secrets/slack")}
    assert targets["pager/pagerduty"].secrets == {"routing_key": Reference("file", "/run/secrets/pagerduty")}
    assert targets["pager/webhook"].options == {"max_alerts": 10, "tls_config": {"ca_file": "/etc/trimtab/ca.pem"}}
    [inhibition] = routes.inhibitions
    assert inhibition.inhibits({"severity": "page", "job": "a"}, {"severity": "ticket", "job": "a"})
    assert not inhibition.inhibits({"severity": "page", "job": "a"}, {"severity": "ticket", "job": "b"})


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({}, ["mail"]),
        ({"severity": "page"}, ["pager"]),
        ({"severity": "critical", "team": "shop"}, ["pager", "shop"]),
        ({"team": "shop", "job": "till"}, ["shop"]),
        ({"team": "shopping"}, ["mail"]),
    ],
)
def test_alerts_go_where_alertmanager_would_send_them(labels: dict[str, str], receivers: list[str]) -> None:
    routes = parse(ALL, "notify.yml", FOLDER, KINDS)
    assert [route.receiver for route in routes_for(routes.root, labels)] == receivers


def test_the_page_of_an_objective_quiets_its_ticket_as_the_documentation_says() -> None:
    page = (BAD.parents[2] / "docs/how-to/objectives.md").read_text("utf-8")
    block = page[page.index("inhibit_rules:") :].partition("```")[0]
    head = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    [inhibition] = parse(head + block, "notify.yml", FOLDER, KINDS).inhibitions
    fires, waits = {"severity": "page", "objective": "shop"}, {"severity": "ticket", "objective": "shop"}
    assert inhibition.inhibits(fires, waits)
    assert not inhibition.inhibits(waits, fires)
    assert not inhibition.inhibits(fires, waits | {"objective": "web"})
    assert not inhibition.inhibits({"severity": "page"}, {"severity": "ticket"})


def test_what_a_route_does_not_say_it_has_from_above() -> None:
    routes = parse(ALL, "notify.yml", FOLDER, KINDS)
    [till] = routes_for(routes.root, {"team": "shop", "job": "till"})
    assert till.id == '{}/{team="shop"}/{job=~"cart|till"}'
    assert (till.group_by, till.group_wait_ms, till.group_interval_ms, till.repeat_interval_ms) == (
        ("alertname", "job"),
        90_000,
        3_600_000,
        86_400_000,
    )


def test_two_routes_side_by_side_with_the_same_matchers_are_two() -> None:
    text = """
route: {receiver: a, routes: [{matchers: [x="1"], continue: true}, {matchers: [x="1"], receiver: b}]}
receivers: [{name: a}, {name: b}]
"""
    routes = parse(text, "notify.yml", FOLDER, KINDS)
    found = routes_for(routes.root, {"x": "1"})
    assert [(route.receiver, routes.by_id[route.id]) for route in found] == [("a", found[0]), ("b", found[1])]


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.yml")), ids=lambda path: path.name)
def test_a_bad_file_gets_exactly_this_message(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first.startswith(EXPECT)
    with pytest.raises(ConfigError) as caught:
        load(path, KINDS)
    assert caught.value.message == first.removeprefix(EXPECT).replace("FILE", str(path))


def test_there_are_bad_files() -> None:
    assert len(list(BAD.glob("*.bad.yml"))) >= 15


def test_a_secret_in_the_file_is_not_told(tmp_path: Path) -> None:
    secret = "https://hooks.slack.com/services/T00/B00/verysecret"
    text = f"route: {{receiver: a}}\nreceivers:\n- name: a\n  slack_configs: [{{api_url: '{secret}'}}]\n"
    with pytest.raises(ConfigError) as caught:
        parse(text, "notify.yml", FOLDER, KINDS)
    assert "verysecret" not in str(caught.value) + repr(caught.value.facts)


def test_the_last_good_file_stays_in_force(tmp_path: Path) -> None:
    file = tmp_path / "notify.yml"
    now = RoutesNow(str(file), lambda: KINDS, lambda: 7)
    assert not now.look()
    assert "could not be read" in str(now.status().last_error)
    file.write_text("route: {receiver: a}\nreceivers: [{name: a}]\n")
    assert now.look()
    assert not now.look()
    assert now.status().last_error is None
    good = now.routes
    file.write_text("route: {receiver: b}\nreceivers: [{name: a}]\n")
    assert not now.look()
    assert now.routes is good
    assert "there is no receiver 'b'" in str(now.status().last_error)
    file.unlink()
    assert not now.look()
    assert now.routes is good


def test_a_secret_is_read_where_it_stands_each_time(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    reference = Reference("file", str(file))
    with pytest.raises(MissingError, match="could not be read"):
        reference.read()
    file.write_text("one\n")
    assert reference.read() == "one"
    file.write_text("two")
    assert reference.read() == "two"
    with pytest.raises(MissingError, match="NOWHERE is not set"):
        Reference("env", "NOWHERE").read({})


def test_durations_repeat_and_all_labels(house: House) -> None:
    house.become(
        """
route: {receiver: team, group_by: ['...'], group_wait: 0s, group_interval: 10s, repeat_interval: 20s}
receivers: [{name: team, fake_configs: [{}]}]
"""
    )
    house.fires("Down", instance="a")
    house.fires("Down", instance="b")
    house.run(21_000)
    assert len(house.fake().told) == 4
    assert all(len(one.alerts) == 1 for one in house.fake().told)
