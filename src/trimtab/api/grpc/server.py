"""A gRPC server on one address, with a loop and a thread of its own: the page does not wait for senders."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import structlog

from trimtab.api.grpc.call import Call, Method, Refusal
from trimtab.api.grpc.connection import Connection
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
FULL_S = 1.0
"""How long nobody is let in where the system has no more files."""
TELL_EVERY_S = 10.0
REASONS_MAX = 10

log = structlog.get_logger()


class Door(Protocol):
    """Says who may send."""

    def asks_nobody(self, authorization: list[str]) -> bool:
        """Whether `sender` knows at once."""

    def sender(self, authorization: list[str], address: str) -> str:
        """The name of who it is. LoginNeeded, NotAllowed."""


class GrpcServer:
    """Start it, stop it; both from any thread but its own."""

    def __init__(
        self,
        methods: dict[str, Method],
        door: Door,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        limits: Limits,
    ) -> None:
        """`listener` is bound; it is closed with the server. `tls` says h2 by ALPN."""
        self.methods = methods
        self.limits = limits
        self.port = int(listener.getsockname()[1])
        self._door = door
        self._listener = listener
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_problem)
        self._thread = threading.Thread(target=self._run, name="otlp-grpc", daemon=True)
        self._workers = ThreadPoolExecutor(limits.workers_count, "otlp-grpc-worker")
        self._access_workers = ThreadPoolExecutor(ACCESS_WORKERS_COUNT, "otlp-grpc-access")
        self._stopping = asyncio.Event()
        self._connections: set[Connection] = set()
        self._greeting_count = 0
        """Connections that are not there yet: TLS takes its time."""
        self._waiting_count = 0
        self._ended: Counter[str] = Counter()
        logging.getLogger("hpack").setLevel(logging.WARNING)  # it would write down tokens

    def start(self) -> None:
        """Serve. OSError where others listen there."""
        self._listener.setblocking(False)
        self._listener.listen(128)
        self._thread.start()

    def stop(self, drain_s: float) -> None:
        """Take nothing more, wait for what is under way, close."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._drain(drain_s), self._loop).result(drain_s + 5)
            self._thread.join(5)
        else:
            self._listener.close()
        self._workers.shutdown(wait=False)
        self._access_workers.shutdown(wait=False)

    # --- the loop

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _serve(self) -> None:
        ticking = asyncio.create_task(self._tick())
        accepting = asyncio.create_task(self._accept())
        await self._stopping.wait()
        for task in (ticking, accepting):
            task.cancel()
        await asyncio.gather(ticking, accepting, return_exceptions=True)

    async def _accept(self) -> None:
        greetings: set[asyncio.Task[None]] = set()
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    continue  # the sender was gone before it was let in
                self._note(f"no connection could be accepted: {error.strerror}")
                await asyncio.sleep(FULL_S)
                continue
            if not self._has_place():
                self._note(f"there are {self.limits.connections_max} connections")
                accepted.close()
                continue
            self._greeting_count += 1
            greeting = asyncio.create_task(self._greet(accepted))
            greetings.add(greeting)
            greeting.add_done_callback(greetings.discard)

    async def _greet(self, accepted: socket.socket) -> None:
        try:
            _, connection = await self._loop.connect_accepted_socket(
                lambda: Connection(self, is_encrypted=self._tls is not None),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else self.limits.tls_s,
                ssl_shutdown_timeout=None if self._tls is None else self.limits.linger_s,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._note(f"TLS did not come about: {getattr(error, 'reason', None) or type(error).__name__}")
            accepted.close()
        else:
            self._connections.add(connection)
        finally:
            self._greeting_count -= 1

    def _has_place(self) -> bool:
        """Where all places are taken, the connection goes that was not used for the longest time: at first one
        that never sent what was let in."""
        if len(self._connections) + self._greeting_count < self.limits.connections_max:
            return True
        idle = [connection for connection in self._connections if connection.is_idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda connection: connection.usefulness)
        self._connections.discard(oldest)
        oldest.part()
        return True

    async def _tick(self) -> None:
        told_at_s = self.now_s()
        while True:
            await asyncio.sleep(self.limits.tick_s)
            now_s = self.now_s()
            for connection in list(self._connections):
                connection.check(now_s)
            if self._ended and now_s - told_at_s > TELL_EVERY_S:
                told_at_s = now_s
                self._tell()

    def _note(self, why: str) -> None:
        """To be told later; senders choose words, and may choose many."""
        self._ended[why if why in self._ended or len(self._ended) < REASONS_MAX else "other reasons"] += 1

    def _tell(self) -> None:
        """Not for each of them: a flood would be one of lines, too."""
        for why, count in self._ended.most_common():
            log.warning("otlp_grpc_connections_ended", why=why, count=count)
        self._ended.clear()

    async def _drain(self, drain_s: float) -> None:
        self._listener.close()
        give_up_at_s = self.now_s() + drain_s
        for connection in list(self._connections):
            connection.drain()
        while self._connections and self.now_s() < give_up_at_s:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.close()
        self._tell()
        self._stopping.set()

    # --- what connections ask for

    def now_s(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    def closed(self, connection: Connection, why: str) -> None:
        """It is gone."""
        self._connections.discard(connection)
        if why:
            self._note(why)

    def admits(self, call: Call, address: str) -> bool:
        """Whether who it is can be told at once; Refusal."""
        if not self._door.asks_nobody(call.head.authorization):
            return False
        problem = self._admit(call, address)
        if problem is not None:
            raise Refusal(problem)
        return True

    def ask(self, connection: Connection, call: Call, address: str) -> None:
        """Who it is, on a thread."""

        def work() -> None:
            self._tell_back(connection.admitted, call, self._admit(call, address))

        self._access_workers.submit(work)

    def work(self, connection: Connection, call: Call, address: str) -> bool:
        """The call, on a thread. False: too many wait."""
        if self._waiting_count >= self.limits.calls_max:
            return False
        self._waiting_count += 1

        def work() -> None:
            outcome = self._outcome(call, address)
            call.release()
            self._tell_back(done, call, outcome)

        def done(call: Call, outcome: bytes | Problem) -> None:
            self._waiting_count -= 1
            connection.done(call, outcome)

        self._workers.submit(work)
        return True

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
        if call.sender is None and (problem := self._admit(call, address)) is not None:
            return problem
        if call.is_dropped or (call.expires_at_s is not None and self.now_s() > call.expires_at_s):
            return Problem(504, DEADLINE_EXCEEDED, "too_slow", "grpc-timeout is over, or the call was given up")
        try:
            return call.method.export(call.body(), call.sender or "")
        except EXPECTED as error:
            return problem_of(error)
        except Exception as error:
            log.exception("otlp_grpc_broke")
            return _ours(error)


def _ours(error: Exception) -> Problem:
    return Problem(500, INTERNAL, "internal", f"internal error: {type(error).__name__}")


def _log_problem(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    log.error("otlp_grpc_loop", problem=str(context.get("message", "")), error=repr(context.get("exception")))
