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
from collections.abc import Awaitable, Callable

import structlog

from trimtab.api.grpc.call import Method
from trimtab.api.grpc.connection import Connection
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.workers import Door, Workers

FULL_S = 1.0
"""How long nobody is let in where the system has no more files."""
TELL_EVERY_S = 10.0
REASONS_MAX = 10

log = structlog.get_logger()


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
        self._listener = listener
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_problem)
        self._thread = threading.Thread(target=self._run, name="otlp-grpc", daemon=True)
        self.workers = Workers(door, limits, self._loop)
        self._stopping = asyncio.Event()
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[Connection] = set()
        self._greetings: dict[asyncio.Task[None], None] = {}
        """Connections that are not there yet, the oldest first: TLS takes its time."""
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
            self._loop.close()
        self.workers.stop()

    # --- the loop

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _serve(self) -> None:
        self._accepting = asyncio.create_task(_for_ever(self._accept))
        ticking = asyncio.create_task(_for_ever(self._tick))
        await self._stopping.wait()
        await _end(ticking)

    async def _accept(self) -> None:
        while True:
            try:
                accepted, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:
                if error.errno == errno.ECONNABORTED:
                    continue  # the sender was gone before it was let in
                self._note(f"no connection could be accepted: {error.strerror}")
                await asyncio.sleep(FULL_S)
                continue
            if len(self._greetings) >= self.limits.greetings_max:
                self._note(f"{self.limits.greetings_max} connections make their handshakes")
                oldest = next(iter(self._greetings))  # a handshake that is meant takes milliseconds
                del self._greetings[oldest]
                oldest.cancel()
            greeting = asyncio.create_task(self._greet(accepted))
            greeting.add_done_callback(lambda done: self._greetings.pop(done, None))
            await asyncio.sleep(0)  # it begins: only then it can be ended
            if not greeting.done():
                self._greetings[greeting] = None

    async def _greet(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self, is_encrypted=self._tls is not None),
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else self.limits.tls_s,
                ssl_shutdown_timeout=None if self._tls is None else self.limits.linger_s,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError
            self._note(f"TLS did not come about: {getattr(error, 'reason', None) or type(error).__name__}")
            accepted.close()

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
        if self._accepting is not None:
            await _end(self._accepting)
        self._listener.close()
        for greeting in list(self._greetings):
            await _end(greeting)
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

    def opened(self, connection: Connection) -> bool:
        """Give it a place. Where all are taken, that connection goes which was not used for the longest time: at first
        one that never sent what was let in."""
        if len(self._connections) >= self.limits.connections_max:
            idle = [connection for connection in self._connections if connection.is_idle]
            if not idle:
                return False
            oldest = min(idle, key=lambda connection: connection.usefulness)
            self._connections.discard(oldest)
            oldest.part()
        self._connections.add(connection)
        return True

    def closed(self, connection: Connection, why: str) -> None:
        """It is gone."""
        self._connections.discard(connection)
        if why:
            self._note(why)


async def _for_ever(work: Callable[[], Awaitable[None]]) -> None:
    """An error of ours is logged, and it goes on."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("otlp_grpc_broke")
            await asyncio.sleep(FULL_S)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _log_problem(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    log.error("otlp_grpc_loop", problem=str(context.get("message", "")), error=repr(context.get("exception")))
