"""What somebody with a socket can send: too much, too slowly, not quite HTTP, and paths that lead elsewhere."""

from __future__ import annotations

import gzip
import time

from tests.api.attack import Arena, Attack, Got, got, got_raw
from tests.api.served import raw
from trimtab.model.access import Role

JSON = {"Content-Type": "application/json"}
FREEZE = "/api/trimtab/freeze"
MANY = 200_000


def path(arena: Arena, target: str, method: str = "GET") -> Got:
    """A request line as it is: no client cleans it up before."""
    token = arena.served.tokens[Role.ADMIN]
    head = f"{method} {target} HTTP/1.1\r\nHost: {arena.host.decode()}\r\nAuthorization: Bearer {token}\r\n"
    answer = raw(arena.port, f"{head}Connection: close\r\n\r\n".encode("latin-1"))
    assert b"root:" not in answer
    return got_raw(answer)


def body(arena: Arena, content: bytes, target: str = FREEZE, **headers: str) -> Got:
    """A body of an admin."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return got(arena.served.visitor(Role.ADMIN).post(target, content=content, headers={**JSON, **named}))


def claims(arena: Arena, length: str) -> Got:
    """A length is claimed, and nothing comes: the refusal must not wait for it."""
    began_s = time.monotonic()
    answer = raw(arena.port, _head(arena, f"Content-Length: {length}"), timeout_s=5)
    assert time.monotonic() - began_s < 4
    return got_raw(answer)


def endless(arena: Arena) -> Got:
    """Chunks without an end and without a length."""
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    return got_raw(raw(arena.port, _head(arena, "Transfer-Encoding: chunked"), *[chunk] * 1000, pause_s=0.01))


def slow_body(arena: Arena) -> Got:
    """A byte now, and never another one."""
    return got_raw(raw(arena.port, _head(arena, "Content-Length: 100") + b"{", timeout_s=10))


def dripping_body(arena: Arena) -> Got:
    """A byte every now and then: each in time, the whole never."""
    pieces = [b"x"] * 40
    return got_raw(raw(arena.port, _head(arena, "Content-Length: 100"), *pieces, pause_s=0.1, timeout_s=10))


def slow_ingest(arena: Arena) -> Got:
    """The same where telemetry comes in."""
    head = _head(arena, "Content-Length: 100", target="/v1/traces", media="application/x-protobuf")
    return got_raw(raw(arena.port, head + b"x", timeout_s=10))


def slow_headers(arena: Arena) -> Got:
    """Headers that never end (Slowloris)."""
    began_s = time.monotonic()
    answer = raw(arena.port, b"GET /healthz HTTP/1.1\r\nHost: ", timeout_s=5)
    assert time.monotonic() - began_s < 4
    return got_raw(answer)


def request(arena: Arena, text: bytes) -> Got:
    """Bytes as they are."""
    return got_raw(raw(arena.port, text.replace(b"HOST", arena.host), timeout_s=0.3))


def bomb(arena: Arena) -> Got:
    """Small when packed, a hundred megabytes when not."""
    packed = gzip.compress(bytes(100_000_000), 9)
    client = arena.served.visitor(Role.INGEST)
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    answer = client.post("/v1/traces", content=packed, headers=headers)
    return Got(answer.status_code, "a body may have 8388608 bytes unpacked")


def headers_of(arena: Arena, size: int, count: int = 1) -> Got:
    """Headers that are too long, to the application itself (whatever server is in front of it)."""
    sent = {f"X-{number}": "x" * size for number in range(count)}
    return got(arena.served.visitor(Role.ADMIN).get("/api/trimtab/status", headers=sent))


def _head(arena: Arena, length: str, *, target: str = FREEZE, media: str = "application/json") -> bytes:
    token = arena.served.tokens[Role.ADMIN]
    return (
        f"POST {target} HTTP/1.1\r\nHost: {arena.host.decode()}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {media}\r\n{length}\r\n\r\n"
    ).encode()


_SYSTEMS = "/api/trimtab/systems"

ATTACKS: tuple[Attack, ...] = (
    Attack("Path traversal", "control: /healthz", lambda a: path(a, "/healthz"), 200, True),
    Attack(
        "Path traversal", "/static/../../../../etc/passwd", lambda a: path(a, "/static/../../../../etc/passwd"), 404
    ),
    Attack(
        "Path traversal", "/static/%2e%2e/%2e%2e/etc/passwd", lambda a: path(a, "/static/%2e%2e/%2e%2e/etc/passwd"), 404
    ),
    Attack(
        "Path traversal", "/static/..%2f..%2fetc%2fpasswd", lambda a: path(a, "/static/..%2f..%2fetc%2fpasswd"), 404
    ),
    Attack(
        "Path traversal",
        "/static/%252e%252e%252fetc/passwd",
        lambda a: path(a, "/static/%252e%252e%252fetc/passwd"),
        404,
    ),
    Attack("Path traversal", "/static/..\\..\\etc\\passwd", lambda a: path(a, "/static/..\\..\\etc\\passwd"), 404),
    Attack("Path traversal", "/static//etc/passwd", lambda a: path(a, "/static//etc/passwd"), 404),
    Attack("Path traversal", "/static/trimtab.css%00.js", lambda a: path(a, "/static/trimtab.css%00.js"), 404),
    Attack("Path traversal", "/../../etc/passwd", lambda a: path(a, "/../../etc/passwd"), 404),
    Attack("Path traversal", "file:///etc/passwd as the target", lambda a: path(a, "file:///etc/passwd"), 400),
    Attack("Path traversal", "system named ../../etc", lambda a: path(a, f"{_SYSTEMS}/../../etc", "DELETE"), 404),
    Attack(
        "Path traversal",
        "system named ..%2f..%2fstatus",
        lambda a: path(a, f"{_SYSTEMS}/..%2f..%2fstatus", "DELETE"),
        404,
    ),
    Attack("Path traversal", "system with NUL in its name", lambda a: path(a, f"{_SYSTEMS}/a%00b", "DELETE"), 404),
    Attack(
        "Path traversal", "system with broken UTF-8 in its name", lambda a: path(a, f"{_SYSTEMS}/%ff%fe", "DELETE"), 404
    ),
    Attack("Path traversal", "case ../1", lambda a: path(a, "/api/trimtab/cases/..%2f1"), 404),
    Attack(
        "Path traversal", "case 1;DROP TABLE cases", lambda a: path(a, "/api/trimtab/cases/1;DROP%20TABLE%20cases"), 400
    ),
    Attack(
        "Path traversal",
        "user ' OR 1=1 --",
        lambda a: path(a, "/api/trimtab/access/users/'%20OR%201=1%20--", "DELETE"),
        404,
    ),
    Attack("Oversized", "JSON of 200 KB", lambda a: body(a, b'{"frozen": ' + b" " * MANY + b"false}"), 413),
    Attack("Oversized", "length of 10 TB is claimed", lambda a: claims(a, "10000000000000"), 413),
    Attack("Oversized", "chunks without an end", endless, 413),
    Attack("Oversized", "100,000 brackets", lambda a: body(a, b"[" * 99_000), 400),
    Attack("Oversized", "a number of 90,000 digits", lambda a: body(a, b'{"frozen": ' + b"9" * 90_000 + b"}"), 400),
    Attack("Oversized", "9 MB of telemetry", lambda a: body(a, bytes(9_000_000), "/v1/traces"), 413),
    Attack("Oversized", "gzip bomb of telemetry (100 MB)", bomb, 413),
    Attack("Oversized", "a header of 40 KB", lambda a: headers_of(a, 40_000), 431),
    Attack("Oversized", "2,000 headers", lambda a: headers_of(a, 20, 2_000), 431),
    Attack("Oversized", "an address of 10 KB", lambda a: path(a, f"/api/trimtab/status?{'x' * 10_000}"), 414),
    Attack(
        "Oversized",
        "headers of 100 KB to the port",
        lambda a: request(a, b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"x" * 100_000),
        400,
    ),
    Attack(
        "Oversized",
        "a chunk's extension without an end",
        lambda a: got_raw(
            raw(a.port, _head(a, "Transfer-Encoding: chunked") + b"5;", *[b"x" * 30_000] * 10, pause_s=0.05)
        ),
        400,
    ),
    Attack(
        "Oversized",
        "headers without an end behind the body",
        lambda a: got_raw(
            raw(a.port, _head(a, "Transfer-Encoding: chunked") + b"0\r\n", *[b"X: y\r\n" * 5_000] * 10, pause_s=0.05)
        ),
        400,
    ),
    Attack(
        "Oversized",
        "100 requests before the first answer",
        lambda a: request(a, b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n" * 100),
        400,
    ),
    Attack("Slow", "a body that stops", slow_body, 408),
    Attack("Slow", "a body that drips", dripping_body, 408),
    Attack("Slow", "telemetry that stops", slow_ingest, 408),
    Attack("Slow", "headers that never end", slow_headers, 0),
    Attack(
        "Not quite HTTP",
        "Content-Length twice, different",
        lambda a: request(a, b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"),
        400,
    ),
    Attack(
        "Not quite HTTP",
        "Content-Length and chunked, and a request behind",
        lambda a: request(
            a,
            b"POST /healthz HTTP/1.1\r\nHost: HOST\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /api/trimtab/access/users HTTP/1.1\r\nHost: HOST\r\n\r\n",
        ),
        400,
    ),
    Attack(
        "Not quite HTTP",
        "Host twice",
        lambda a: request(a, b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n"),
        400,
    ),
    Attack("Not quite HTTP", "no Host", lambda a: request(a, b"GET /healthz HTTP/1.1\r\n\r\n"), 400),
    Attack("Not quite HTTP", "HTTP/1.0 without Host", lambda a: request(a, b"GET /healthz HTTP/1.0\r\n\r\n"), 403),
    Attack(
        "Not quite HTTP",
        "folded header",
        lambda a: request(a, b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n X: y\r\n\r\n"),
        400,
    ),
    Attack(
        "Not quite HTTP",
        "space before the colon",
        lambda a: request(a, b"GET /healthz HTTP/1.1\r\nHost : HOST\r\n\r\n"),
        400,
    ),
    Attack("Not quite HTTP", "TRACE", lambda a: path(a, "/healthz", "TRACE"), 405),
    Attack("Not quite HTTP", "CONNECT evil.example:443", lambda a: path(a, "evil.example:443", "CONNECT"), 400),
    Attack("Not quite HTTP", "an invented method", lambda a: path(a, FREEZE, "FREEZE"), 400),
    Attack(
        "Not quite HTTP",
        "upgrade to a WebSocket",
        lambda a: request(
            a,
            b"GET /events HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        ),
        303,
    ),
    Attack(
        "Not quite HTTP",
        "TLS to the plain port",
        lambda a: request(a, bytes.fromhex("160301020001000001fc0303") + bytes(64)),
        400,
    ),
)
