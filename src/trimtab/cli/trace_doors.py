"""Where traces of a file go: to the running server, or into its data directory while none runs.

Both ways end in the same spool, and say in the same words what was not taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from trimtab.cli.client import Client, Way, find_server
from trimtab.model.errors import InputError, MissingError, SpoolFull, StoreLocked, TrimtabError
from trimtab.store.telemetry import EmbeddedTelemetry

PROTOBUF = "application/x-protobuf"
TRIES_MAX = 60
WAIT_S_MAX = 10.0
_COME_BACK = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one request: how many of its spans were refused, and why."""

    refused_count: int = 0
    told: str = ""


TraceDoor = Callable[[bytes], Taken]
"""Takes a request (protobuf): it is on disk when it returns. Waits where the spool is full."""


@contextmanager
def trace_door(way: Way) -> Iterator[TraceDoor]:
    """By HTTP where a server is named or runs on the data directory; else into the directory itself."""
    if way.server is not None:
        yield _over_http(find_server(way))
        return
    if not way.data_dir.is_dir():
        raise InputError(f"there is no data directory {way.data_dir}, and no --server was named")
    try:
        telemetry = EmbeddedTelemetry.open(way.data_dir)
    except StoreLocked:
        yield _over_http(find_server(way))
        return
    with telemetry:
        yield _into(telemetry)


def _into(telemetry: EmbeddedTelemetry) -> TraceDoor:
    def take(body: bytes) -> Taken:
        for _ in range(TRIES_MAX):
            try:
                taken = telemetry.append_otlp_traces(body)
            except SpoolFull:
                telemetry.flush()
            else:
                return Taken(sum(taken.refused.values()), taken.told)
        raise SpoolFull(f"the spool is full, and was after {TRIES_MAX} tries to empty it")

    return take


def _over_http(client: Client) -> TraceDoor:
    def take(body: bytes) -> Taken:
        for _ in range(TRIES_MAX):
            answer = client.send("/v1/traces", body, PROTOBUF)
            if answer.status_code not in _COME_BACK:
                break
            time.sleep(min(_seconds(answer.headers.get("retry-after", "")), WAIT_S_MAX))
        if answer.is_success:
            told = ExportTraceServiceResponse.FromString(answer.content).partial_success
            return Taken(told.rejected_spans, told.error_message)
        raise _refusal(answer.status_code, answer.content)

    return take


def _refusal(status: int, body: bytes) -> TrimtabError:
    """What the server said, whether its door did (JSON) or OTLP's (google.rpc.Status)."""
    import msgspec
    from google.rpc.status_pb2 import Status

    try:
        document = msgspec.json.decode(body)
        message = str(document["error"]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        message = Status.FromString(body).message
    if status in (401, 403):
        return MissingError(f"{message}. Give a token of the role ingest: TRIMTAB_TOKEN, or --token-file FILE")
    kind = InputError if status < 500 and status != 429 else MissingError
    return kind(f"the server answered {status}: {message}", status=status)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1.0
