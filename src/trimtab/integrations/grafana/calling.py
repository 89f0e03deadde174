"""One request to Grafana's HTTP API: with a time-out, and an error that names what it was about and never the token."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping

import httpx2

from trimtab.extend.dashboards import Place, ServerRefused

ANSWER_BYTES_MAX = 16 * 1024 * 1024
SAID_CHARS_MAX = 200
_HINTS = {
    401: "the token is not one of that Grafana, or was taken back",
    403: "the token may not do that: its service account needs the role Editor (Admin for data sources)",
    404: "there is no such thing, or this is no Grafana",
    **dict.fromkeys((301, 302, 303, 307, 308), "it leads elsewhere (a login page, https?), and the token stays here"),
}
Json = dict[str, object]


class Caller:
    """Asks one server. Does not follow redirects: the token would go with them."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._client = httpx2.Client(
            base_url=place.url, timeout=place.timeout_s, follow_redirects=False, trust_env=False, verify=_trusted(place)
        )

    def get(
        self, path: str, about: str, query: Mapping[str, str | list[str]] | None = None
    ) -> Json | list[Json] | None:
        """The answer; None where there is no such thing (404)."""
        return self._ask("GET", path, about, query=query, may_be_missing=True)

    def get_one(self, path: str, about: str) -> Json | None:
        """One thing; None where it is not there, ServerRefused where the answer is no thing at all."""
        found = self.get(path, about)
        if isinstance(found, list) or found == {}:
            raise self._no_grafana(about)
        return found

    def send(
        self,
        method: str,
        path: str,
        about: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """What it answered to a body."""
        found = self._ask(method, path, about, body=body, headers=headers)
        if not isinstance(found, dict):
            raise self._no_grafana(about)
        return found

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _ask(
        self,
        method: str,
        path: str,
        about: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        may_be_missing: bool = False,
    ) -> Json | list[Json] | None:
        sent = {"Accept": "application/json", **(headers or {})}
        token = self._place.token()
        if token:
            sent["Authorization"] = f"Bearer {token}"
        where = f"{about}: Grafana at {self._place.url}"
        try:
            answer = self._client.request(method, path, params=query, json=body, headers=sent)
        except httpx2.TimeoutException:
            raise ServerRefused(f"{where} did not answer within {self._place.timeout_s:g} s") from None
        except httpx2.HTTPError as error:
            raise ServerRefused(f"{where} cannot be reached ({type(error).__name__})") from None
        if may_be_missing and answer.status_code == 404:
            return None
        if not answer.is_success:
            hint = _HINTS.get(answer.status_code, "")
            said = f"{where} answered {answer.status_code}{_said(answer)}"
            raise ServerRefused(f"{said}; {hint}" if hint else said, status=answer.status_code)
        if len(answer.content) > ANSWER_BYTES_MAX:
            raise ServerRefused(f"{where} answered with more than {ANSWER_BYTES_MAX // 2**20} MiB")
        try:
            found = json.loads(answer.content or b"{}")
        except ValueError:
            raise ServerRefused(f"{where} answered with something that is no JSON: is that its address?") from None
        if not isinstance(found, dict | list):
            raise self._no_grafana(about)
        return found

    def _no_grafana(self, about: str) -> ServerRefused:
        """Its documented answers are objects, or lists of them."""
        return ServerRefused(f"{about}: Grafana at {self._place.url} answered as no Grafana does: is that its address?")


def _said(answer: httpx2.Response) -> str:
    """What Grafana says of it, if it is short and plain."""
    try:
        found = json.loads(answer.content[:ANSWER_BYTES_MAX])
    except ValueError:
        return ""
    message = found.get("message") if isinstance(found, dict) else None
    return f": {message[:SAID_CHARS_MAX]}" if isinstance(message, str) and message.isprintable() and message else ""


def _trusted(place: Place) -> ssl.SSLContext | bool:
    if not place.ca_file:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=place.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ServerRefused(f"the authorities in {place.ca_file} could not be read: {error}") from error
    return context
