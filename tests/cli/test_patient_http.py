"""What the server's HTTP does beyond uvicorn's: it neither waits for ever nor takes for headers what are none."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from trimtab.cli import patient_http

PATIENCE_S = 0.4


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the names of the headers and the size of the body; to /early before the body has come."""
    size = 0
    more = scope["path"] != "/early"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    names = sorted(name for name, _ in scope["headers"])
    text = b"%s %d %s" % (scope["path"].encode(), size, b",".join(names))
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(
        application, port=0, http=patient_http.PatientHttp, ws="none", lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    patience_s, patient_http.HEADERS_S = patient_http.HEADERS_S, PATIENCE_S
    thread.start()
    try:
        give_up_at = time.monotonic() + 10
        while not server.started and time.monotonic() < give_up_at:
            time.sleep(0.01)
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        patient_http.HEADERS_S = patience_s


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        yield connection


def answer(client: socket.socket, end: bytes) -> bytes:
    """What comes until that."""
    found = b""
    while end not in found:
        piece = client.recv(65536)
        if not piece:
            break
        found += piece
    return found


def closes_after_s(client: socket.socket) -> float:
    began_s = time.monotonic()
    while client.recv(65536):
        pass
    return time.monotonic() - began_s


def drip(client: socket.socket) -> None:
    """A byte now and then, for five seconds."""
    for _ in range(250):
        client.sendall(b"x")
        time.sleep(0.02)


def post(path: str, more: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n\r\n".encode()


def test_bodies_of_both_kinds_arrive_whatever_the_pieces(client: socket.socket) -> None:
    for body in (b"", b"x" * 10, b"x" * 300_000):
        client.sendall(post("/a", f"Content-Length: {len(body)}") + body)
        assert b"/a %d content-length,host" % len(body) in answer(client, b"host")
    client.sendall(post("/b", "Transfer-Encoding: chunked"))
    for _ in range(5):
        client.sendall(b"3\r\nabc\r\n")
    client.sendall(b"0\r\n\r\n")
    assert b"/b 15 host,transfer-encoding" in answer(client, b"encoding")


def test_headers_behind_a_body_are_nobodys(client: socket.socket) -> None:
    client.sendall(post("/a", "Transfer-Encoding: chunked"))
    client.sendall(b"3\r\nabc\r\n0\r\nX-Trimtab-Actor: root\r\nAuthorization: Bearer x\r\n\r\n")
    assert answer(client, b"encoding").endswith(b"/a 3 host,transfer-encoding")


def test_requests_that_come_together_are_answered_in_their_order(client: socket.socket) -> None:
    client.sendall(b"".join(post(f"/{number}", "Content-Length: 1") + b"x" for number in range(10)))
    found = answer(client, b"/9 1 content-length,host")
    assert [found.index(b"/%d 1" % number) for number in range(10)] == sorted(
        found.index(b"/%d 1" % number) for number in range(10)
    )


def test_more_of_them_than_may_wait_are_refused(client: socket.socket) -> None:
    client.sendall(post("/a", "Content-Length: 0") * (patient_http.WAITING_MAX + 2))
    assert answer(client, b"\r\n").startswith(b"HTTP/1.1 400 ")
    assert closes_after_s(client) < 2


@pytest.mark.parametrize("begun", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\nX", b"\r\n"])
def test_a_head_that_does_not_end_ends_the_connection(client: socket.socket, begun: bytes) -> None:
    client.sendall(begun)
    assert PATIENCE_S / 2 < closes_after_s(client) < PATIENCE_S + 2


@pytest.mark.parametrize("begun", [b"GET", b"\r\n"])
def test_the_second_head_has_no_more_time_than_the_first(client: socket.socket, begun: bytes) -> None:
    client.sendall(post("/a", "Content-Length: 0"))
    answer(client, b"host")
    client.sendall(begun)
    assert PATIENCE_S / 2 < closes_after_s(client) < PATIENCE_S + 2


def test_a_body_that_drips_after_its_answer_ends_the_connection(client: socket.socket) -> None:
    client.sendall(post("/early", "Content-Length: 1000000") + b"x")
    answer(client, b"host")
    began_s = time.monotonic()
    with pytest.raises(ConnectionError):
        drip(client)
    assert time.monotonic() - began_s < PATIENCE_S + 2


def test_a_head_beyond_the_limit_is_refused_in_one_piece_or_many(port: int) -> None:
    for piece in (1_000, 50_000, 200_000):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
            try:
                for _ in range(200_000 // piece):
                    client.sendall(b"x" * piece)
                client.sendall(b"\r\n\r\n")
                told = answer(client, b"\r\n")
            except ConnectionError:
                told = b"HTTP/1.1 400 (and closed before it was read)"
            assert told.startswith(b"HTTP/1.1 400 ")
