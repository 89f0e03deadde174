"""The command line's way to a running server: HTTP on loopback, found by the data directory; or HTTPS with a token."""

from __future__ import annotations

import getpass
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from trimtab.cli.segment import check_path
from trimtab.cli.server_note import read_note
from trimtab.cli.tls_probe import speaks_tls
from trimtab.model.errors import (
    ConflictError,
    InputError,
    LoginNeeded,
    MissingError,
    NotAllowed,
    NotFound,
    ServerUnreachable,
    TooManyTries,
    TrimtabError,
)

TIMEOUT_S = 30.0
FOLLOW_TIMEOUT_S = 60.0
QUERY_TIMEOUT_S = 130.0
"""A little more than a query may take."""
TOKEN_VARIABLE = "TRIMTAB_TOKEN"  # noqa: S105  (the name of a variable)
SERVER_VARIABLE = "TRIMTAB_SERVER"
TOKEN_BYTES_MAX = 1000
ACTOR_HEADER = "X-Trimtab-Actor"
"""Who asks, for a server that needs no login (see `trimtab.api.actor`)."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KINDS: dict[int, type[TrimtabError]] = {
    400: InputError,
    401: LoginNeeded,
    403: NotAllowed,
    404: NotFound,
    408: MissingError,
    409: ConflictError,
    413: InputError,
    424: MissingError,
    429: TooManyTries,
    503: MissingError,
}


def default_data_dir() -> Path:
    """`TRIMTAB_DATA_DIR`, else `trimtab` in the user's data folder (XDG_DATA_HOME, ~/.local/share)."""
    named = os.environ.get("TRIMTAB_DATA_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "trimtab"


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach a server: what the options and the environment say."""

    data_dir: Path
    server: str | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    insecure_http: bool = False


def find_server(way: Way) -> Client:
    """A client for the server that was named, or else the one that is written down in the data directory."""
    token = _given_token(way.token_file)
    if way.server is None:
        note = read_note(way.data_dir)
        trust = None if way.ca_file is None and note.certificate is None else _trust(way.ca_file, note.certificate)
        return Client(note.url, token or note.token, trust, insecure_http=way.insecure_http, goes_by_user=token is None)
    if not way.server.startswith(("http://", "https://")):
        raise InputError(
            f"the server (--server, {SERVER_VARIABLE}) is a URL such as http://127.0.0.1:9321, found {way.server!r}"
        )
    trust = _trust(way.ca_file, None) if way.server.startswith("https://") else None
    return Client(way.server.rstrip("/"), token, trust, insecure_http=way.insecure_http, goes_by_user=token is None)


def _given_token(file: Path | None) -> str | None:
    """From --token-file, else from the environment; never from an argument, which everybody could read."""
    if file is None:
        said = os.environ.get(TOKEN_VARIABLE)
        return _checked(said, f"the variable {TOKEN_VARIABLE}") if said else None
    try:
        with file.open() as opened:
            text = opened.read(TOKEN_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file {file}: {getattr(error, 'strerror', None) or 'not a text'}") from error
    if not text:
        raise InputError(f"--token-file {file}: it is empty")
    return _checked(text, f"--token-file {file}")


def _checked(token: str, place: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{place}: that is no token")
    return token


def _trust(ca_file: Path | None, certificate: str | None) -> ssl.SSLContext:
    """Whom to believe: an authority's file that was given; the very certificate that the server on this machine told of
    in its data directory (whatever name is in it); or else the system's authorities."""
    try:
        if ca_file is not None or certificate is None:
            return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(certificate)
    except OSError as error:
        place = f"--ca-file {ca_file}" if ca_file is not None else f"the server's certificate {certificate}"
        reason = "no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise InputError(f"{place}: {reason}") from error
    return context


class Client:
    """Requests to one server; its errors come back as the errors they were."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        trust: ssl.SSLContext | None = None,
        *,
        insecure_http: bool = False,
        goes_by_user: bool = False,
    ) -> None:
        """`goes_by_user`: no token was given, so ledger and audit get the user's name (`cli:USER`)."""
        self.url = url
        self._token = token
        self._trust = trust
        self._goes_by_user = goes_by_user
        try:
            host = urlsplit(url).hostname
        except ValueError as error:
            raise InputError(f"{url!r} is not a URL: {error}") from error
        if token is not None and url.startswith("http://") and host not in _LOOPBACK and not insecure_http:
            raise InputError(
                f"the token would travel to {host} in the clear: use https://, or --insecure-http where that is meant"
            )

    @property
    def me(self) -> str | None:
        """The name for ledger and audit; None where the server knows who has the token."""
        return None if self._token is not None else f"cli:{getpass.getuser()}"

    def get(self, path: str, **parameters: object) -> Any:
        """GET under /api/trimtab."""
        query = {k: str(v) for k, v in parameters.items() if v is not None}
        return self._request("GET", path, params=query)

    def post(self, path: str, body: dict[str, object], timeout_s: float = TIMEOUT_S) -> Any:
        """POST under /api/trimtab; `timeout_s` where the answer may take longer than others."""
        return self._request("POST", path, timeout_s=timeout_s, json=body)

    def put(self, path: str, body: dict[str, object]) -> Any:
        """PUT under /api/trimtab."""
        return self._request("PUT", path, json=body)

    def delete(self, path: str, **parameters: object) -> Any:
        """DELETE under /api/trimtab."""
        query = {k: str(v) for k, v in parameters.items() if v is not None}
        return self._request("DELETE", path, params=query)

    def follow(self, path: str, **parameters: object) -> Iterator[tuple[str, Any]]:
        """Server-sent events under /api/trimtab, until the server ends them: the name and the data of each."""
        query = {k: str(v) for k, v in parameters.items() if v is not None}
        with (
            self._http(FOLLOW_TIMEOUT_S) as http,
            http.stream("GET", f"{self.url}/api/trimtab{path}", params=query) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise _as_error(answer.status_code, answer.json())
            name = ""
            for line in answer.iter_lines():
                kind, _, text = line.partition(": ")
                if kind == "event":
                    name = text
                elif kind == "data":
                    yield name, json.loads(text)

    def send(self, path: str, body: bytes, media_type: str) -> httpx2.Response:
        """POST of telemetry, wherever on the port; the answer as it is."""
        return self._sent("POST", path, content=body, headers={"Content-Type": media_type})

    def ask_prometheus(self, path: str, values: Mapping[str, str]) -> tuple[int, bytes]:
        """GET of the Prometheus API (`/api/v1/…`): status and body."""
        with self._http(QUERY_TIMEOUT_S) as http:
            answer = http.get(f"{self.url}{path}", params=dict(values))
        if answer.status_code in (401, 403):
            raise _as_error(answer.status_code, answer.json())
        return answer.status_code, answer.content

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._sent(method, f"/api/trimtab{check_path(path)}", **arguments)
        try:
            body = answer.json()
        except ValueError as error:
            raise ServerUnreachable(f"{self.url} does not speak trimtab's API", url=self.url) from error
        if answer.is_success:
            return body
        raise _as_error(answer.status_code, body)

    def _sent(self, method: str, path: str, timeout_s: float = TIMEOUT_S, **arguments: Any) -> httpx2.Response:
        with self._http(timeout_s) as http:
            return http.request(method, f"{self.url}{path}", **arguments)

    @contextmanager
    def _http(self, timeout_s: float) -> Iterator[httpx2.Client]:
        """A client with what the server wants to know; its errors are ours."""
        headers = {} if self._token is None else {"Authorization": f"Bearer {self._token}"}
        if self._goes_by_user:
            headers[ACTOR_HEADER] = quote(f"cli:{getpass.getuser()}")
        verify = True if self._trust is None else self._trust
        try:
            patience = httpx2.Timeout(timeout_s, connect=min(timeout_s, TIMEOUT_S))
            with httpx2.Client(timeout=patience, trust_env=False, verify=verify, headers=headers) as http:
                yield http
        except httpx2.InvalidURL as error:
            raise InputError(f"{self.url!r} is not a URL: {error}") from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(_unreachable(self.url, error, timeout_s), url=self.url) from error


def _unreachable(url: str, error: Exception, timeout_s: float) -> str:
    if isinstance(error, httpx2.ReadTimeout):
        return f"the server at {url} took the request and did not answer it within {timeout_s:g} s; it may still do it"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        said = str(error).rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        if "not valid for" in said:
            return f"{said.rstrip('.')}: name the server as its certificate does"
        return f"the certificate of {url} is not trusted ({said}): give the authority's with --ca-file FILE"
    if speaks_tls(url):
        return f"the server at {url} speaks https: name it with https://{url.removeprefix('http://')}"
    return f"the server at {url} does not answer ({type(error).__name__}). Is 'trimtab up' running?"


_TYPED = {
    "case_id": "NUMBER",
    "before_seq": "--before",
    "limit": "--limit",
    "from": "--from",
    "to": "--to",
    "reason": "--reason",
}
"""What a person typed for a field of the API."""


def _in_typed_words(message: str, field: object) -> str:
    """The API's message with the option in place of the field.

    >>> _in_typed_words("before_seq must be from 1 to 9, found 0", "before_seq")
    '--before must be from 1 to 9, found 0'
    """
    name = str(field)
    if name in _TYPED and message.startswith((f"{name} ", f"{name}:")):
        return _TYPED[name] + message[len(name) :]
    return message


def _as_error(status: int, body: Any) -> TrimtabError:
    error = body.get("error", {}) if isinstance(body, dict) else {}
    message = str(error.get("message", f"the server answered {status}"))
    if status == 401:
        message = f"{message}. Give a token: {TOKEN_VARIABLE}, or --token-file FILE (made with 'trimtab token create')"
    facts = error.get("facts", {})
    message = _in_typed_words(message, facts.get("field"))
    kind = _KINDS.get(status, TrimtabError)
    return kind(message, **{str(k): v for k, v in facts.items() if k not in ("message", "self")})
