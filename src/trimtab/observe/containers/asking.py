"""Asks an engine's API over HTTP or a socket of the machine, for JSON, within limits of time and size."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from trimtab.model.errors import ServerUnreachable

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
Json = dict[str, object]


class Asking:
    """One API. `token` is asked each time: it is renewed on disk. For one thread at a time."""

    def __init__(
        self,
        address: str,
        *,
        token: Callable[[], str] | None = None,
        ca_file: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.address = address
        self._token, self._ca_file, self._timeout_s = token, ca_file, timeout_s
        self._client: httpx2.Client | None = None

    def get(self, path: str, **query: str) -> object:
        """The JSON of the answer. ServerUnreachable says what was wrong, with status and how the answer began."""
        import httpx2

        try:
            headers = {} if self._token is None else {"Authorization": f"Bearer {self._token()}"}
            with self._opened().stream("GET", path, params=query, headers=headers) as answer:
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES_MAX:
                        raise self._wrong(f"{path} answered more than {ANSWER_BYTES_MAX} bytes")
        except (httpx2.HTTPError, OSError) as error:
            raise self._wrong(f"{type(error).__name__}: {error}") from error
        if answer.status_code != 200:
            said = " ".join(body[:200].decode("utf-8", "replace").split())
            raise self._wrong(f"{path} answered {answer.status_code}: {said}", status=answer.status_code)
        try:
            return cast(object, json.loads(body))
        except ValueError as error:
            raise self._wrong(f"{path} answered what is no JSON: {error}") from error

    def close(self) -> None:
        """Again is no error."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _opened(self) -> httpx2.Client:
        import httpx2

        if self._client is None:
            if self.address.startswith("unix://"):
                if not Path(self.address.removeprefix("unix://")).is_socket():
                    raise self._wrong("there is no such socket: the engine does not run, or listens elsewhere")
                transport = httpx2.HTTPTransport(uds=self.address.removeprefix("unix://"))
                self._client = httpx2.Client(base_url="http://engine", transport=transport, timeout=self._timeout_s)
            else:
                verify = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else True
                self._client = httpx2.Client(
                    base_url=self.address.rstrip("/"), verify=verify, timeout=self._timeout_s, trust_env=False
                )
        return self._client

    def _wrong(self, what: str, **facts: object) -> ServerUnreachable:
        self.close()
        return ServerUnreachable(f"{self.address}: {what}", address=self.address, **facts)


def quoted(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object; anything else is an empty one.

    >>> mapping({"a": 1})["a"], mapping(None)
    (1, {})
    """
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """A JSON array; anything else is an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON string; anything else is an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """A JSON number; None for anything else.

    >>> number(3), number("3"), number(True)
    (3.0, None, None)
    """
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
