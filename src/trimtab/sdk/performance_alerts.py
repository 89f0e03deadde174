"""`PerformanceAlerts`: an anomaly that a program noticed becomes an alert of a running server, routed as others are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2

from trimtab.model.errors import InputError, NotAllowed, ServerUnreachable

ALERT = "PerformanceAnomaly"
TOKEN_VARIABLE = "TRIMTAB_TOKEN"  # noqa: S105  (the name of a variable)
EXECUTION_LABELS = ("system", "service", "database", "fingerprint", "query_id", "query_hash")
"""What of an execution says which query it is; the rest of it differs each time, and would make each an alert."""
ANOMALY_LABELS = ("metric", "name", "kind", "type")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CHARS_MAX = 1000
_NAME = re.compile(r"[^a-zA-Z0-9_]")


class PerformanceAlerts:
    """Alerts of a running server, triggered from Python.

    `token` is one of an operator (else the variable TRIMTAB_TOKEN); on this machine none is needed where the server
    asks for none. An alert that is triggered again fires on; after `length_s` it ends by itself.
    """

    def __init__(
        self, server: str = "http://127.0.0.1:9321", *, token: str | None = None, timeout_s: float = 10.0
    ) -> None:
        host = urlsplit(server).hostname
        self._url = server.rstrip("/")
        self._token = token or os.environ.get(TOKEN_VARIABLE) or None
        self._timeout_s = timeout_s
        if not server.startswith(("http://", "https://")) or host is None:
            raise InputError(f"server is a URL such as http://127.0.0.1:9321, found {server!r}", field="server")
        if self._token and server.startswith("http://") and host not in _LOOPBACK:
            raise InputError(f"the token would travel to {host} in the clear: use https://", field="server")

    def trigger_performance_alert(
        self,
        anomalies: Sequence[object],
        query_execution: object = None,
        *,
        severity: str = "warning",
        length_s: float = 3600.0,
    ) -> tuple[str, ...]:
        """One alert for each anomaly; their fingerprints. Raises at the first that could not be triggered.

        An anomaly is a text, or a mapping or an object with some of `metric`, `severity`, `value`, `summary`; an
        execution one with some of `EXECUTION_LABELS`.
        """
        bodies = [body_of(anomaly, query_execution, severity, length_s) for anomaly in anomalies]
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        with httpx2.Client(timeout=self._timeout_s, headers=headers, trust_env=False) as client:
            return tuple(self._trigger(client, body) for body in bodies)

    def _trigger(self, client: httpx2.Client, body: dict[str, object]) -> str:
        try:
            answer = client.post(f"{self._url}/api/trimtab/alerts/trigger", json=body)
            said: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ServerUnreachable(
                f"could not trigger an alert at {self._url}: {type(error).__name__}", url=self._url
            ) from error
        if answer.is_success:
            return str(said["fingerprint"])
        message = str(said.get("error", {}).get("message", answer.status_code))
        kind = NotAllowed if answer.status_code in (401, 403) else InputError if answer.status_code == 400 else None
        raise (kind or ServerUnreachable)(f"could not trigger an alert at {self._url}: {message}", url=self._url)


def body_of(anomaly: object, execution: object, severity: str, length_s: float) -> dict[str, object]:
    """The request for one anomaly.

    >>> made = body_of({"metric": "execution_time_ms", "value": 812.0}, {"fingerprint": "ab12", "rows": 7}, "page", 60)
    >>> made["labels"], made["value"]
    ({'severity': 'page', 'fingerprint': 'ab12', 'metric': 'execution_time_ms'}, 812.0)
    >>> made["annotations"]["summary"]
    'execution_time_ms is 812'
    """
    labels = {"severity": str(_part(anomaly, "severity") or severity)}
    labels |= {name: _text(value) for name in EXECUTION_LABELS if (value := _part(execution, name)) is not None}
    labels |= {name: _text(value) for name in ANOMALY_LABELS if (value := _part(anomaly, name)) is not None}
    value = _part(anomaly, "value")
    number = float(value) if isinstance(value, int | float) and abs(value) < float("inf") else 1.0
    return {
        "name": ALERT,
        "labels": {_NAME.sub("_", name): text for name, text in labels.items()},
        "annotations": {"summary": _summary(anomaly, labels, value)},
        "value": number,
        "length_s": length_s,
    }


def _summary(anomaly: object, labels: Mapping[str, str], value: object) -> str:
    said = anomaly if isinstance(anomaly, str) else _part(anomaly, "summary") or _part(anomaly, "message")
    if said:
        return _text(said)
    what = next((labels[name] for name in ANOMALY_LABELS if name in labels), "something")
    return f"{what} is {value:g}" if isinstance(value, int | float) else f"{what} is not as usual"


def _part(of: object, name: str) -> object:
    """A field of a mapping or an object; None where there is none."""
    if isinstance(of, str) or of is None:
        return None
    return of.get(name) if isinstance(of, Mapping) else getattr(of, name, None)


def _text(value: object) -> str:
    return str(value)[:_CHARS_MAX]
