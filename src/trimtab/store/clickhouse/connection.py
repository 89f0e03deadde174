"""One ClickHouse server over HTTP: a statement goes there, bytes come back, and what went wrong has the server's code.

Why a client of our own: what is used of the protocol is a POST with parameters, external tables (multipart), settings
and Arrow, which is less than what a general client hides. Nothing is retried here but what certainly did not begin.
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx2

from trimtab.model.errors import EngineRefused, MissingError
from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.codes import MACHINE_CODES, NETWORK
from trimtab.store.engine import Body, Parameters
from trimtab.store.parameters import engine_parameters

if TYPE_CHECKING:
    import pyarrow as pa

Settings = Mapping[str, str | int]

_MESSAGE_CHARS_MAX = 600
_URL_CHARS_MAX = 8_000
"""What is longer travels in the body: proxies and servers bound the length of addresses."""
_IDLE_S = 2.0
"""A server closes idle connections after three seconds or more: ours are gone before."""
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Connection:
    """Requests to one host. May be used from any thread."""

    def __init__(self, address: Address, host: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self.host = host
        self._address = address
        self._fixed = {"database": address.database, "default_format": "ArrowStream"}
        self._client = httpx2.Client(
            base_url=address.url_of(host),
            headers={
                b"X-ClickHouse-User": address.user.encode(),
                b"X-ClickHouse-Key": address.password.encode(),
                b"User-Agent": b"trimtab",
            },
            timeout=httpx2.Timeout(
                address.timeout_s + 10, connect=address.connect_timeout_s, pool=float(address.timeout_s)
            ),
            limits=httpx2.Limits(
                max_connections=address.connections,
                max_keepalive_connections=address.connections,
                keepalive_expiry=_IDLE_S,
            ),
            verify=_trusted(address) if address.is_secure else True,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def run(
        self,
        sql: str,
        parameters: Parameters | None,
        settings: Settings,
        bodies: Mapping[str, Body] | None = None,
        *,
        query_id: str,
        timeout_s: float | None = None,
    ) -> bytes:
        """One statement; EngineRefused with the server's code, or `NETWORK`, in which case `facts["is_begun"]` says
        whether the server may have begun it, or even have done it. `timeout_s` is for one that may take longer."""
        query = self._fixed | {name: str(value) for name, value in settings.items()} | {"query_id": query_id}
        fields = {f"param_{name}": text for name, text in engine_parameters(parameters or {}).items()}
        try:
            request = self._request(sql, query, fields, bodies or {})
            if timeout_s is not None:
                request.extensions["timeout"] |= {"read": timeout_s}
            reply = self._client.send(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise self._unreachable(error, is_begun=False) from None
        except httpx2.HTTPError as error:
            raise self._unreachable(error, is_begun=True) from None
        code = reply.headers.get("X-ClickHouse-Exception-Code")
        if code is not None or reply.status_code != 200:
            raise self._refused(reply, code)
        return reply.content

    def _request(
        self, sql: str, query: dict[str, str], fields: dict[str, str], bodies: Mapping[str, Body]
    ) -> httpx2.Request:
        length = sum(len(name) + len(text) for name, text in fields.items())
        if not bodies and length <= _URL_CHARS_MAX:
            return self._client.build_request("POST", "/", params=query | fields, content=sql.encode())
        files: dict[str, tuple[str | None, bytes]] = {"query": (None, sql.encode())}
        files |= {name: (None, text.encode()) for name, text in fields.items()}
        for name, body in bodies.items():
            query |= {f"{name}_format": body.format, f"{name}_structure": body.structure}
            files[name] = (name, b"".join(body.parts))
        return self._client.build_request(
            "POST",
            "/",
            params=query,
            files=files,
        )

    def _unreachable(self, error: Exception, *, is_begun: bool) -> EngineRefused:
        what = str(error) or type(error).__name__
        return EngineRefused(
            f"{self.host} does not answer: {what[:_MESSAGE_CHARS_MAX]}",
            code=NETWORK,
            host=self.host,
            is_machine=True,
            is_begun=is_begun,
            is_timeout=isinstance(error, httpx2.TimeoutException),
        )

    def _refused(self, reply: httpx2.Response, code: str | None) -> EngineRefused:
        text = reply.text.replace(self._address.password, "***") if self._address.password else reply.text
        number = int(code) if code is not None and code.isdigit() else None
        text = text.strip()[:_MESSAGE_CHARS_MAX] or f"status {reply.status_code}"
        return EngineRefused(
            f"{self.host} refused: {text}",
            code=number,
            host=self.host,
            status=reply.status_code,
            is_machine=number in MACHINE_CODES or number is None,
            is_begun=False,
        )

    def close(self) -> None:
        """End its connections."""
        self._client.close()


def arrow_of(data: bytes, host: str) -> pa.Table:
    """The table of an Arrow stream; EngineRefused where it is cut short, even between two batches."""
    import pyarrow as pa

    if not data:
        return pa.schema([]).empty_table()
    if not data.endswith(_END_OF_STREAM):
        raise EngineRefused(
            f"{host} broke off its answer after {len(data)} bytes", code=NETWORK, host=host, is_machine=True
        )
    source = pa.BufferReader(data)
    try:
        table = pa.ipc.open_stream(source).read_all()
    except pa.ArrowInvalid as error:
        raise EngineRefused(f"{host} answered something that is no table: {error}", host=host) from None
    if source.tell() != len(data):
        raise EngineRefused(f"the answer of {host} has {len(data) - source.tell()} bytes too many", host=host)
    return table


class QueryIds:
    """Names for statements of one writer, so that what a lost connection left running can be found and ended."""

    def __init__(self, writer_id: str) -> None:
        self.prefix = f"trimtab-{writer_id}-"

    def next(self) -> str:
        """A name that is used once."""
        return f"{self.prefix}{uuid.uuid4().hex}"


def _trusted(address: Address) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=address.ca_file or None)
    except OSError as error:
        raise MissingError(f"--store: ca_file {address.ca_file}: {error.strerror or error}") from None
