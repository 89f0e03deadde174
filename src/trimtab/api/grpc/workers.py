"""The threads that calls wait for: who it is, and the work itself. What they found is told on the loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import structlog

from trimtab.api.grpc.call import Call, Refusal
from trimtab.api.grpc.limits import Limits
from trimtab.api.otlp_answers import (
    DEADLINE_EXCEEDED,
    EXPECTED,
    INTERNAL,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    Problem,
    problem_of,
)
from trimtab.model.errors import LoginNeeded, NotAllowed

T = TypeVar("T")

ACCESS_WORKERS_COUNT = 2

log = structlog.get_logger()


class Door(Protocol):
    """Says who may send."""

    def asks_nobody(self, authorization: list[str]) -> bool:
        """Whether `sender` knows at once."""

    def sender(self, authorization: list[str], address: str) -> str:
        """The name of who it is. LoginNeeded, NotAllowed."""


class Asker(Protocol):
    """The connection of a call."""

    def admitted(self, call: Call, problem: Problem | None) -> None:
        """Who it is was found out, or that it is nobody."""

    def done(self, call: Call, outcome: bytes | Problem) -> None:
        """The worker is through with it."""


class Workers:
    """Both kinds. Who asks for a token does not wait behind those who wait for the disk."""

    def __init__(self, door: Door, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
        self._door = door
        self._calls_max = limits.calls_max
        self._loop = loop
        self._workers = ThreadPoolExecutor(limits.workers_count, "otlp-grpc-worker")
        self._access_workers = ThreadPoolExecutor(ACCESS_WORKERS_COUNT, "otlp-grpc-access")
        self._working_count = 0
        self._asking_count = 0

    def admits(self, call: Call, address: str) -> bool:
        """Whether who it is can be told at once; Refusal."""
        if not self._door.asks_nobody(call.head.authorization):
            return False
        problem = self._admit(call, address)
        if problem is not None:
            raise Refusal(problem)
        return True

    def ask(self, asker: Asker, call: Call, address: str) -> bool:
        """Who it is, on a thread. False: too many wait."""
        if self._asking_count >= self._calls_max:
            return False
        self._asking_count += 1

        def work() -> None:
            problem = None if call.is_dropped else self._admit(call, address)
            self._tell_back(done, call, problem)

        def done(call: Call, problem: Problem | None) -> None:
            self._asking_count -= 1
            asker.admitted(call, problem)

        self._access_workers.submit(work)
        return True

    def work(self, asker: Asker, call: Call, address: str) -> bool:
        """The call, on a thread. False: too many wait."""
        if self._working_count >= self._calls_max:
            return False
        self._working_count += 1

        def work() -> None:
            outcome = self._outcome(call, address)
            call.release()
            self._tell_back(done, call, outcome)

        def done(call: Call, outcome: bytes | Problem) -> None:
            self._working_count -= 1
            asker.done(call, outcome)

        self._workers.submit(work)
        return True

    def stop(self) -> None:
        """Begin nothing more."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._access_workers.shutdown(wait=False, cancel_futures=True)

    def _tell_back(self, tell: Callable[[Call, T], None], call: Call, outcome: T) -> None:
        try:
            self._loop.call_soon_threadsafe(tell, call, outcome)
        except RuntimeError:
            log.warning("otlp_grpc_answered_too_late", path=call.head.path)  # the server was stopped meanwhile

    def _admit(self, call: Call, address: str) -> Problem | None:
        try:
            call.sender = self._door.sender(call.head.authorization, address)
        except LoginNeeded as error:
            return Problem(401, UNAUTHENTICATED, "login", error.message)
        except NotAllowed as error:
            return Problem(403, PERMISSION_DENIED, "permission", error.message)
        except Exception as error:
            log.exception("otlp_grpc_broke")
            return _ours(error)
        return None

    def _outcome(self, call: Call, address: str) -> bytes | Problem:
        """On a worker thread: who it is, where that is not known yet; the body, unpacked; on the disk."""
        if call.is_dropped or (call.expires_at_s is not None and self._loop.time() > call.expires_at_s):
            return Problem(504, DEADLINE_EXCEEDED, "too_slow", "grpc-timeout is over, or the call was given up")
        if call.sender is None and (problem := self._admit(call, address)) is not None:
            return problem
        try:
            return call.method.export(call.body(), call.sender or "")
        except EXPECTED as error:
            return problem_of(error)
        except Exception as error:
            log.exception("otlp_grpc_broke")
            return _ours(error)


def _ours(error: Exception) -> Problem:
    return Problem(500, INTERNAL, "internal", f"internal error: {type(error).__name__}")
