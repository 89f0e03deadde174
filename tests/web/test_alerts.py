"""The pages of alerts: what fires, the history, silences made and ended, who is told; over a real state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.alerts_there import alert, clear, ended, pending, write
from tests.web.forms import forms_of, send
from tests.web.site import Site
from tests.web.stories import HOSTILE, Stories

pytestmark = [pytest.mark.store]

MINUTE_MS = 60_000


@pytest.fixture
def fresh(site: Site) -> Iterator[Site]:
    """Without any alert, and nothing was ever evaluated."""
    clear(site.service)
    yield site
    clear(site.service)


def page(site: Site, path: str) -> str:
    answer = site.visitor().get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_without_alerts_the_page_says_so_and_that_nobody_looks(fresh: Site) -> None:
    text = page(fresh, "/alerts")
    assert "Nothing fired when it was last looked" in text
    assert "Do not rely on this page now." in text
    assert "Alerts were never evaluated." in text
    assert "Nobody is told of alerts." in text
    write(fresh.service)
    text = page(fresh, "/alerts")
    assert "Do not rely on this page" not in text
    assert "Nothing fires" in text


def test_what_fires_is_there_with_the_worst_first(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    write(
        fresh.service,
        alert("Slow", now_ms - 5 * MINUTE_MS, severity="warning"),
        alert("Down", now_ms - 9 * MINUTE_MS, severity="page", runbook="https://wiki.example/down"),
        pending(alert("Soon", now_ms - MINUTE_MS)),
    )
    text = page(fresh, "/alerts")
    assert text.index("Down is wrong") < text.index("Slow is wrong") < text.index("Soon is wrong")
    assert "<b>2</b> alerts fire" in text
    assert 'href="https://wiki.example/down"' in text
    assert "no severity" in text


def test_hostile_texts_stay_texts_and_lead_nowhere(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    write(
        fresh.service,
        alert(HOSTILE, now_ms, summary=HOSTILE, runbook="javascript:alert(1)", url="javascript:alert(2)", job=HOSTILE),
    )
    for path in ("/alerts", "/alerts?tab=history", "/alerts/1", "/alerts?tab=silences&matchers=job%3D~%22.%2B%22"):
        text = page(fresh, path)
        assert "<img src=x" not in text
        assert 'href="javascript' not in text
        assert "&lt;img src=x" in text


def test_the_history_is_searched_and_told_by_severity(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    for number in range(60):
        one = alert("Slow", now_ms - (90 - number) * MINUTE_MS, severity="warning", instance=f"i{number}")
        write(fresh.service, one)
        write(fresh.service, ended(one, now_ms - (80 - number) * MINUTE_MS))
    write(fresh.service, alert("Down", now_ms - 30 * MINUTE_MS, severity="page"))
    text = page(fresh, "/alerts?tab=history")
    assert "Page 1 of 2" in text
    assert "page 1" in text
    assert "warning 60" in text
    assert "instance=i59" not in page(fresh, "/alerts?tab=history&q=instance%3Di7").replace(
        "<span>instance=</span>", "instance="
    )
    found = page(fresh, "/alerts?tab=history&q=DOWN+job%3Dshop")
    assert "Down is wrong" in found
    assert "Slow is wrong" not in found
    assert "No alert fits" in page(fresh, "/alerts?tab=history&q=nothing")
    assert "No alert fired in this range" in page(fresh, "/alerts?tab=history&from=now-90d&to=now-80d")
    assert "Slow is wrong" not in page(fresh, "/alerts?tab=history&severity=page")


def test_one_alert_says_how_often_it_fired(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    first = alert("Down", now_ms - 60 * MINUTE_MS, severity="page")
    write(fresh.service, first)
    write(fresh.service, ended(first, now_ms - 50 * MINUTE_MS))
    write(fresh.service, alert("Down", now_ms - 5 * MINUTE_MS, severity="page"))
    text = page(fresh, "/alerts/2")
    assert "2 times as far as the history goes" in text
    assert "it still fires" in text
    text = page(fresh, "/alerts/1")
    assert "10 min" in text
    assert fresh.visitor().get("/alerts/99").status_code == 404
    assert fresh.visitor().get("/alerts/x").status_code == 404


def test_one_alert_says_what_happened_around_it(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    stories = Stories(fresh.service.state, now_ms)
    if not fresh.service.state.systems():
        stories.watch("shop")
        stories.kept("shop")
    begun_ms = max(change.apply_started_at_ms or 0 for change in fresh.service.state.changes())
    write(fresh.service, alert("Down", begun_ms + 7 * MINUTE_MS, severity="page", service="a&b"))
    write(fresh.service, alert("Slow", begun_ms + 9 * MINUTE_MS, severity="ticket"))
    text = page(fresh, "/alerts/1")
    assert "7 min before it fired" in text
    assert text.index("Other alerts then") < text.index("Slow is wrong")
    assert f"/logs?from={begun_ms + 7 * MINUTE_MS - 3_600_000}&amp;to=" in text
    assert "service=a%26b" in text


def test_a_silence_is_made_looked_at_and_ended_without_script(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    write(fresh.service, alert("Down", now_ms - MINUTE_MS, severity="page"))
    client = fresh.visitor()
    shown = client.get("/alerts?tab=silences&matchers=alertname%3D%22Down%22").text
    assert "<b>1</b> alert fits now" in shown
    made = send(client, shown, "/alerts/silences", {"comment": "disk swap", "length": "1h"})
    assert made.headers["location"] == "/alerts?tab=silences&notice=silenced"
    text = client.get("/alerts?tab=silences&notice=silenced").text
    assert "The silence is made." in text
    assert "disk swap" in text
    firing = client.get("/alerts").text
    assert "<b>0</b> alerts fire" in firing
    assert "<b>1</b> kept quiet" in firing
    assert "disk swap" in firing
    assert send(client, text, "/alerts/silences/end").headers["location"] == "/alerts?tab=silences&notice=ended"
    assert "<b>1</b> alert fires" in client.get("/alerts").text
    again = send(client, text, "/alerts/silences/end")
    assert again.status_code == 404
    assert "There is no silence" in again.text


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"matchers": "alertname", "comment": "x"}, "Cannot read a matcher"),
        ({"matchers": 'job=~"("', "comment": "x"}, "is no regular expression"),
        ({"matchers": 'job=~".*"', "comment": "x"}, "At least one matcher has to choose something"),
        ({"matchers": 'job="a"', "comment": " "}, "Comment: say why"),
        ({"matchers": 'job="a"', "comment": "x", "length": "9y"}, "Choose how long"),
    ],
)
def test_what_is_wrong_with_a_silence_is_said_beside_what_was_typed(
    fresh: Site, typed: dict[str, str], why: str
) -> None:
    client = fresh.visitor()
    answer = send(client, client.get("/alerts?tab=silences").text, "/alerts/silences", typed)
    assert answer.status_code == 400
    assert why in answer.text
    assert forms_of(answer.text)["/alerts/silences"]["matchers"] == typed["matchers"]
    assert fresh.service.notify.silences_count() == 0


def test_the_api_says_the_same(fresh: Site) -> None:
    now_ms = fresh.service.now_ms()
    one = alert("Down", now_ms - 10 * MINUTE_MS, severity="page")
    write(fresh.service, one)
    client = fresh.visitor()
    [shown] = client.get("/api/trimtab/alerts").json()
    assert (shown["name"], shown["state"], shown["fingerprint"]) == ("Down", "firing", one.fingerprint)
    made = client.post(
        "/api/trimtab/silences",
        json={"matchers": 'alertname="Down"', "ends_at_ms": now_ms + 3_600_000, "comment": "why", "by": "anna"},
    ).json()["made"]
    assert [(row["place"], row["problem"]) for row in made] == [("trimtab", None)]
    assert client.get("/api/trimtab/alerts").json()[0]["silenced_by"] == [made[0]["id"]]
    listed = client.get("/api/trimtab/silences").json()["silences"]
    assert [(row["state"], row["silence"]["created_by"]) for row in listed] == [("active", "anna")]
    assert client.delete(f"/api/trimtab/silences/trimtab/{made[0]['id']}").json() == {"done": True}
    assert client.delete(f"/api/trimtab/silences/trimtab/{made[0]['id']}").status_code == 404
    write(fresh.service, ended(one, now_ms))
    history = client.get("/api/trimtab/alerts/history?search=down&from=now-1h")
    assert history.headers["x-total-count"] == "1"
    assert history.json()[0]["length_ms"] == 10 * MINUTE_MS
    number = history.json()[0]["id"]
    assert client.get(f"/api/trimtab/alerts/history/{number}").json()["times_count"] == 1
    told = client.get("/api/trimtab/alerts/delivery").json()
    assert (told["receivers"], told["firing_count"], told["not_evaluated"]) == ([], 0, None)
    assert client.get("/api/trimtab/alerts/groups").json() == {"groups": {}, "missing": {}}


def test_an_alert_is_triggered_and_ends(fresh: Site) -> None:
    client = fresh.visitor()
    body = {"name": "NightlyJob", "labels": {"severity": "warning"}, "annotations": {"summary": "it failed"}}
    client.post("/api/trimtab/alerts/trigger", json=body).raise_for_status()
    [source] = [one for one in fresh.service.notify.sources if one.origin == "triggered"]
    [active] = source.evaluate(fresh.service.now_ms()) or ()
    assert dict(active.labels) == {"alertname": "NightlyJob", "severity": "warning"}
    client.post("/api/trimtab/alerts/trigger", json={**body, "length_s": 0}).raise_for_status()
    assert source.evaluate(fresh.service.now_ms()) == ()
    wrong = client.post("/api/trimtab/alerts/trigger", json={"name": "x", "labels": {"a-b": "c"}})
    assert wrong.status_code == 400
    assert "'a-b' is no name" in wrong.json()["error"]["message"]
