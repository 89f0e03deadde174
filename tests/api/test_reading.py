"""Reading over HTTP on a small day: answers fit their schemas to the last field; filters, pages, refusals by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from benchmarks.day_of_data import Day, fill_day
from tests.api.served import Served, served
from tests.empty_store import make_tables
from trimtab.app.reading.keys import KEY_CHARS_MAX
from trimtab.model.access import Role

pytestmark = pytest.mark.store
API = "/api/trimtab"

RANGED = ("/overview", "/shapes", "/series")
"""What is of a range of time."""


class Site:
    """A server on the day, and its document."""

    def __init__(self, day: Day, made: Served) -> None:
        self.day = day
        self.made = made
        self.client: TestClient = made.visitor(Role.VIEWER)
        self.document: Any = self.client.get(f"{API}/openapi.json").json()

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a path, checked against what the document says of it."""
        ranged = path.startswith(RANGED) and "?" not in path and not path.endswith("/plans")
        window = {"from": str(self.day.start_ms), "to": str(self.day.end_ms)} if ranged else {}
        answer = self.client.get(f"{API}{path}", params={**window, **parameters} or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def check(self, template: str, value: Any) -> None:
        """The value fits the schema of a path, and has no field that the schema does not name."""
        content = self.document["paths"][f"{API}{template}"]["get"]["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": self.document["components"]}
        jsonschema_rs.Draft202012Validator(closed(schema)).validate(value)


def closed(schema: Any) -> Any:
    """The schema with every object closed: a field that is not declared is an error."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(value) for name, value in schema.items()}
    if made.get("type") == "object" and "properties" in made:
        made.setdefault("additionalProperties", False)
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("day") / "data"
    day = fill_day(
        make_tables(data_dir), hours=1, slice_ms=5000, shapes_count=120, hot_count=15, spans_per_s=2, history_count=8
    )
    with served(data_dir) as made:
        yield Site(day, made)


def test_every_answer_fits_its_schema(site: Site) -> None:
    shape = site.day.hot[0].shape
    where = f"/shapes/{site.day.system}/{shape.fingerprint}"
    site.check("/overview", overview := site.get("/overview"))
    assert [system["name"] for system in overview["systems"]] == ["shop"]
    assert overview["findings"]
    site.check("/shapes", shapes := site.get("/shapes"))
    assert shapes["total"] > 15
    assert shapes["rows"][0]["load_ms_per_s"] > 0
    site.check("/shapes/{system}/{fingerprint}", story := site.get(where))
    assert story["shape"] == shape.text
    assert story["totals"]["calls"] > 0
    site.check("/shapes/{system}/{fingerprint}/executions", executions := site.get(f"{where}/executions"))
    assert len(executions) == 100
    keys = [f"shape/shop/{shape.fingerprint}/{measure}" for measure in ("mean_ms", "p95_ms")]
    site.check("/series", series := site.get("/series", key=[*keys, "system/shop/waits"], points=100))
    assert len(series["series"]) > 3
    site.check("/changes", changes := site.get("/changes"))
    assert changes["total"] == len(changes["rows"]) > 3
    site.check("/cases", cases := site.get("/cases"))
    assert len(cases) == 18
    for case in cases:
        site.check("/cases/{case_id}", site.get(f"/cases/{case['id']}"))
        site.check("/cases/{case_id}/story", site.get(f"/cases/{case['id']}/story"))
    site.check("/ledger", ledger := site.get("/ledger", limit=7))
    assert [entry["seq"] for entry in ledger] == list(range(ledger[0]["seq"], ledger[0]["seq"] - 7, -1))
    older = site.get("/ledger", limit=3, before_seq=ledger[-1]["seq"])
    assert [entry["seq"] for entry in older] == [ledger[-1]["seq"] - step for step in (1, 2, 3)]


def test_cases_are_filtered_counted_and_as_they_were(site: Site) -> None:
    answer = site.client.get(f"{API}/cases", params={"state": ["kept", "rolled_back"], "limit": 1})
    assert len(answer.json()) == 1
    total = int(answer.headers["X-Total-Count"])
    assert total == sum(case["verdict"] in ("kept", "rolled_back") for case in site.get("/cases")) > 1
    assert {"id", "finding", "change", "proposals", "verdict"} <= set(answer.json()[0])
    pages = [site.get("/cases", limit=5, offset=first) for first in range(0, 20, 5)]
    assert [case for page in pages for case in page] == site.get("/cases")
    assert site.get("/cases", search="proven slower")
    assert site.get("/cases", system="elsewhere") == []


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/shapes?from=yesterday", "from"),
        ("/shapes?from=", "from"),
        ("/shapes?to=now-2h", "from"),
        ("/overview?from=now-91d", "from"),
        ("/shapes?sort=weight", "sort"),
        ("/shapes?descending=perhaps", "descending"),
        ("/shapes?limit=0", "limit"),
        ("/shapes?limit=1001", "limit"),
        ("/shapes?offset=-1", "offset"),
        ("/shapes?search=" + "x" * 201, "search"),
        ("/series", "key"),
        ("/series?key=weather", "key"),
        ("/series?key=system/shop/waits&points=9", "points"),
        ("/series?key=system/shop/waits&points=10001", "points"),
        ("/series?" + "&".join(f"key=server/shop/n{i}" for i in range(25)), "key"),
        ("/series?key=system/" + "x" * KEY_CHARS_MAX + "/waits", "key"),
        ("/cases?state=lost", "state"),
        ("/ledger?before_seq=0", "before_seq"),
        ("/shapes/shop/x/executions?order=best", "order"),
    ],
)
def test_what_is_refused_is_named(site: Site, path: str, field: str) -> None:
    answer = site.client.get(f"{API}{path}")
    assert answer.status_code == 400
    assert answer.json()["error"]["facts"]["field"] == field
    assert len(answer.text) < 1000


def test_what_is_not_there(site: Site) -> None:
    for path in ("/shapes/shop/none", "/shapes/elsewhere/none", "/shapes?system=elsewhere", "/cases/999999/story"):
        assert site.client.get(f"{API}{path}").status_code == 404
    assert site.client.get(f"{API}/shapes/elsewhere/none/executions").status_code == 404


def test_names_with_slashes_are_names(site: Site) -> None:
    """Systems are named after their address where nobody names them."""
    name = "127.0.0.1:5432/shop é"
    answer = site.client.get(f"{API}/shapes/{quote(name, safe='')}/none")
    assert answer.status_code == 404
    assert answer.json()["error"]["facts"] == {"system": name, "fingerprint": "none"}


def test_a_rollback_is_asked_for_by_those_who_decide(site: Site) -> None:
    [watched] = [case for case in site.get("/cases") if case["change"] and case["change"]["state"] == "watching"]
    path = f"{API}/cases/{watched['id']}/rollback"
    assert site.client.post(path, json={"reason": "no"}).status_code == 403
    decides = site.made.visitor(Role.OPERATOR)
    done = decides.post(path, json={"reason": "it hurts"})
    assert done.status_code == 200, done.text
    entry = done.json()["ledger"][-1]
    assert (entry["event"], entry["actor"], entry["detail"]["final"]) == (
        "rollback_intended",
        "token:operator",
        "rolled_back",
    )
    assert re.fullmatch("rolled back by token:operator: it hurts", entry["detail"]["reason"])
    story = site.get(f"/cases/{watched['id']}/story")
    assert story["undo"]["state"] == "running"
    kept = next(case for case in site.get("/cases") if case["verdict"] == "kept")
    refused = decides.post(f"{API}/cases/{kept['id']}/rollback", json={})
    assert refused.status_code == 409
