"""A POST to an address that is a secret: what goes wrong is told without it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx2

from trimtab.extend.receivers import ReceiverError

RETRIED = frozenset({408, 425, 429})
"""Statuses below 500 that are worth another try."""
ANSWER_BYTES_MAX = 64 * 1024
RETRY_AFTER_S_MAX = 3600.0


class Poster:
    """Posts to whatever address it is given. Does not follow redirects: a secret would go with them."""

    def __init__(self, timeout_s: float, ca_file: str = "") -> None:
        self._client = httpx2.Client(
            timeout=timeout_s, follow_redirects=False, trust_env=False, verify=_trusted(ca_file)
        )
        self._timeout_s = timeout_s

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """The answer, with a status of 2xx; ReceiverError for any other, or none."""
        if not url.startswith(("http://", "https://")):
            raise ReceiverError("its address does not begin with http:// or https://", is_final=False)
        try:
            answer = self._client.post(url, content=body, headers=dict(headers))
        except httpx2.TimeoutException:
            raise ReceiverError(f"no answer within {self._timeout_s:g} s") from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise ReceiverError("its address is no URL") from None
        except httpx2.ConnectError:
            raise ReceiverError("no connection: refused, not found, or not trusted") from None
        except httpx2.HTTPError as error:
            raise ReceiverError(f"the connection broke ({type(error).__name__})") from None
        if answer.is_success:
            return answer
        status = answer.status_code
        is_final = 300 <= status < 500 and status not in RETRIED
        raise ReceiverError(
            f"it answered {status}{_said(answer)}", is_final=is_final, retry_after_s=retry_after_s(answer.headers)
        )

    def close(self) -> None:
        """Let connections go."""
        self._client.close()


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After, bounded; None where there are none.

    >>> retry_after_s({"Retry-After": "30"}), retry_after_s({}), retry_after_s({"Retry-After": "Wed, 21 Oct"})
    (30.0, None, None)
    """
    text = headers.get("Retry-After", "")
    return min(float(text), RETRY_AFTER_S_MAX) if text.isascii() and text.isdigit() else None


def object_of(answer: httpx2.Response) -> dict[str, object]:
    """The JSON object that was answered; an empty one where it was something else."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _said(answer: httpx2.Response) -> str:
    """The first line of what it said, if it is short and plain: error codes such as `invalid_payload`."""
    text = answer.text[:200].strip().splitlines()[:1] if len(answer.content) <= ANSWER_BYTES_MAX else []
    line = text[0] if text else ""
    return f": {line[:120]}" if line.isprintable() and line and "://" not in line else ""


def _trusted(ca_file: str) -> bool | str:
    return ca_file or True
