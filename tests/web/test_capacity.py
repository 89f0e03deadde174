"""Capacity of a real server: weeks of series in, dates with ranges out; what-ifs; the page, the API, what is kept."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.web.capacity_there import call, fill
from tests.web.site import Site
from trimtab.app.capacity.alerts import CapacityAlerts
from trimtab.app.capacity.now import CapacityNow
from trimtab.model.alerts import Active
from trimtab.model.capacity_settings import CapacityPolicy

pytestmark = pytest.mark.store
DAY_MS = 86_400_000
POLICY = CapacityPolicy(disks=("shop=db1 /data",))


@pytest.fixture(scope="module")
def looked(site: Site) -> Iterator[Site]:
    """A server that looked once."""
    now_ms = time.time_ns() // 1_000_000
    fill(site.service, now_ms)
    call(site.service, now_ms)
    capacity = site.service.capacity
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capacity, "_policy", lambda: POLICY)
        capacity.round(now_ms)
        yield site


def told(site: Site, path: str = "/capacity") -> dict[str, Any]:
    """What the API tells."""
    answer = site.visitor().get(f"/api/trimtab{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def row(site: Site, resource: str, query: str = "") -> dict[str, Any]:
    """One resource of host or system."""
    rows = [one for one in told(site, f"/capacity{query}")["rows"] if one["resource"] == resource]
    assert len(rows) == 1, rows
    found: dict[str, Any] = rows[0]
    return found


def days_until(ms: int) -> float:
    return (ms - time.time_ns() / 1e6) / DAY_MS


def test_a_disk_that_fills_has_its_date_in_a_narrow_range(looked: Site) -> None:
    disk = row(looked, "storage")
    assert (disk["name"], disk["labels"]["mountpoint"], disk["limit"]) == ("db1 /data", "/data", 0.95e12)
    assert disk["told"]["outcome"] == "dated"
    assert days_until(disk["told"]["earliest_ms"]) < 31.3 < days_until(disk["told"]["latest_ms"])
    assert 28 < days_until(disk["told"]["date_ms"]) < 35
    assert disk["growth_per_day"] == pytest.approx(8e9, rel=0.05)
    assert disk["page"] == "/infrastructure/hosts/node/db1"


def test_every_resource_with_a_limit_is_there_and_what_does_not_grow_has_no_date(looked: Site) -> None:
    rows = told(looked)["rows"]
    assert [one["resource"] for one in rows[:3]] == ["wraparound", "storage", "database"] or {
        one["resource"] for one in rows[:3]
    } == {"wraparound", "storage", "database"}
    ids = row(looked, "wraparound")
    assert days_until(ids["told"]["date_ms"]) == pytest.approx((2**31 - 3e6 - 1.5e9) / 20e6, abs=2)
    for resource in ("cpu", "connections"):
        # of chance, peaks of a few days grow at some hours: what may come is told then, but no date
        assert row(looked, resource)["told"]["outcome"] in ("no_trend", "possible", "never"), resource
        assert row(looked, resource)["told"]["date_ms"] is None
    database = row(looked, "database")
    assert database["limit"] == pytest.approx((0.9 * 0.70e12 + 0.30e12) * 0.95, rel=0.01)


def test_what_ifs_move_what_goes_with_the_load_and_nothing_else(looked: Site) -> None:
    more = row(looked, "storage", "?traffic=%2B100%25")
    assert more["told"]["date_ms"] == row(looked, "storage")["told"]["date_ms"]
    assert days_until(more["assumed"]["date_ms"]) == pytest.approx(15.6, abs=3)
    cpu = row(looked, "cpu", "?traffic=%2B60%25")
    assert "goes with the load (fitted" in cpu["relation"]
    assert cpu["assumed"]["outcome"] == "dated"
    assert days_until(cpu["assumed"]["earliest_ms"]) < 2
    assert row(looked, "cpu", "?nodes=-1&of=2")["assumed"]["outcome"] == "dated"
    assert row(looked, "connections", "?nodes=-1&of=2")["assumed"]["outcome"] == "no_trend"
    added = row(looked, "storage", "?added=200GB&on=/data")
    assert days_until(added["assumed"]["date_ms"]) < 12
    begin = (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).date().isoformat()
    later = row(looked, "storage", f"?added=200GB&on=/data&begin={begin}")
    assert 19 <= days_until(later["assumed"]["date_ms"]) <= 22


def test_an_address_typed_by_a_person_is_understood(looked: Site) -> None:
    page = looked.visitor().get("/capacity?traffic=+30%&nodes=-1&of=3")
    assert page.status_code == 200
    assert "+30% traffic, -1 node of 3" in page.text
    wrong = looked.visitor().get("/capacity?traffic=lots")
    assert wrong.status_code == 200
    assert "traffic is a change such as +30%" in wrong.text
    for bad in ("traffic=lots", "nodes=-3&of=2", "added=much", "begin=soon", "monthly=1e9", "unknown=1"):
        assert looked.visitor().get(f"/api/trimtab/capacity?{bad}").status_code == 400, bad


def test_one_series_has_its_futures_and_what_was_told_before(looked: Site) -> None:
    series = row(looked, "storage")["series"]
    answer = looked.visitor().get("/api/trimtab/capacity", params={"series": series}).json()["rows"][0]
    shares = [point["full_by"] for point in answer["points"]]
    assert shares == sorted(shares)
    assert all(point["low"] <= point["middle"] <= point["high"] for point in answer["points"])
    assert [one["outcome"] for one in answer["earlier"]] == ["dated"]
    assert looked.visitor().get("/api/trimtab/capacity?series=nothing").status_code == 404


def test_the_workload_is_forecast_by_shape(looked: Site) -> None:
    answer = told(looked, "/capacity/workload")
    (shop,) = answer["systems"]
    assert (shop["system"], shop["step_ms"], shop["templates"]) == ("shop", 3_600_000, 4)
    assert shop["growing"][0]["fingerprint"] == "growing"
    assert shop["busiest"][0]["fingerprint"] == "busy"
    by_name = {one["fingerprint"]: one for one in shop["busiest"]}
    assert by_name["busy"]["cluster"] == by_name["like-busy"]["cluster"] != by_name["nightly"]["cluster"]
    assert by_name["busy"]["calls_ahead"] / by_name["like-busy"]["calls_ahead"] == pytest.approx(10, rel=0.05)
    nightly = [spike for spike in shop["spikes"] if spike["cluster"] == by_name["nightly"]["cluster"]]
    assert [dt.datetime.fromtimestamp(spike["at_ms"] / 1000, dt.UTC).hour for spike in nightly] == [3]
    assert looked.visitor().get("/api/trimtab/capacity/workload?system=none").status_code == 404


def test_the_page_shows_dates_pictures_and_the_workload(looked: Site) -> None:
    page = looked.visitor().get("/capacity").text
    assert page.count('<svg class="capacity-picture"') >= 4
    assert "limit 885 GiB" in page
    assert "Workload of shop ahead" in page
    assert "Will grow most" in page
    part = looked.visitor().get("/capacity?fragment=results").text
    assert part.lstrip().startswith("<div id=")
    assert "<html" not in part


def test_what_is_near_is_an_alert_where_that_is_wanted(looked: Site) -> None:
    capacity = looked.service.capacity

    def alerts(days: float) -> list[Active]:
        policy = dataclasses.replace(POLICY, alert_days=days)
        source = CapacityAlerts(lambda: capacity.now, lambda: policy, "http://here/")
        return list(source.evaluate(looked.service.now_ms()) or ())

    assert alerts(0) == []
    assert alerts(10) == []
    just_begun = CapacityAlerts(CapacityNow, lambda: dataclasses.replace(POLICY, alert_days=60), "http://here/")
    assert just_begun.evaluate(looked.service.now_ms()) is None  # what is known goes on, and does not end by a restart
    near = {dict(one.labels)["resource"]: one for one in alerts(60)}
    assert {"storage", "wraparound", "database"} <= set(near)
    assert "connections" not in near
    assert 28 < near["storage"].value < 35
    said = dict(near["storage"].annotations)["summary"]
    assert said.startswith("File system db1 /data will be full about 20")
    assert "80% sure" in said
    assert dict(near["storage"].labels)["mountpoint"] == "/data"


def test_a_young_server_looks_again_soon_and_a_known_one_by_the_hour(
    looked: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    capacity = looked.service.capacity
    assert capacity.pause_s == 3_600
    monkeypatch.setattr(capacity, "_now", CapacityNow())
    assert capacity.pause_s == 300
    empty = looked.visitor().get("/capacity").text
    assert "Dates are being looked for" in empty


def test_a_second_round_of_the_day_keeps_one_row_and_a_policy_can_leave_out(looked: Site) -> None:
    capacity = looked.service.capacity
    series = row(looked, "storage")["series"]
    now_ms = capacity.now.at_ms
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capacity, "_policy", lambda: dataclasses.replace(POLICY, series_max=1, templates=0))
        narrow = capacity.round(now_ms)
    assert (len(narrow.watched), narrow.workloads) == (1, ())
    assert narrow.left_out >= 1
    capacity.round(now_ms)
    assert len(capacity.state.of(series)) == 1
    assert np.isfinite(capacity.state.of(series)[0].reading)
    capacity.state.forget(now_ms + 2 * DAY_MS)
    assert capacity.state.of(series) == []
