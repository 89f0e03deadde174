"""What a call is answered, as headers: gRPC has its status behind the message, or, without a message, before it."""

from __future__ import annotations

import base64

from hpack import NeverIndexedHeaderTuple

from trimtab.api.otlp_answers import Problem

Headers = list[tuple[bytes, bytes]]

ENCODINGS = ("identity", "deflate", "gzip", "zstd")
MESSAGE_CHARACTERS_MAX = 1000
"""Senders take 8 KiB of headers; a character may become 9 of them, twice."""
TIMEOUT_DIGITS_MAX = 8
_UNITS_S = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

_BEGIN: Headers = [
    (b":status", b"200"),
    (b"content-type", b"application/grpc"),
    (b"grpc-accept-encoding", ",".join(ENCODINGS).encode()),
]
ANSWER_HEADERS: Headers = _BEGIN
ANSWER_TRAILERS: Headers = [(b"grpc-status", b"0")]


def refusal_headers(problem: Problem) -> Headers:
    """Of an answer that has no message. Who is to come back is told when, in both ways that senders look for it."""
    message = problem.message[:MESSAGE_CHARACTERS_MAX]
    found = [
        *_BEGIN,
        (b"grpc-status", str(problem.code).encode()),
        # never indexed: else the sender, who may ask for a table without end, would have it filled with messages
        NeverIndexedHeaderTuple(b"grpc-message", percent_encoded(message)),
    ]
    if problem.retry_after_s is not None:
        from google.protobuf.any_pb2 import Any
        from google.protobuf.duration_pb2 import Duration
        from google.rpc.error_details_pb2 import RetryInfo
        from google.rpc.status_pb2 import Status

        info = RetryInfo(retry_delay=Duration(seconds=problem.retry_after_s))
        detail = Any()
        detail.Pack(info)
        status = Status(code=problem.code, message=message, details=[detail])
        found += [
            NeverIndexedHeaderTuple(b"grpc-status-details-bin", _binary(status.SerializeToString())),
            NeverIndexedHeaderTuple(b"google.rpc.retryinfo-bin", _binary(info.SerializeToString())),
        ]
    return found


def http_refusal_headers(status: int) -> Headers:
    """For who does not speak gRPC."""
    return [(b":status", str(status).encode()), (b"content-type", b"text/plain")]


def percent_encoded(message: str) -> bytes:
    """As gRPC wants its messages.

    >>> percent_encoded("50 % – no\\n")
    b'50 %25 %E2%80%93 no%0A'
    """
    return b"".join(
        bytes([byte]) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte
        for byte in message.encode("utf-8", "replace")
    )


def timeout_s(text: str) -> float | None:
    """How long a sender waits, from `grpc-timeout`; None for what is none.

    >>> timeout_s("1500m"), timeout_s("10S"), timeout_s("10"), timeout_s("-1S"), timeout_s("123456789S")
    (1.5, 10.0, None, None, None)
    """
    digits, unit = text[:-1], text[-1:]
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= TIMEOUT_DIGITS_MAX
    return int(digits) * _UNITS_S[unit] if is_number and unit in _UNITS_S else None


def _binary(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")
