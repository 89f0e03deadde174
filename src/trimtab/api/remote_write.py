"""`POST /api/v1/write`: Prometheus' remote write, 1.0 and 2.0. Acknowledged means on disk.

Answers follow the specification: 204 when all was taken; 400 says what was not, and the rest is stored; 415 for what is
neither version; 404 where questions go to another server (Prometheus says the same where it is no receiver); 413 for a
body that is too long; 429 (with Retry-After) and 5xx are to be tried again. No room (in memory, in the spool, on the
disk) is 503: at 429 Prometheus throws away what it has, unless it is told otherwise (`retry_on_http_429`), so that only
who sends faster than his token may is answered so.
"""

from __future__ import annotations

from functools import partial

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trimtab.api.receiving import RETRY_AFTER_S, on_worker, receive_from, sender_of
from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.metrics.limits import TooFast
from trimtab.observe.metrics.receivers import REMOTE_WRITE, KeptElsewhere, MetricsIn
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import Claim, NoRoom

WRITE_PATH = "/api/v1/write"
VERSIONS = {"": 1, "prometheus.WriteRequest": 1, "io.prometheus.write.v2.Request": 2}
"""By the parameter `proto` of the content type."""

_ACCEPTED = ", ".join(f"application/x-protobuf;proto={proto}" for proto in sorted(VERSIONS) if proto)


def remote_write_route(metrics: MetricsIn) -> Route:
    """The route."""
    return Route(WRITE_PATH, RemoteWriteEndpoint(metrics), methods=["POST"])


class RemoteWriteEndpoint:
    """An ASGI application of its own: it makes no request object, since this is asked more often than anything else."""

    def __init__(self, metrics: MetricsIn) -> None:
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One body."""
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        headers, metrics = Headers(scope=scope), self._metrics
        try:
            metrics.check_kept_here()
        except KeptElsewhere as error:
            metrics.counts.refused_body(REMOTE_WRITE, "elsewhere")
            return _text(404, error.message)
        version = version_of(headers.get("content-type", ""))
        encoding = headers.get("content-encoding", "snappy").strip().lower()
        if version is None:
            return _text(415, f"content-type must be one of: {_ACCEPTED}", {"Accept": _ACCEPTED})
        if encoding != "snappy":
            return _text(415, f"content-encoding must be snappy, not {encoding!r}", {"Accept-Encoding": "snappy"})
        with Claim(metrics.room) as claim:
            try:
                length = headers.get("content-length", "0")
                packed = await receive_from(receive, length, claim, metrics.limits.body_bytes_max)
                return await on_worker(partial(_write, metrics, packed, version, sender_of(scope), claim))
            except (NoRoom, SpoolFull) as error:
                metrics.counts.refused_body(REMOTE_WRITE, "full")
                return _text(503, str(error), {"Retry-After": str(RETRY_AFTER_S)})
            except TooFast as error:
                metrics.counts.refused_body(REMOTE_WRITE, "too_fast")
                return _text(429, error.message, {"Retry-After": str(error.retry_after_s)})
            except BodyTooLong as error:
                metrics.counts.refused_body(REMOTE_WRITE, "body_too_long")
                return _text(413, error.message)
            except InputError as error:
                metrics.counts.refused_body(REMOTE_WRITE, "body_broken")
                return _text(400, error.message)
            except StoreError as error:
                return _text(503, error.message, {"Retry-After": str(RETRY_AFTER_S)})
            except ClientDisconnect:
                return Response(status_code=400)


def version_of(content_type: str) -> int | None:
    """1 or 2; None where it is neither.

    >>> version_of("application/x-protobuf"), version_of("application/x-protobuf;proto=io.prometheus.write.v2.Request")
    (1, 2)
    >>> version_of("application/json"), version_of("application/x-protobuf; proto=tomorrow")
    (None, None)
    """
    media, *parameters = (part.strip() for part in content_type.split(";"))
    if media.lower() != "application/x-protobuf":
        return None
    proto = ""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "proto":
            proto = value.strip().strip('"')
    return VERSIONS.get(proto)


def _write(metrics: MetricsIn, packed: bytes, version: int, sender: str, claim: Claim) -> Response:
    """On a worker thread: unpack, decode, put on disk."""
    from trimtab.observe.metrics.snappy import unpacked

    body = unpacked(packed, metrics.limits.body_bytes_max, claim.grow_by)
    written = metrics.remote_write.write(body, version, sender)
    headers = {
        "X-Prometheus-Remote-Write-Samples-Written": str(written.samples_count),
        "X-Prometheus-Remote-Write-Histograms-Written": str(written.histograms_count),
        "X-Prometheus-Remote-Write-Exemplars-Written": str(written.exemplars_count),
    }
    metrics.counts.stored(REMOTE_WRITE, written.samples_count + written.histograms_count, written.refusals.counts)
    if written.refusals.counts:
        return _text(400, written.refusals.text(written.sent_count), headers)
    return Response(status_code=204, headers=headers)


def _text(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(message + "\n", status, headers, "text/plain")
