"""The pages of anomalies, and what the API tells: a series that leaves its level is there with what was expected."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from tests.api.serving import running
from tests.web.anomalies_there import shop, write
from tests.web.forms import send
from tests.web.site import Site
from trimtab.app.detecting.alerts import AnomalyAlerts
from trimtab.app.detecting.answers import episode_row
from trimtab.app.detecting.keeper import AnomaliesNow
from trimtab.app.reading.ranges import Range
from trimtab.cli import anomalies_output
from trimtab.model.alerts import Active
from trimtab.model.anomalies import SpokenTest
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.model.errors import StoreError
from trimtab.web.pages.analysis.lanes import lane_of

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def looked(site: Site) -> Site:
    """A server that took series by remote write, and looked at them once."""
    now_ms = time.time_ns() // 1_000_000
    with running(site.app) as url:
        write(url, shop(), now_ms)
    site.service.anomalies.tick(site.service.now_ms())
    return site


def found(site: Site, query: str = "") -> dict[str, Any]:
    """What the API tells."""
    answer = site.visitor().get(f"/api/trimtab/anomalies{query}")
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def episodes(site: Site, query: str = "") -> list[dict[str, Any]]:
    """The rows of it."""
    rows: list[dict[str, Any]] = found(site, query)["episodes"]
    return rows


def alerts(site: Site, policy: AnomaliesPolicy) -> list[Active]:
    """What is alerted on under such settings."""
    source = AnomalyAlerts(lambda: site.service.anomalies.now, lambda: policy, "http://here/")
    return list(source.evaluate(site.service.now_ms()) or ())


def test_the_api_has_the_episodes_with_what_was_expected_and_a_way_to_the_samples(looked: Site) -> None:
    rows = episodes(looked)
    assert {row["labels"]["instance"] for row in rows} == {"host-b:9100"}
    names = {row["labels"]["__name__"]: row for row in rows}
    assert {"shop_queue_length", "disk_written_bytes_total"} <= set(names)
    queue = names["shop_queue_length"]
    assert queue["low"] < queue["expected"] < queue["high"] < queue["observed"]
    assert str(queue["samples"]).startswith("/explore?q=shop_queue_length")
    assert names["disk_written_bytes_total"]["query"] == (
        'rate(disk_written_bytes_total{device="nvme0n1",instance="host-b:9100",job="node"}[60s])'
    )
    one = looked.visitor().get(f"/api/trimtab/anomalies/{queue['id']}")
    assert one.json()["series_key"] == queue["series_key"]


def test_the_api_filters_sorts_and_cuts_into_pages(looked: Site) -> None:
    assert episodes(looked, "?search=queue%20host-b")[0]["labels"]["__name__"] == "shop_queue_length"
    assert episodes(looked, "?search=host-a") == []
    assert episodes(looked, "?source=query") == []
    assert episodes(looked, "?from=now-3h&to=now-2h") == []
    assert found(looked, "?limit=1&sort=score")["total"] == len(episodes(looked))
    scores = [row["score"] for row in episodes(looked, "?sort=score")]
    assert scores == sorted(scores, reverse=True)
    for wrong in ("?score_min=2", "?source=weather", "?test=none", "?open=yes", "?sort=worst", "?from=never"):
        assert looked.visitor().get(f"/api/trimtab/anomalies{wrong}").status_code == 400, wrong
    assert looked.visitor().get("/api/trimtab/anomalies/99999").status_code == 404
    assert looked.visitor().get("/api/trimtab/anomalies/shop").status_code == 404


def test_the_page_draws_a_lane_for_each_with_its_band(looked: Site) -> None:
    page = looked.visitor().get("/anomalies")
    assert page.status_code == 200
    assert page.text.count('<li class="lane"') == len(episodes(looked))
    assert 'class="lane-line"' in page.text
    assert 'class="lane-band"' in page.text
    assert "9 series and 0 measures of queries are looked at" in page.text
    lanes = re.findall(r'lane-said">.*?</span>', page.text, re.S)
    written = next(lane for lane in lanes if "iB/s" in lane)
    assert re.search(r"<small>\([\d.]+ MiB/s to [\d.]+ MiB/s\)", written), written  # in the unit of what was seen
    none = looked.visitor().get("/anomalies?q=nothing-like-it&fragment=results")
    assert "No episode fits" in none.text
    assert "<html" not in none.text
    assert looked.visitor().get("/anomalies?test=guess").status_code == 400


def test_one_episode_has_its_chart_with_the_band_and_what_began_with_it(looked: Site) -> None:
    rows = episodes(looked)
    page = looked.visitor().get(f"/anomalies/{rows[0]['id']}")
    assert page.status_code == 200
    assert "named/expected at most/vector(" in page.text.replace("\\u002f", "/")
    assert page.text.count('<li class="lane"') == len(rows) - 1
    assert looked.visitor().get("/anomalies/99999").status_code == 404


def test_a_value_within_its_band_is_not_said_to_be_on_another_level(
    looked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = looked.service.anomalies.state
    one = state.episode(episodes(looked)[0]["id"])
    within = replace(one, test=SpokenTest.SHIFT, observed=one.expected or 0.0)
    monkeypatch.setattr(state, "episode", lambda _number: within)
    page = looked.visitor().get(f"/anomalies/{one.id}").text
    assert "The last values together (mean of 48) are on another level; this one alone is within its band." in page
    lane = lane_of(episode_row(within), Range(0, 60_000), [], 60_000)
    assert lane.seen.endswith("this one alone is within its band")
    lists = looked.visitor().get("/anomalies").text
    assert "Far from" in lists or "Outside of" in lists or "On another level" in lists


def test_an_alert_is_made_of_a_group_not_of_each_series_and_only_where_settings_say_so(looked: Site) -> None:
    [one] = alerts(looked, AnomaliesPolicy())
    assert alerts(looked, AnomaliesPolicy(alert_score_min=1)) == []
    assert alerts(looked, AnomaliesPolicy(alert_score_min=0, alerts=False)) == []
    labels = dict(one.labels)
    assert (labels["alertname"], labels["severity"], labels["instance"]) == ("Anomaly", "ticket", "host-b:9100")
    assert "is not as expected" in dict(one.annotations)["summary"]
    assert one.generator_url.startswith("http://here/anomalies/")
    assert one.for_ms == 300_000


def test_a_server_that_just_began_ends_no_alert_before_somebody_looked() -> None:
    def begun(now: AnomaliesNow) -> AnomalyAlerts:
        return AnomalyAlerts(lambda: now, AnomaliesPolicy, "http://here/")

    assert begun(AnomaliesNow()).evaluate(1_000_000) is None
    with pytest.raises(StoreError, match="nobody looked for anomalies since the start: disk full"):
        begun(AnomaliesNow(problem="disk full")).evaluate(1_000_000)


def test_an_operator_says_that_it_is_normal_and_takes_it_back_and_both_are_audited(looked: Site) -> None:
    row = episodes(looked, "?open=true")[0]
    answer = looked.visitor().post(
        f"/api/trimtab/anomalies/{row['id']}/normal", json={"reason": "the batch", "hours": 24, "every_test": True}
    )
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["series_key"], said["test"], said["reason"]) == (row["series_key"], None, "the batch")
    assert row["id"] not in {one["id"] for one in episodes(looked, "?open=true")}
    page = looked.visitor().get("/anomalies")
    assert "Said to be normal" in page.text
    assert "the batch" in page.text
    done = looked.visitor().request("DELETE", f"/api/trimtab/anomalies/normal/{said['id']}")
    assert done.status_code == 200
    assert "Said to be normal" not in looked.visitor().get("/anomalies").text
    actions = [(entry.action, entry.outcome.value) for entry in looked.service.access.audit_entries(10)]
    assert {("anomaly normal", "done"), ("anomaly not normal", "done")} <= set(actions)


def test_a_form_without_a_reason_comes_back_and_one_with_a_reason_is_kept(looked: Site) -> None:
    row = episodes(looked)[-1]
    path = f"/anomalies/{row['id']}"
    visitor = looked.visitor()
    answer = send(visitor, visitor.get(path).text, f"{path}/normal", {"reason": ""})
    assert answer.status_code == 400
    assert "say why this is normal" in answer.text
    answer = send(visitor, visitor.get(path).text, f"{path}/normal", {"reason": "a test", "hours": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?notice=normal")
    page = visitor.get(path).text
    assert "a test" in page
    assert "for good" in page
    [said] = found(looked)["normal"]
    answer = send(visitor, visitor.get(path).text, f"/anomalies/normal/{said['id']}/take-back", {})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?notice=taken-back")
    assert found(looked)["normal"] == []


def test_the_command_line_lists_and_shows_what_the_api_tells(looked: Site) -> None:
    answer = found(looked, "?sort=name")

    def written(draw: Callable[[Console, Any], None], told: Any) -> str:
        console = Console(file=io.StringIO(), width=300, highlight=False)
        draw(console, told)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    listed = written(anomalies_output.episodes, answer)
    for row in answer["episodes"]:
        assert row["title"] in listed
        assert row["said"] in listed
    assert "Looked at: 9 series and 0 measures of query shapes" in listed
    shown = written(anomalies_output.episode, answer["episodes"][0])
    assert f"query: {answer['episodes'][0]['query']}" in shown
    nothing = written(anomalies_output.episodes, {**answer, "total": 0, "episodes": []})
    assert "No anomaly in this range." in nothing
    normal = {"id": 3, "test": None, "series": "up", "until_ms": None}
    assert written(anomalies_output.said, normal) == "3: whatever is found in up is normal for good.\n"
