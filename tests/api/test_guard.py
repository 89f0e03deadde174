"""Other sites and other names are refused, whatever the route."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from trimtab.api.guard import LoopbackGuard


async def _touched(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("touched")


CLIENT = TestClient(LoopbackGuard(Starlette(routes=[Route("/x", _touched, methods=["GET", "POST"])])))


@pytest.mark.parametrize("host", ["127.0.0.1:9321", "localhost:9321", "LOCALHOST", "[::1]:9321"])
def test_this_machine_is_answered(host: str) -> None:
    assert CLIENT.get("/x", headers={"Host": host}).text == "touched"
    assert CLIENT.post("/x", headers={"Host": host, "Origin": f"http://{host}"}).text == "touched"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example:9321"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Host": "127.0.0.1:9321", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:9321", "Origin": "null"},
        {"Host": "127.0.0.1:9321", "Origin": "http://127.0.0.1:8000"},
    ],
    ids=str,
)
def test_everybody_else_is_refused(headers: dict[str, str]) -> None:
    answer = CLIENT.post("/x", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["kind"] == "Forbidden"
