"""Many bodies to one receiver in little time: requests behind one another on several connections (HTTP/1.1 allows to
send the next before the answer; the server lets 16 wait), many calls at once over gRPC. Answers come in the order of
the bodies."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import BinaryIO
from urllib.parse import urlsplit

import grpc

from tests.cli.conftest import Server
from tests.cli.receivers import Gone, Receiver, Told, Wire, told_of_call, told_of_post

CONNECTIONS, ON_ONE = 16, 12
AT_ONCE = CONNECTIONS * ON_ONE
CALLS_AT_ONCE = 50
_TIMEOUT_S = 120


class ManyBodies:
    """To a server that `wire` is for, too."""

    def __init__(self, server: Server, wire: Wire) -> None:
        self._wire = wire
        address = urlsplit(server.url)
        self._host, self._where = address.netloc, (address.hostname or "", address.port or 80)

    def send(self, receiver: Receiver, bodies: Sequence[bytes]) -> list[Told]:
        """At most `AT_ONCE`. Raises Gone."""
        return self._calls(receiver.path, bodies) if receiver.is_grpc else self._posts(receiver, bodies)

    def _posts(self, receiver: Receiver, bodies: Sequence[bytes]) -> list[Told]:
        """Over new connections: one that is idle for some seconds is closed, and this machine may be busy."""
        shares = [bodies[start : start + ON_ONE] for start in range(0, len(bodies), ON_ONE)]
        with contextlib.ExitStack() as undo:
            opened = []
            for share in shares:
                one = undo.enter_context(socket.create_connection(self._where, timeout=_TIMEOUT_S))
                one.sendall(b"".join(self._request(receiver, body) for body in share))
                opened.append(undo.enter_context(one.makefile("rb")))
            return [self._answer(lines) for lines, share in zip(opened, shares, strict=True) for _ in share]

    def _request(self, receiver: Receiver, body: bytes) -> bytes:
        head = (
            f"POST {receiver.path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {receiver.content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _answer(self, lines: BinaryIO) -> Told:
        status = lines.readline()
        if not status:
            raise Gone("the connection was closed")
        length = 0
        while (line := lines.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return told_of_post(int(status.split(b" ")[1]), lines.read(length).decode(errors="replace"))

    def _calls(self, method: str, bodies: Sequence[bytes]) -> list[Told]:
        found: list[Told] = []
        for start in range(0, len(bodies), CALLS_AT_ONCE):
            call = self._wire.channel.unary_unary(method)
            calls = [call.future(body, timeout=_TIMEOUT_S) for body in bodies[start : start + CALLS_AT_ONCE]]
            for one in calls:
                try:
                    found.append(Told(200, repr(answer := one.result()), is_whole=not answer))
                except grpc.RpcError as error:
                    found.append(told_of_call(error))
        return found
