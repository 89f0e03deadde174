"""Alertmanager's API, version 2: what trimtab asks of it. Waits; any thread may ask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec

from trimtab.model.alerts import Alert, AlertState
from trimtab.model.errors import InputError, MissingError, NotFound, ServerUnreachable, TrimtabError
from trimtab.model.notify import NamedAlertmanager
from trimtab.model.silences import Matcher, Silence

Answer = TypeVar("Answer")

ANSWER_BYTES_MAX = 64 * 2**20
SECRET_BYTES_MAX = 8192
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class Refused(InputError):
    """It did not take what it was sent."""


@dataclass(frozen=True, slots=True)
class SeenAlert:
    """An alert as an Alertmanager shows it."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    state: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    receivers: tuple[str, ...]
    starts_at_ms: int


@dataclass(frozen=True, slots=True)
class SeenGroup:
    """Alerts that it tells together."""

    receiver: str
    labels: dict[str, str]
    alerts: tuple[SeenAlert, ...]


class AlertmanagerApi:
    """One Alertmanager. Nothing that it raises holds its credentials."""

    def __init__(
        self, named: NamedAlertmanager, timeout_s: float, environment: Mapping[str, str] | None = None
    ) -> None:
        self.named = named
        self._environment = os.environ if environment is None else environment
        self._client = httpx2.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)
        self.clock_ms: int | None = None
        """What its clock said in the last answer, to the second; None before the first one."""

    def push(self, alerts: Iterable[tuple[Alert, int]], by_ms: int = 0) -> None:
        """Alerts, each with the moment at which it ends, or counts as ended when nothing more comes. All moments are
        moved by `by_ms`: by how much its clock is before ours."""
        body = [posted(alert, ends_at_ms, by_ms) for alert, ends_at_ms in alerts]
        self._ask("POST", "/api/v2/alerts", body)

    def alerts(self) -> tuple[SeenAlert, ...]:
        """All that it has, silenced and inhibited ones among them."""
        return tuple(_alert(one) for one in self._list(self._ask("GET", "/api/v2/alerts")))

    def groups(self) -> tuple[SeenGroup, ...]:
        """As it tells them."""
        return tuple(
            SeenGroup(
                str((one.get("receiver") or {}).get("name", "")),
                {str(k): str(v) for k, v in (one.get("labels") or {}).items()},
                tuple(_alert(alert) for alert in one.get("alerts") or ()),
            )
            for one in self._list(self._ask("GET", "/api/v2/alerts/groups"))
        )

    def silences(self) -> tuple[Silence, ...]:
        """Those that it keeps, ended ones among them."""
        return tuple(_silence(one) for one in self._list(self._ask("GET", "/api/v2/silences")))

    def add_silence(self, silence: Silence) -> str:
        """Make one; its id."""
        body = {
            "matchers": [
                {"name": one.name, "value": one.value, "isRegex": one.is_regex, "isEqual": one.is_equal}
                for one in silence.matchers
            ],
            "startsAt": rfc3339(silence.starts_at_ms),
            "endsAt": rfc3339(silence.ends_at_ms),
            "createdBy": silence.created_by,
            "comment": silence.comment,
        }
        answer = self._ask("POST", "/api/v2/silences", body)
        return str(answer.get("silenceID", "")) if isinstance(answer, dict) else ""

    def expire_silence(self, number: str) -> None:
        """End one. NotFound where there is none."""
        if not number or not all(c.isalnum() or c == "-" for c in number):
            raise NotFound(f"there is no silence {number[:60]!r}", field="silence")
        self._ask("DELETE", f"/api/v2/silence/{number}")

    def version(self) -> str:
        """What it says of itself."""
        answer = self._ask("GET", "/api/v2/status")
        info = answer.get("versionInfo") if isinstance(answer, dict) else None
        return str(info.get("version", "")) if isinstance(info, dict) else ""

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        name = self.named.name
        content = None if body is None else msgspec.json.encode(body)
        try:
            answer = self._client.request(
                method, f"{self.named.url}{path}", content=content, headers=self._headers(content is not None)
            )
        except httpx2.TimeoutException:
            raise ServerUnreachable(f"Alertmanager {name} did not answer in time", alertmanager=name) from None
        except httpx2.HTTPError as error:
            raise ServerUnreachable(
                f"Alertmanager {name} cannot be reached at {self.named.url} ({type(error).__name__})", alertmanager=name
            ) from None
        if len(answer.content) > ANSWER_BYTES_MAX:
            raise ServerUnreachable(f"Alertmanager {name} answered over {ANSWER_BYTES_MAX} bytes", alertmanager=name)
        self.clock_ms = _date_ms(answer.headers.get("Date", ""))
        if answer.is_success:
            try:
                return msgspec.json.decode(answer.content) if answer.content.strip() else None
            except msgspec.DecodeError:
                raise ServerUnreachable(f"Alertmanager {name} does not answer in JSON", alertmanager=name) from None
        said = " ".join(answer.text[:300].split())
        if answer.status_code == 404:
            raise NotFound(f"Alertmanager {name} has no such thing: {said}", alertmanager=name)
        if answer.status_code == 400:
            raise Refused(f"Alertmanager {name} refused it: {said}", alertmanager=name)
        raise ServerUnreachable(f"Alertmanager {name} answered {answer.status_code}: {said}", alertmanager=name)

    def _list(self, answer: object) -> list[Any]:
        if not isinstance(answer, list):
            raise ServerUnreachable(
                f"Alertmanager {self.named.name} did not answer with a list", alertmanager=self.named.name
            )
        return answer

    def _headers(self, has_body: bool) -> dict[str, str]:
        secret = self._secret()
        return {
            **({"Content-Type": "application/json"} if has_body else {}),
            **({"Authorization": secret} if secret else {}),
        }

    def _secret(self) -> str:
        variable = self.named.authorization_variable
        value = self._environment.get(variable, "")
        file = self._environment.get(f"{variable}_FILE", "")
        if not value and file:
            try:
                with Path(file).open(encoding="utf-8") as opened:
                    value = opened.read(SECRET_BYTES_MAX)
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "not a text"
                raise MissingError(f"{variable}_FILE could not be read: {reason}") from None
        return value.strip()


def ask_all(
    apis: Sequence[AlertmanagerApi], question: Callable[[AlertmanagerApi], Answer]
) -> tuple[dict[str, Answer], dict[str, str]]:
    """What each answers, asked at the same time, and why some do not."""
    found: dict[str, Answer] = {}
    missing: dict[str, str] = {}
    if not apis:
        return found, missing
    with ThreadPoolExecutor(len(apis)) as pool:
        asked = {api.named.name: pool.submit(question, api) for api in apis}
    for name, answer in asked.items():
        try:
            found[name] = answer.result()
        except TrimtabError as error:
            missing[name] = error.message
    return found, missing


def posted(alert: Alert, ends_at_ms: int, by_ms: int = 0) -> dict[str, object]:
    """An alert as it is sent. Names of labels that Alertmanager would refuse get `_` for what is not allowed."""
    return {
        "labels": {label_name(name): value for name, value in alert.labels},
        "annotations": {label_name(name): value for name, value in alert.annotations},
        "startsAt": rfc3339((alert.fired_at_ms or alert.active_at_ms) + by_ms),
        "endsAt": rfc3339(ends_at_ms + by_ms),
        **({"generatorURL": alert.generator_url} if alert.generator_url else {}),
    }


def label_name(name: str) -> str:
    """A name as Prometheus allowed them before 3.0.

    >>> label_name("http.route"), label_name("9a"), label_name("job")
    ('http_route', '_9a', 'job')
    """
    made = "".join(c if c in _NAME_CHARACTERS else "_" for c in name)
    return f"_{made}" if made[:1].isdigit() or not made else made


def sent_labels(alert: Alert) -> dict[str, str]:
    """The labels as an Alertmanager gets to see them."""
    return {label_name(name): value for name, value in alert.labels}


def rfc3339(at_ms: int) -> str:
    """A moment as it is written on the wire."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def moment_ms(text: object) -> int:
    """The moment that a text says; 0 where it says none.

    >>> moment_ms("2023-11-14T22:13:20.123Z"), moment_ms("?")
    (1700000000123, 0)
    """
    try:
        return round(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError:
        return 0


def _date_ms(text: str) -> int | None:
    """The moment of an HTTP date; None where there is none.

    >>> _date_ms("Tue, 14 Nov 2023 22:13:20 GMT"), _date_ms("")
    (1700000000000, None)
    """
    try:
        return round(parsedate_to_datetime(text).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def is_firing(alert: Alert) -> bool:
    """Whether it fires."""
    return alert.state is AlertState.FIRING


def _alert(one: Mapping[str, Any]) -> SeenAlert:
    status = one.get("status") or {}
    return SeenAlert(
        fingerprint=str(one.get("fingerprint", "")),
        labels={str(k): str(v) for k, v in (one.get("labels") or {}).items()},
        annotations={str(k): str(v) for k, v in (one.get("annotations") or {}).items()},
        state=str(status.get("state", "")),
        silenced_by=tuple(map(str, status.get("silencedBy") or ())),
        inhibited_by=tuple(map(str, status.get("inhibitedBy") or ())),
        receivers=tuple(str(r.get("name", "")) for r in one.get("receivers") or ()),
        starts_at_ms=moment_ms(one.get("startsAt")),
    )


def _silence(one: Mapping[str, Any]) -> Silence:
    return Silence(
        str(one.get("id", "")),
        tuple(
            Matcher(
                str(m.get("name", "")),
                str(m.get("value", "")),
                bool(m.get("isRegex", False)),
                bool(m.get("isEqual", True)),
            )
            for m in one.get("matchers") or ()
        ),
        moment_ms(one.get("startsAt")),
        moment_ms(one.get("endsAt")),
        str(one.get("createdBy", "")),
        str(one.get("comment", "")),
    )
