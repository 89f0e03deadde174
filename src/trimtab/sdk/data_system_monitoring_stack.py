"""`DataSystemMonitoringStack`: the whole stack in one call, on a running server or on one inside this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from trimtab.app.settings import shown
from trimtab.app.stack.answers import MetricRow, PartRow, StackReport
from trimtab.app.stack.kinds import SECTIONS
from trimtab.app.stack.reading import read_config, seed_config
from trimtab.model.errors import InputError, NotAllowed, NotFound, ServerUnreachable
from trimtab.sdk.monitoring_metrics import MonitoredMetric

if TYPE_CHECKING:
    from trimtab.app.config import Config
    from trimtab.app.service import Service

__all__ = ["DataSystemMonitoringStack", "MetricRow", "PartRow", "StackReport"]
TOKEN_VARIABLE = "TRIMTAB_TOKEN"  # noqa: S105  (the name of a variable)
BY = "python"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class DataSystemMonitoringStack:
    """Sets up metrics with thresholds and objectives, and tells how they stand.

    Without `data_dir` it speaks to the server at `server`; `token` is one of an administrator (else the variable
    TRIMTAB_TOKEN). With `data_dir` it runs one inside this process, with `config`, until `close`: no other may have
    that directory.
    """

    def __init__(
        self,
        server: str = "http://127.0.0.1:9321",
        *,
        token: str | None = None,
        data_dir: str | Path | None = None,
        config: Config | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._service: Service | None = None
        self._url = server.rstrip("/")
        self._token = token or os.environ.get(TOKEN_VARIABLE) or None
        self._timeout_s = timeout_s
        if data_dir is not None:
            self._service = _opened(Path(data_dir), config)
            return
        host = urlsplit(server).hostname
        if not server.startswith(("http://", "https://")) or host is None:
            raise InputError(f"server is a URL such as http://127.0.0.1:9321, found {server!r}", field="server")
        if self._token and server.startswith("http://") and host not in _LOOPBACK:
            raise InputError(f"the token would travel to {host} in the clear: use https://", field="server")

    # --- life

    def close(self) -> None:
        """End the server inside this process, where there is one."""
        if self._service is not None:
            self._service.close()
            self._service = None

    def __enter__(self) -> DataSystemMonitoringStack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- do

    def setup_monitoring(self, system_config: Mapping[str, Any], *, dry_run: bool = False) -> StackReport:
        """Set up what the configuration names: `infrastructure_metrics`, `application_metrics`, `business_metrics`.

        Metrics are the seed's (`CPUMetric(threshold=80)`), or plain mappings of the same fields. Where no section is
        named (`{"system": "shop"}`), all of the seed's table is meant; where nothing is, that is an error. Beside
        sections stand `system` (a watched system), `window`, `interval`, `for`, `objective_window`, `notification`. A
        second call changes nothing and says so. InputError names every field that is wrong, with the value seen.
        """
        _check_given(system_config)
        said = plain_config(system_config)
        read_config(said)
        if self._service is not None:
            return self._service.stack.setup(BY, said, dry_run=dry_run)
        return self._asked("POST", {"config": said, "dry_run": dry_run})

    deploy_monitoring_stack = setup_monitoring

    def monitoring_status(self) -> StackReport:
        """How what was set up stands now; NotFound where nothing was."""
        if self._service is None:
            return self._asked("GET", None)
        report = self._service.stack.now()
        if report is None:
            raise NotFound("nothing was set up yet: setup_monitoring()")
        return report

    def watch(self, dsn: str, name: str | None = None) -> str:
        """Begin to watch a PostgreSQL (a reference without a password); its name. What is watched already stays."""
        if self._service is not None:
            known = self._service.watch_system(dsn, name)
        else:
            known = self._sent("POST", "/systems", {"dsn": dsn, "name": name, "change_dsn": None})
        return str(known["name"])

    # --- over HTTP

    def _asked(self, method: str, body: dict[str, object] | None) -> StackReport:
        try:
            return msgspec.convert(self._sent(method, "/stack", body), type=StackReport)
        except msgspec.ValidationError as error:
            raise ServerUnreachable(
                f"{self._url} answered, and not as this version expects: {error}", url=self._url
            ) from error

    def _sent(self, method: str, path: str, body: dict[str, object] | None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            with httpx2.Client(timeout=self._timeout_s, headers=headers, trust_env=False) as client:
                answer = client.request(method, f"{self._url}/api/trimtab{path}", json=body)
                said: Any = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ServerUnreachable(
                f"could not ask {self._url}: {type(error).__name__}: is 'trimtab up' running there?", url=self._url
            ) from error
        if answer.is_success:
            return said
        kinds: dict[int, type[InputError | NotAllowed | NotFound]] = {
            400: InputError,
            401: NotAllowed,
            403: NotAllowed,
            404: NotFound,
        }
        message = str(said.get("error", {}).get("message", answer.status_code))
        raise kinds.get(answer.status_code, ServerUnreachable)(message, url=self._url)


def _check_given(said: object) -> None:
    """A typo that leaves nothing must not look like success."""
    if not isinstance(said, Mapping) or not said:
        wanted = f"it names metrics in {', '.join(SECTIONS)}, or options such as system"
        raise InputError(f"system_config: {wanted}; found {shown(said)}", field="system_config")


def plain_config(said: Mapping[str, Any]) -> dict[str, object]:
    """A configuration without objects; all of the seed's table where no section is named.

    >>> from trimtab import CPUMetric
    >>> plain_config({"infrastructure_metrics": {"cpu_usage": CPUMetric(threshold=70)}})
    {'infrastructure_metrics': {'cpu_usage': {'type': 'CPUMetric', 'threshold': 70}}}
    >>> sorted(plain_config({"system": "shop"}))
    ['application_metrics', 'business_metrics', 'infrastructure_metrics', 'system']
    """
    made: dict[str, object] = {} if any(section in said for section in SECTIONS) else seed_config()
    for key, value in said.items():
        made[str(key)] = _plain(value)
    return made


def _plain(value: object) -> object:
    if isinstance(value, MonitoredMetric):
        return value.as_plain()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return value


def _opened(data_dir: Path, config: Config | None) -> Service:
    from trimtab.store.compiled_once import compile_once

    compile_once(lambda told: print(told, file=sys.stderr, flush=True))  # before what comes now: it imports kernels
    from trimtab.app.config import Config as Defaults
    from trimtab.app.wire import open_service

    service = open_service(config or Defaults(), data_dir, "in-process")
    service.start()
    return service
