"""The command line's way to a running server: HTTP on loopback, found by the data directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx2

from trimtab.model.errors import InputError, MissingError, ServerUnreachable, TrimtabError

TIMEOUT_S = 30.0
SERVER_FILE = "server.json"


def default_data_dir() -> Path:
    """`TRIMTAB_DATA_DIR`, else `trimtab` in the user's data folder (XDG_DATA_HOME, ~/.local/share)."""
    named = os.environ.get("TRIMTAB_DATA_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "trimtab"


def server_url(data_dir: Path, server: str | None) -> str:
    """Where the server listens: given, or written down in its data directory."""
    if server:
        if not server.startswith(("http://", "https://")):
            raise InputError(f"--server must be a URL such as http://127.0.0.1:9321, found {server!r}")
        return server.rstrip("/")
    note = data_dir / SERVER_FILE
    try:
        return str(json.loads(note.read_text())["url"])
    except (OSError, ValueError, KeyError) as error:
        raise ServerUnreachable(
            f"no running server found: {note} is not there or not readable. Start one with "
            f"'trimtab up --data-dir {data_dir}', or name one with --server URL",
            data_dir=str(data_dir),
        ) from error


class Client:
    """Requests to one server; its errors come back as the errors they were."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: object) -> Any:
        """GET under /api/trimtab."""
        query = {k: str(v) for k, v in parameters.items() if v is not None}
        return self._request("GET", path, params=query)

    def post(self, path: str, body: dict[str, object]) -> Any:
        """POST under /api/trimtab."""
        return self._request("POST", path, json=body)

    def delete(self, path: str) -> Any:
        """DELETE under /api/trimtab."""
        return self._request("DELETE", path)

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as http:
                answer = http.request(method, f"{self.url}/api/trimtab{path}", **arguments)
        except httpx2.InvalidURL as error:
            raise InputError(f"{self.url!r} is not a URL: {error}") from error
        except httpx2.HTTPError as error:
            raise ServerUnreachable(
                f"the server at {self.url} does not answer ({type(error).__name__}). Is 'trimtab up' running?",
                url=self.url,
            ) from error
        try:
            body = answer.json()
        except ValueError as error:
            raise ServerUnreachable(f"{self.url} does not speak trimtab's API", url=self.url) from error
        if answer.is_success:
            return body
        raise _as_error(answer.status_code, body)


def _as_error(status: int, body: Any) -> TrimtabError:
    error = body.get("error", {}) if isinstance(body, dict) else {}
    message = str(error.get("message", f"the server answered {status}"))
    facts = error.get("facts", {})
    kind = InputError if status in (400, 403, 404) else MissingError if status in (424, 429, 503) else TrimtabError
    return kind(message, **{str(k): v for k, v in facts.items() if k not in ("message", "self")})
