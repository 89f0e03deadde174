"""/metrics, /self and plans over HTTP; requests are measured by route, never by path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from tests.api.served import BASE_URL, CSRF, Served, served
from trimtab.api.own import NO_ROUTE, Observed
from trimtab.app.own.catalogue import BY_NAME
from trimtab.model.access import Role
from trimtab.model.system import System

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as made:
        made.service.own.metrics.open()
        yield made


ONLY_WHERE_THERE_IS = (
    *("watch", "log_lines", "notification", "alertmanager", "trimtab_rule", "objectives", "forward", "trimtab_cloud"),
    *("collector_failures", "source_failures", "analysis_round_"),
)
"""Numbers of what is not there on this server: systems, lines, receivers, Alertmanagers, rules and objectives
that are evaluated, other stores, accounts of clouds, collectors that fail, a round of an analysis that ended."""


def families(text: str) -> set[str]:
    return {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}


def test_metrics_are_for_those_who_may_look(site: Served) -> None:
    answers = {role: site.visitor(role).get("/metrics").status_code for role in (None, *Role)}
    assert answers == {None: 401, Role.VIEWER: 200, Role.OPERATOR: 200, Role.ADMIN: 200, Role.INGEST: 403}
    answer = site.visitor(Role.VIEWER).get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = families(answer.text)
    assert told <= set(BY_NAME)
    missing = {name for name in BY_NAME if name not in told and not any(word in name for word in ONLY_WHERE_THERE_IS)}
    assert missing == set(), "declared, and told by nobody"


def test_requests_are_measured_by_their_route(site: Served) -> None:
    client = TestClient(Observed(site.app, site.service.own), BASE_URL, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {site.tokens[Role.VIEWER]}"
    for number in range(3):
        assert client.get(f"/api/trimtab/cases/{900 + number}").status_code == 404
        assert client.get(f"/nothing/{number}").status_code == 404
    assert client.request("BREW", "/healthz").status_code in (400, 404, 405)
    text = site.visitor(Role.VIEWER).get("/metrics").text

    def count(method: str, route: str, status: str) -> str:
        labels = f'{{method="{method}",route="{route}",status="{status}"}}'
        return f"trimtab_http_request_seconds_count{labels}"

    assert f"{count('GET', '/api/trimtab/cases/{case_id}', '4xx')} 3.0" in text
    assert f"{count('GET', NO_ROUTE, '4xx')} 3.0" in text
    assert count("other", NO_ROUTE, "4xx") in text
    assert "/nothing/1" not in text


def test_streams_are_not_measured_and_errors_are(site: Served) -> None:
    async def answers(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/breaks":
            raise ValueError("card 4711")
        start: Message = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"Content-Type", b"text/event-stream; charset=utf-8")],
        }
        await send(start)
        await send({"type": "http.response.body", "body": b"data: 1\n\n"})

    own = site.service.own
    before = sum(n.value for n in own.metrics.now() if n.name == "trimtab_http_request_seconds_count")
    client = TestClient(Observed(answers, own), BASE_URL, raise_server_exceptions=False)
    assert client.get("/stream").text == "data: 1\n\n"
    after = sum(n.value for n in own.metrics.now() if n.name == "trimtab_http_request_seconds_count")
    assert after == before
    assert client.get("/breaks").status_code == 500
    last = [n for n in own.metrics.now() if n.labels.get("status") == "none"]
    assert [n.value for n in last if n.name.endswith("_count")] == [1.0]


def test_self_and_plans_are_answers_of_the_api(site: Served) -> None:
    visitor = site.visitor(Role.VIEWER)
    told = visitor.get("/api/trimtab/self").json()
    assert {"numbers", "log_lines", "spans", "problem"} == set(told)
    assert {number["name"] for number in told["numbers"]} <= set(BY_NAME)
    site.service.state.add_system(System("a/b", "service=shop", None, 1))
    assert visitor.get("/api/trimtab/plans/a/b/0123456789abcdef").json() == []
    assert visitor.get("/api/trimtab/plans/nobody/0123456789abcdef").status_code == 404
    assert visitor.post("/api/trimtab/plans/a/b/0123456789abcdef", json={}).status_code == 403
    asked = site.visitor(Role.OPERATOR).post("/api/trimtab/plans/a/b/0123456789abcdef", json={})
    assert (asked.status_code, asked.json()["error"]["kind"]) == (404, "NotFound")
    assert ("token:operator", "plan now", "failed") in site.audited()


def test_a_page_asks_for_a_plan_with_its_proof(site: Served) -> None:
    client, proof = site.logged_in(Role.OPERATOR)
    path = "/api/trimtab/plans/a/b/0123456789abcdef"
    assert client.post(path, json={}).status_code == 403
    assert client.post(path, json={}, headers={CSRF: proof}).status_code == 404
