"""What one call of OTLP over gRPC costs the server's process: ours beside grpcio's, bodies thrown away.

python -m benchmarks.otlp_grpc

CPU of the whole process (all threads, user and system) for a call, by size, packing and sender: grpcio's client, which
heeds the announced size of frames, and one that writes as OpenTelemetry's collector does, in frames of 16 KiB. Both
servers unpack, claim room and answer from a pool of eight threads. Rounds take turns; the median of a round counts.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from tests.api.grpc.sender import PACKERS, Sender, prefixed
from trimtab.api.grpc.call import Method
from trimtab.api.grpc.limits import Limits
from trimtab.api.grpc.server import GrpcServer
from trimtab.observe.room import Room

MIB = 1024 * 1024
PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SIZES = {"10 kB": (10_000, 800), "1 MiB": (MIB, 60)}
ROUNDS = 5
_KEPT: list[object] = []
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def body_of(size: int) -> bytes:
    """Text that packs about as well as spans do."""
    draw = random.Random(size)
    lines = (
        f"GET /orders/{draw.randrange(10**6)} {draw.getrandbits(64):016x} {draw.getrandbits(64):016x} http.route"
        f" /orders cart-{draw.randrange(20)} 1768{draw.randrange(10**9):09d} http.status_code 200 service.name shop\n"
        for _ in range(size // 100 + 1)
    )
    return "".join(lines).encode()[:size]


# --- servers, each in a process of its own


class _Anyone:
    def asks_nobody(self, authorization: list[str]) -> bool:
        return not authorization

    def sender(self, authorization: list[str], address: str) -> str:  # noqa: ARG002 - as it is called
        return "anyone"


def serve_ours() -> int:
    """Start; the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    method = Method(Room(192 * MIB), 32 * MIB, lambda _body, _sender: b"", lambda _reason: None)
    server = GrpcServer({PATH: method}, _Anyone(), listener, None, Limits())
    server.start()
    return server.port


def serve_grpcio() -> int:
    """Start; the port."""
    room = Room(192 * MIB)

    def handle(body: bytes, _context: grpc.ServicerContext) -> bytes:
        from trimtab.observe.room import Claim

        with Claim(room) as claim:
            claim.grow_to(2 * len(body))
            bytearray(body)
            return b""

    class Services(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:  # noqa: ARG002
            return grpc.unary_unary_rpc_method_handler(handle)

    server = grpc.server(ThreadPoolExecutor(8), [Services()], options=[("grpc.max_receive_message_length", 32 * MIB)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _KEPT.append(server)  # it ends when nobody has it
    return port


# --- senders


@dataclass
class Served:
    """A server's process."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """All that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S


@contextmanager
def serving(which: str) -> Iterator[Served]:
    """One of both."""
    command = [sys.executable, "-m", "benchmarks.otlp_grpc", which]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


def by_grpcio(port: int, body: bytes, encoding: str, count: int) -> None:
    """With grpcio's client; it has no zstd."""
    compression = {"identity": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}[encoding]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    call = channel.unary_unary(PATH)
    for _ in range(count):
        assert call(body, timeout=60, compression=compression) == b""
    channel.close()


def as_collector(port: int, body: bytes, encoding: str, count: int) -> None:
    """In frames of 16 KiB, written 32 KiB at a time."""
    message = prefixed(PACKERS[encoding](body), is_packed=int(encoding != "identity"))
    with Sender(port) as sender:
        for _ in range(count):
            stream_id = sender.begin(PATH, ("grpc-encoding", encoding), flushes=False)
            sender.send(stream_id, message, write_bytes=32 * 1024)
            assert sender.answer(stream_id).code == 0


SENDERS: dict[str, Callable[[int, bytes, str, int], None]] = {"grpcio": by_grpcio, "collector": as_collector}


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        print({"ours": serve_ours, "grpcio": serve_grpcio}[sys.argv[1]](), flush=True)
        sys.stdin.read()
        return
    print("ms of CPU a call | ours | grpcio | ratio")
    with serving("ours") as ours, serving("grpcio") as theirs:
        for sender, send in SENDERS.items():
            for encoding in ("identity", "gzip", "zstd"):
                for name, (size, count) in SIZES.items():
                    if sender == "grpcio" and encoding == "zstd":
                        continue
                    body = body_of(size)
                    found: dict[str, list[float]] = {"ours": [], "grpcio": []}
                    servers = {"ours": ours} if encoding == "zstd" else {"ours": ours, "grpcio": theirs}
                    for _ in range(ROUNDS):
                        for which, served in servers.items():
                            before_s = served.cpu_s()
                            send(served.port, body, encoding, count)
                            found[which].append((served.cpu_s() - before_s) / count * 1000)
                    row = [statistics.median(found[which]) if found[which] else None for which in ("ours", "grpcio")]
                    ratio = f"{row[0] / row[1]:.2f}" if row[0] and row[1] else "–"
                    told = " | ".join("–" if value is None else f"{value:.3f}" for value in row)
                    print(f"{name}, {encoding}, sent by {sender} | {told} | {ratio}", flush=True)


if __name__ == "__main__":
    main()
