"""Traces in Jaeger. There is no official client for Python: its HTTP API version 3 is asked as it is documented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from trimtab.extend.sources import Address, FoundOperation, FoundSpan, Sent, SourceError, SourceRefused, TraceQuestion
from trimtab.integrations.jaeger.spans import spans_of
from trimtab.integrations.jaeger.written import refused_of
from trimtab.integrations.trusting import context_of
from trimtab.model.errors import InputError

ANSWER_BYTES_MAX = 64 * 1024 * 1024
WRITE_ANSWER_BYTES_MAX = 64 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROTOBUF = "application/x-protobuf"
_REFUSED = frozenset({400, 413, 422})
"""OTLP says of 400 that it must not be tried again. Where the address or a credential is wrong, it can be mended."""


class JaegerTraces:
    """A `TraceSource`. The address is where Jaeger's pages are (port 16686), `path` the one under which they are.
    It is written to at `/v1/traces` of the same host and port, or of those that the path begins with, such as
    `jaeger+http://host:16686/host:4318` or `jaeger+http://host:16686/host:4318/jaeger`."""

    def __init__(self, address: Address, *, transport: httpx2.BaseTransport | None = None) -> None:
        self._address = address
        self._client = httpx2.Client(
            timeout=address.timeout_s,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            verify=context_of(address) or True,
        )
        first, _, rest = address.path.partition("/")
        collector, base = (first, rest) if ":" in first else ("", address.path)
        scheme = address.url.partition("://")[0]
        self._write_url = f"{scheme}://{collector}/v1/traces" if collector else f"{address.url}/v1/traces"
        self._base = f"{address.url}/{base}" if base else address.url

    def search(self, question: TraceQuestion) -> tuple[tuple[FoundSpan, ...], ...]:
        """See `TraceSource.search`. Jaeger wants the name of a service."""
        if not question.service:
            raise InputError(f"{self._address.name}: Jaeger searches traces of one service: name it", field="service")
        parameters = {
            "query.service_name": question.service,
            "query.operation_name": question.operation,
            "query.attributes": json.dumps(dict(question.attributes)) if question.attributes else "",
            "query.start_time_min": _moment(question.from_ms),
            "query.start_time_max": _moment(question.to_ms),
            "query.duration_min": _duration(question.duration_min_ms),
            "query.duration_max": _duration(question.duration_max_ms),
            "query.search_depth": str(question.limit),
        }
        traces: dict[str, list[FoundSpan]] = {}
        for span in self._spans("/api/v3/traces", {name: text for name, text in parameters.items() if text}):
            traces.setdefault(span.trace_id, []).append(span)
        newest = sorted(traces.values(), key=lambda spans: max(span.started_at_ns for span in spans), reverse=True)
        return tuple(tuple(spans) for spans in newest[: question.limit])

    def trace(self, trace_id: str) -> tuple[FoundSpan, ...]:
        """See `TraceSource.trace`."""
        if not 1 <= len(trace_id) <= 32 or not all(c in "0123456789abcdefABCDEF" for c in trace_id):
            raise InputError("the id of a trace is up to 32 hexadecimal digits", field="trace_id")
        return self._spans(f"/api/v3/traces/{trace_id}", {})

    def services(self) -> tuple[str, ...]:
        """See `TraceSource.services`."""
        found = self._get("/api/v3/services", {})
        return tuple(sorted(str(name) for name in (found or {}).get("services") or ()))

    def operations(self, service: str) -> tuple[FoundOperation, ...]:
        """See `TraceSource.operations`."""
        found = self._get("/api/v3/operations", {"service": service}) or {}
        return tuple(
            FoundOperation(str(one.get("name", "")), str(one.get("spanKind") or one.get("span_kind") or "unspecified"))
            for one in found.get("operations") or ()
        )

    def write(self, body: bytes, spans_count: int) -> Sent:
        """See `TraceSource.write`."""
        headers = {"Content-Type": _PROTOBUF, **self._headers()}
        try:
            with self._client.stream("POST", self._write_url, content=body, headers=headers) as answer:
                told = bytearray()
                for piece in answer.iter_bytes():
                    told += piece
                    if len(told) > WRITE_ANSWER_BYTES_MAX:
                        raise self._failed(ValueError(f"the answer has more than {WRITE_ANSWER_BYTES_MAX} bytes"))
                status, kind = answer.status_code, answer.headers.get("content-type", "")
        except httpx2.HTTPError as error:
            raise self._failed(error) from error
        if status == 200:
            return self._sent(bytes(told), kind, spans_count)
        said = f"status {status}: {bytes(told[:200]).decode('utf-8', 'replace')}"
        if status in _REFUSED:
            raise SourceRefused(f"the source {self._address.name} refuses spans: {said}", source=self._address.name)
        raise self._failed(ValueError(said))

    def _sent(self, answer: bytes, kind: str, spans_count: int) -> Sent:
        """What an ExportTraceServiceResponse says: all of them, or that some were refused."""
        try:
            refused_count, reason = refused_of(answer, kind)
        except ValueError as error:
            raise self._failed(ValueError(f"the answer is not OTLP's: {error}")) from error
        refused_count = min(max(refused_count, 0), spans_count)
        return Sent(spans_count - refused_count, {reason or "no reason": refused_count} if refused_count else {})

    def close(self) -> None:
        """See `TraceSource.close`."""
        self._client.close()

    def _spans(self, path: str, parameters: Mapping[str, str]) -> tuple[FoundSpan, ...]:
        found = self._get(path, parameters)
        if found is None:
            return ()
        try:
            return tuple(spans_of(found.get("result", found).get("resourceSpans") or ()))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._failed(ValueError(f"the answer is not Jaeger's: {error!r}")) from error

    def _get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
        """The JSON of an answer; None for what is not there."""
        body = bytearray()
        try:
            with self._client.stream(
                "GET", f"{self._base}{path}", params=dict(parameters), headers=self._headers()
            ) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > ANSWER_BYTES_MAX:
                        raise self._failed(ValueError(f"the answer has more than {ANSWER_BYTES_MAX} bytes"))
                status = answer.status_code
        except httpx2.HTTPError as error:
            raise self._failed(error) from error
        if status == 404:
            return None
        if status != 200:
            raise self._failed(ValueError(f"status {status}: {bytes(body[:200]).decode('utf-8', 'replace')}"))
        try:
            found = json.loads(body)
        except ValueError as error:
            raise self._failed(error) from error
        if not isinstance(found, dict):
            raise self._failed(ValueError("the answer is no object of JSON"))
        return found

    def _headers(self) -> dict[str, str]:
        value = self._address.authorization()
        return {"Authorization": value} if value else {}

    def _failed(self, error: Exception) -> SourceError:
        told = f"{type(error).__name__}: {error}"[:500]
        return SourceError(
            f"the source {self._address.name} ({self._address.url}) did not answer as it should: {told}",
            source=self._address.name,
        )


def _moment(at_ms: int) -> str:
    """
    >>> _moment(1777889472345)
    '2026-05-04T10:11:12.345000Z'
    """
    return f"{_EPOCH + timedelta(milliseconds=at_ms):%Y-%m-%dT%H:%M:%S.%fZ}"


def _duration(duration_ms: float | None) -> str:
    """As Go writes it.

    >>> _duration(1.5), _duration(None)
    ('1.5ms', '')
    """
    return "" if duration_ms is None else f"{duration_ms:.15g}ms"
