"""A host of conversations without threads and sockets, whose clock is set."""

from __future__ import annotations

from tests.api.grpc.conftest import ECHO
from trimtab.api.grpc.call import Call, Method, Refusal
from trimtab.api.grpc.limits import Limits
from trimtab.api.otlp_answers import UNAUTHENTICATED, Problem
from trimtab.observe.room import Room

NOBODY = Problem(401, UNAUTHENTICATED, "login", "the token is unknown")


class Alone:
    """`knows`: who sends is known at once; `refuses`: it is nobody; `is_full`: no more calls may wait."""

    def __init__(self, room_bytes: int = 10_000_000) -> None:
        self.limits = Limits()
        self.room = Room(room_bytes)
        self.methods = {ECHO: Method(self.room, 1_000_000, lambda body, _: bytes(body), lambda _: None)}
        self.at_s = 0.0
        self.works: list[Call] = []
        self.asks: list[Call] = []
        self.knows = True
        self.refuses = False
        self.is_full = False

    def now_s(self) -> float:
        """As a host."""
        return self.at_s

    def admits(self, call: Call) -> bool:
        """As a host."""
        if self.refuses:
            raise Refusal(NOBODY)
        return self.knows

    def ask(self, call: Call) -> bool:
        """As a host; the third waits in vain."""
        self.asks.append(call)
        return len(self.asks) < 3

    def work(self, call: Call) -> bool:
        """As a host."""
        if not self.is_full:
            self.works.append(call)
        return not self.is_full
