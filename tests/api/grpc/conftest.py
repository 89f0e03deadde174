"""A server with methods that are quick to ask: an echo, one that waits, one that breaks."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from trimtab.api.bodies import BodyTimes
from trimtab.api.grpc.call import Method
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.server import GrpcServer
from trimtab.model.errors import InputError, LoginNeeded, NotAllowed, SpoolFull
from trimtab.observe.room import Room

BODY_BYTES_MAX = 2_000_000
ROOM_BYTES = 6_000_000
ECHO, SLOW, BROKEN, FULL, LONG = "/t/Echo", "/t/Slow", "/t/Broken", "/t/Full", "/t/Long"


class Served:
    """A running server. `Slow` begins (`began` is released for each) and waits for `go_on`."""

    def __init__(self, limits: Limits, door: Callable[[list[str]], str] | None = None) -> None:
        self.room = Room(ROOM_BYTES)
        self.refused: Counter[str] = Counter()
        self.began = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.slow_count = 0
        self._door = door
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        exports = {
            ECHO: lambda body, sender: bytes(body[:20]) + f" {len(body)} {sender}".encode(),
            SLOW: self._slow,
            BROKEN: self._broken,
            FULL: self._full,
            LONG: lambda _body, _sender: b"x" * 200_000,
        }
        self.server = GrpcServer(
            {
                path: Method(self.room, BODY_BYTES_MAX, export, lambda reason: self.refused.update([reason]))
                for path, export in exports.items()
            },
            self,
            listener,
            None,
            limits,
        )
        self.server.start()
        self.port = self.server.port

    def _slow(self, body: bytearray, sender: str) -> bytes:
        self.slow_count += 1
        self.began.release()
        assert self.go_on.wait(30)
        return b"slow"

    def _broken(self, body: bytearray, sender: str) -> bytes:
        if body == b"input":
            raise InputError("byte 3 is wrong – 100 %\n")
        raise ZeroDivisionError

    def _full(self, body: bytearray, sender: str) -> bytes:
        raise SpoolFull("the spool is full")

    def asks_nobody(self, authorization: list[str]) -> bool:
        """As a door."""
        return self._door is None

    def sender(self, authorization: list[str], address: str) -> str:
        """As a door."""
        assert address == "127.0.0.1"
        return "anyone" if self._door is None else self._door(authorization)


def one_token(authorization: list[str]) -> str:
    """A door that knows one."""
    if authorization == ["Bearer viewer"]:
        raise NotAllowed("viewer may not")
    if authorization != ["Bearer right"]:
        raise LoginNeeded("the token is unknown")
    return "agent"


@contextmanager
def serving(limits: Limits | None = None, door: Callable[[list[str]], str] | None = None) -> Iterator[Served]:
    """A server for one test."""
    served = Served(limits or Limits(), door)
    try:
        yield served
    finally:
        served.go_on.set()
        served.server.stop(5)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One for a module's tests, with the limits of real life."""
    with serving() as found:
        yield found


IMPATIENT = Limits(preface_s=1.5, body=BodyTimes(1.0, 2.0), answer_s=1.0, linger_s=0.5, tick_s=0.05)
"""Short, and yet long enough for a sender that means it on a machine that has much to do."""


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    """One that waits for nobody."""
    with serving(IMPATIENT) as found:
        yield found
