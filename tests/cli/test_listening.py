"""The socket that the server listens on."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import start_server
from trimtab.app.server_settings import listen_problem
from trimtab.cli.listening import bind, check_allowed_host, parse_listen
from trimtab.model.errors import InputError, MissingError


def test_answers_do_not_wait_for_the_client_to_acknowledge_their_beginning() -> None:
    async def nodelay() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            await writer.wait_closed()

        listener = bind("127.0.0.1", 0)
        async with await asyncio.start_server(meet, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            answer = await found
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(nodelay()) == 1


def test_an_address_of_ipv6_is_told_in_brackets() -> None:
    with bind("::1", 0) as taken:
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(MissingError, match=rf"could not listen on \[::1\]:{port}: "):
            bind("::1", port)


@pytest.mark.parametrize("listen", ["::1:9321", "[::1:9321", "::1]:9321", "[localhost]:1", "[]:1", "[[::1]]:1"])
def test_an_address_of_ipv6_is_taken_in_brackets_alone(listen: str) -> None:
    with pytest.raises(InputError, match="--listen"):
        parse_listen(listen)
    assert listen_problem(listen) is not None


def test_one_address_has_one_spelling() -> None:
    assert check_allowed_host("[FD00:0:0::1]") == check_allowed_host("fd00::1") == "fd00::1"


@pytest.mark.store
@pytest.mark.slow
def test_a_server_on_ipv6_alone_is_found_and_answers(tmp_path: Path) -> None:
    server = start_server(tmp_path / "data", "", "--listen", "[::1]:0", "--allowed-host", "[fd00::7]")
    try:
        assert server.url.startswith("http://[::1]:")
        assert server.json("status")["url"] == server.url
        port = server.url.rpartition(":")[2]
        for host, expected in {f"[::1]:{port}": 200, f"[fd00::7]:{port}": 200, f"[fd00::8]:{port}": 403}.items():
            answer = httpx2.get(f"{server.url}/healthz", headers={"Host": host})
            assert answer.status_code == expected, host
        page = httpx2.get(f"{server.url}/", headers={"Origin": server.url, "Sec-Fetch-Site": "same-origin"})
        assert page.status_code == 200
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0
