"""A sender by hand, on h2: what grpcio's client cannot do (zstd), and what nobody should (broken frames, floods).

It behaves as OpenTelemetry's collector does, which is written in Go: it waits for the server's SETTINGS, sends frames
of at most 16 KiB whatever is announced, and keeps to the windows.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import urllib.parse
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import zstandard
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from trimtab.api.grpc.inflow import PREFACE

FRAME_BYTES = 16_384
WAIT_S = 20.0
SETTINGS_FRAME = b"\0\0\0\4\0\0\0\0\0"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "deflate": zlib.compress,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


def prefixed(message: bytes, *, is_packed: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC frames it."""
    return struct.pack(">BI", is_packed, len(message) if length is None else length) + message


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame of HTTP/2, right or wrong."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream_id) + payload


def block_of(*headers: tuple[str, str]) -> bytes:
    """Headers, each written out."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: str) -> bytes:
    size = len(text)
    if size < 127:
        return bytes([size]) + text.encode()
    head, size = b"\x7f", size - 127
    while size >= 128:
        head += bytes([size % 128 | 128])
        size //= 128
    return head + bytes([size]) + text.encode()


def call_headers(path: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    """What every call says."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "127.0.0.1"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    ]


@dataclass
class Answer:
    """What came back of a call; `reset` is the code of RST_STREAM."""

    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    reset: int | None = None
    is_over: bool = False

    @property
    def code(self) -> int | None:
        """gRPC's."""
        found = self.trailers.get("grpc-status", self.headers.get("grpc-status"))
        return None if found is None else int(found)

    @property
    def told(self) -> str:
        """gRPC's message."""
        return urllib.parse.unquote(self.trailers.get("grpc-message", self.headers.get("grpc-message", "")))

    @property
    def message(self) -> bytes:
        """What the method answered."""
        is_packed, size = struct.unpack(">BI", self.data[:5])
        assert (is_packed, size) == (0, len(self.data) - 5)
        return self.data[5:]


class Gone(Exception):
    """The server closed the connection; GOAWAY's code and reason, where there was one."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Sender:
    """One connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, *, reads: bool = True) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.answers: dict[int, Answer] = {}
        self.gone: Gone | None = None
        self.has_settings = False
        self.next_id = 1
        self.h2.initiate_connection()
        try:
            self.flush()
            while reads and not self.has_settings:
                self.read()
        except Gone:
            self.socket.close()
            raise
        except ConnectionError as error:
            self.socket.close()
            raise Gone(None, "closed") from error

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def flush(self) -> None:
        """Send what h2 has."""
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def read(self) -> None:
        """Take what comes, whatever it is; Gone."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            raise self.gone or Gone(None, "closed")
        for event in self.h2.receive_data(data):
            self._hear(event)
        try:
            self.flush()
        except ConnectionError as error:
            raise self.gone or Gone(None, "closed") from error

    def _hear(self, event: Event) -> None:
        if isinstance(event, RemoteSettingsChanged):
            self.has_settings = True
        elif isinstance(event, ConnectionTerminated):
            self.gone = Gone(int(event.error_code or 0), (event.additional_data or b"").decode())
        elif isinstance(event, ResponseReceived | TrailersReceived):
            found = self.answers[event.stream_id]
            part = found.headers if isinstance(event, ResponseReceived) else found.trailers
            part.update({str(name): str(value) for name, value in event.headers})
        elif isinstance(event, DataReceived):
            self.answers[event.stream_id].data += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.answers[event.stream_id].is_over = True
        elif isinstance(event, StreamReset):
            found = self.answers[event.stream_id]
            found.reset, found.is_over = int(event.error_code), True

    def begin(self, path: str, *more: tuple[str, str], flushes: bool = True) -> int:
        """The headers of a call; its number."""
        return self.begin_with(call_headers(path, *more), flushes=flushes)

    def begin_with(self, headers: Sequence[tuple[str, str]], *, flushes: bool = True) -> int:
        """The same with whatever headers."""
        stream_id, self.next_id = self.next_id, self.next_id + 2
        self.answers[stream_id] = Answer()
        self.h2.send_headers(stream_id, headers)
        if flushes:
            self.flush()
        return stream_id

    def send(
        self,
        stream_id: int,
        data: bytes,
        *,
        ends: bool = True,
        frame_bytes: int = FRAME_BYTES,
        write_bytes: int = 0,
    ) -> None:
        """A body, or a part of it, as far as the windows allow; stops where an answer is there already.

        Each frame is written by itself, or `write_bytes` at a time.
        """
        at = waiting = 0
        while at < len(data) and not self.answers[stream_id].is_over:
            size = min(frame_bytes, len(data) - at, self.h2.local_flow_control_window(stream_id))
            if size == 0:
                self.flush()
                self.read()
                continue
            is_last = ends and at + size == len(data)
            self.h2.send_data(stream_id, data[at : at + size], end_stream=is_last)
            at, waiting = at + size, waiting + size
            if waiting >= write_bytes or at == len(data):
                self.flush()
                waiting = 0
        if ends and not data:
            self.h2.end_stream(stream_id)
            self.flush()

    def answer(self, stream_id: int) -> Answer:
        """Wait for it. Gone."""
        while not self.answers[stream_id].is_over:
            self.read()
        return self.answers[stream_id]

    def call(self, path: str, message: bytes, encoding: str = "", *more: tuple[str, str]) -> Answer:
        """A whole call; with an encoding it is packed."""
        headers = [("grpc-encoding", encoding)] if encoding else []
        stream_id = self.begin(path, *headers, *more)
        is_packed = encoding not in {"", "identity"}
        self.send(stream_id, prefixed(PACKERS[encoding or "identity"](message), is_packed=is_packed))
        return self.answer(stream_id)

    def until_gone(self) -> Gone:
        """Read on until the server closes."""
        try:
            while True:
                self.read()
        except Gone as gone:
            return gone


class Raw:
    """One connection, bytes by hand."""

    def __init__(self, port: int, *, preface: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.seen: list[tuple[int, int, int, bytes]] = []
        if preface:
            self.send(PREFACE + SETTINGS_FRAME)

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Whether the server still took it."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def is_closed(self, wait_s: float) -> bool:
        """Whether the server has closed; what it says is thrown away."""
        self.socket.settimeout(wait_s)
        try:
            while self.socket.recv(65_536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        finally:
            self.socket.settimeout(WAIT_S)
        return True

    def frames(self) -> list[tuple[int, int, int, bytes]]:
        """All frames until the server closes: kind, flags, stream, payload."""
        data = b""
        while True:
            try:
                piece = self.socket.recv(65_536)
            except ConnectionError:
                break
            if not piece:
                break
            data += piece
        return self._parsed(data)

    def so_far(self) -> list[tuple[int, int, int, bytes]]:
        """All frames that are there already."""
        self.socket.setblocking(False)
        data = b""
        try:
            while piece := self.socket.recv(65_536):
                data += piece
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(WAIT_S)
        return self._parsed(data)

    @staticmethod
    def _parsed(data: bytes) -> list[tuple[int, int, int, bytes]]:
        found, at = [], 0
        while at + 9 <= len(data):
            size = int.from_bytes(data[at : at + 3], "big")
            payload = data[at + 9 : at + 9 + size]
            found.append((data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : at + 9], "big"), payload))
            at += 9 + size
        return found

    def goodbye(self) -> tuple[int, str]:
        """GOAWAY's code and reason, as the last thing before the close."""
        self.seen = [found for found in self.frames() if found[0] in {1, 7}]
        goodbyes = [payload for kind, _, _, payload in self.seen if kind == 7]
        assert goodbyes, "closed without GOAWAY"
        return int.from_bytes(goodbyes[-1][4:8], "big"), goodbyes[-1][8:].decode()
