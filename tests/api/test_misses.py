"""What does not fit is refused in one shape, with its name and what would: paths, methods, parameters, fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.served import Served, served
from trimtab.api.control import OPERATIONS
from trimtab.api.control.operation import route_path
from trimtab.model.access import Role

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("data")) as made:
        yield made


def asked(site: Served, method: str, path: str, **sent: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, error and headers of an answer, which must be an error of the one shape."""
    answer = site.visitor(Role.ADMIN).request(method, path, **sent)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"kind", "message", "facts"}
    return answer.status_code, body["error"], dict(answer.headers)


@pytest.mark.parametrize("path", ["/api/trimtab/nothing", "/api/nothing", "/api/trimtab/", "/v1/nothing"])
def test_a_path_that_is_not_there_says_where_the_list_is(site: Served, path: str) -> None:
    status, error, _ = asked(site, "GET", path)
    assert (status, error["message"]) == (404, f"there is no {path}: /api/trimtab/openapi.json lists what there is")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
def test_a_program_that_posts_to_a_path_that_is_not_there_is_told_that_alone(site: Served, kind: str) -> None:
    for path in ("/api/v1/nothing", "/api/v1/query/more"):
        answer = site.on_loopback().post(path, content=b"query=up", headers={"Content-Type": kind})
        assert answer.status_code == 404
        told = answer.json()
        assert (told["status"], told["errorType"]) == ("error", "not_found")
        assert f"there is no {path}" in told["error"]
    wrong = site.on_loopback().post("/api/v1/labels/nothing", content=b"a=b", headers={"Content-Type": kind})
    assert wrong.status_code == 404
    only_get = site.on_loopback().post("/api/v1/metadata", content=b"a=b", headers={"Content-Type": kind})
    assert (only_get.status_code, only_get.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/trimtab/policy", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "/api/trimtab/overview", "GET, HEAD"),
        ("PUT", "/api/trimtab/plans/shop/ab", "GET, HEAD, POST"),
        ("GET", "/v1/traces", "POST"),
    ],
)
def test_a_wrong_method_is_told_every_right_one(site: Served, method: str, path: str, allowed: str) -> None:
    status, error, headers = asked(site, method, path)
    assert (status, headers["allow"]) == (405, allowed)
    assert error["message"] == f"{path} does not take {method}: it takes {allowed}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_every_route_refuses_a_parameter_that_it_does_not_know(site: Served, operation: Any) -> None:
    path = route_path(operation.path).replace("{system:path}", "shop")
    for name, value in {"case_id": "1", "token_id": "1", "user": "nobody", "fingerprint": "ab"}.items():
        path = path.replace(f"{{{name}}}", value)
    status, error, _ = asked(site, operation.method, f"{path}?limt=5", json={})
    assert (status, error["facts"]["field"]) == (400, "limt")
    assert error["message"].startswith("unknown parameter 'limt'")


def test_a_parameter_counts_once(site: Served) -> None:
    status, error, _ = asked(site, "GET", "/api/trimtab/cases?limit=5&limit=6")
    assert (status, error["facts"]["field"]) == (400, "limit")
    assert asked(site, "GET", "/api/trimtab/ledger?limmit=5")[1]["message"] == (
        "unknown parameter 'limmit' (did you mean limit?)"
    )
    facts = asked(site, "GET", "/api/trimtab/cases?limit=0")[1]["facts"]
    assert (facts["limit"], facts["observed"]) == (1, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"frozen": True, "sytem": "x"}, "sytem"), ({"frozen": "yes"}, "frozen"), ({}, "frozen")],
)
def test_a_field_that_is_wrong_is_named(site: Served, body: dict[str, object], field: str) -> None:
    status, error, _ = asked(site, "POST", "/api/trimtab/freeze", json=body)
    assert (status, error["facts"]) == (400, {"field": field})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("queries?system=nobody", 404),
        ("shapes?system=nobody", 404),
        ("cases/999", 404),
        ("cases/0", 400),
        ("cases/x", 400),
        ("plans/nobody/ab", 404),
    ],
)
def test_what_is_not_there_is_404_and_what_cannot_be_is_400(site: Served, path: str, status: int) -> None:
    assert asked(site, "GET", f"/api/trimtab/{path}")[0] == status


def test_head_works_where_get_does(site: Served) -> None:
    client = site.visitor(Role.ADMIN)
    for path in ("/healthz", "/metrics", "/api/trimtab/openapi.json", "/api/trimtab/status", "/api/trimtab/cases"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
