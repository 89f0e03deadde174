"""A Prometheus-compatible server as the store of metrics (`--metrics URL`): questions are passed through to it.

The URL holds no password. Where the server wants one, the whole value of the Authorization header stands in the
environment variable `TRIMTAB_METRICS_AUTHORIZATION` of this process, and goes nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from trimtab.model.errors import InputError, ServerUnreachable

AUTHORIZATION = "TRIMTAB_METRICS_AUTHORIZATION"
CONNECT_S = 5.0
READ_S = 125.0
"""A little more than Prometheus itself takes for a query at most."""
CONNECTIONS_MAX = 20
SAID_CHARS_MAX = 500
ANSWER_BYTES_MAX = 64 * 2**20
"""What a page reads of one answer at most."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, the headers that matter, and the body as it comes."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]


class Upstream:
    """One server. Its address is shown in messages; nothing secret is in it."""

    def __init__(self, url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.url = checked_url(url)
        secret = os.environ.get(AUTHORIZATION)
        headers = None if secret is None else {"Authorization": secret}
        self._blocking = httpx2.Client(headers=headers, follow_redirects=False, trust_env=False)
        self._client = httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=httpx2.Timeout(READ_S, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, query: str, body: bytes | None, headers: Mapping[str, str]
    ) -> AsyncIterator[Reply]:
        """Pass one request on. Raises ServerUnreachable, saying how it failed."""
        target = f"{self.url}{path}{f'?{query}' if query else ''}"
        try:
            async with self._client.stream(method, target, content=body, headers=dict(headers)) as reply:
                yield Reply(reply.status_code, reply.headers.get("content-type", ""), reply.aiter_bytes())
        except httpx2.TimeoutException as error:
            raise ServerUnreachable(
                f"the metrics server {self.url} did not answer in time ({type(error).__name__}, {READ_S:g} s)"
            ) from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(f"the metrics server {self.url} cannot be asked: {error}") from error

    def ask_now(self, method: str, path: str, values: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
        """Ask and wait, on a thread that may: status and body. Raises ServerUnreachable."""
        params, data = (values, None) if method == "GET" else (None, values)
        timeout = httpx2.Timeout(timeout_s, connect=CONNECT_S)
        body = bytearray()
        try:
            with self._blocking.stream(method, f"{self.url}{path}", params=params, data=data, timeout=timeout) as reply:
                for piece in reply.iter_bytes():
                    body += piece
                    if len(body) > ANSWER_BYTES_MAX:
                        raise ServerUnreachable(
                            f"the metrics server {self.url} answered with more than {ANSWER_BYTES_MAX // 2**20} MiB: "
                            "take a shorter range or a narrower query",
                            limit=ANSWER_BYTES_MAX,
                        )
                return reply.status_code, bytes(body)
        except httpx2.TimeoutException as error:
            raise ServerUnreachable(f"the metrics server {self.url} did not answer within {timeout_s:g} s") from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(f"the metrics server {self.url} cannot be asked: {error}") from error

    def send_now(self, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[int, str]:
        """Send bytes and wait, on a thread that may: status, and the beginning of what it says."""
        timeout = httpx2.Timeout(timeout_s, connect=CONNECT_S)
        try:
            reply = self._blocking.post(f"{self.url}{path}", content=body, headers=dict(headers), timeout=timeout)
        except httpx2.TimeoutException as error:
            raise ServerUnreachable(f"the metrics server {self.url} did not answer within {timeout_s:g} s") from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(f"the metrics server {self.url} cannot be asked: {error}") from error
        return reply.status_code, reply.text[:SAID_CHARS_MAX]

    async def close(self) -> None:
        """Let its connections go."""
        self._blocking.close()
        await self._client.aclose()


def checked_url(url: str) -> str:
    """The URL without a slash at its end; InputError for one that is none, or that holds a password.

    >>> checked_url("http://127.0.0.1:9090/"), checked_url("https://mimir.example/prometheus")
    ('http://127.0.0.1:9090', 'https://mimir.example/prometheus')
    >>> checked_url("http://me:secret@prom:9090")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: --metrics: the URL holds a password; put the header's value into
    TRIMTAB_METRICS_AUTHORIZATION instead
    """
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise InputError("--metrics: this is no URL; it begins with http:// or https://") from None
    if parts.username is not None or parts.password is not None:
        raise InputError(f"--metrics: the URL holds a password; put the header's value into {AUTHORIZATION} instead")
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_right:
        raise InputError(f"--metrics: {url!r} is no URL of a server; it begins with http:// or https://", observed=url)
    if parts.query or parts.fragment:
        raise InputError(
            f"--metrics: {url!r} has a query or fragment; give the base that /api/v1 follows", observed=url
        )
    return url.rstrip("/")
