"""A long answer arrives whole, with its length told before, whatever the sizes of its parts."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.long_body import PIECE_BYTES, LongBody, body_of


@pytest.mark.parametrize("sizes", [(1, PIECE_BYTES, 7), (3 * PIECE_BYTES + 1,), (1000,) * 2000, (PIECE_BYTES, 1)])
def test_it_arrives_whole(sizes: tuple[int, ...]) -> None:
    parts: list[bytes | memoryview] = [bytes([65 + number % 26]) * size for number, size in enumerate(sizes)]
    parts[0] = memoryview(parts[0])

    async def endpoint(_request: Request) -> Response:
        answer = body_of(parts, {"X-Told": "yes"})
        assert isinstance(answer, LongBody)
        return answer

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(Starlette(routes=[Route("/", endpoint)]))
        async with httpx2.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/")

    answer = anyio.run(ask)
    assert answer.content == b"".join(parts)
    assert answer.headers["content-length"] == str(sum(sizes))
    assert answer.headers["x-told"] == "yes"
