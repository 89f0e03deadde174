"""One route of trimtab's own API, also a row of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from trimtab.api.control.parameters import Parameter
from trimtab.app.doors import Door
from trimtab.app.service import Service
from trimtab.model.access import Permission

BODY_BYTES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with headers of its own."""

    value: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. `call` gets the service, the request and the decoded body, and gives a JSON-ready value or `Answer`.

    `answer` is the type of what is sent (None: any JSON), `parameters` what may stand behind the `?`, `headers` the
    headers of the answer with what they say. `permission` is what it takes, `action` its name in the audit: both have
    a default that errs on the safe side (reading takes LOOK, everything else ADMINISTER and is audited). `is_open`
    lets everybody in, also those who did not log in.
    """

    method: str
    path: str
    summary: str
    call: Callable[[Service, Request, Any], object]
    body: type | None = None
    status: int = 200
    parameters: tuple[Parameter, ...] = ()
    answer: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    permission: Permission | None = None
    action: str | None = None
    is_open: bool = False
    body_bytes_max: int = BODY_BYTES_MAX

    @property
    def door(self) -> Door:
        """What the guard needs to know of this route."""
        reads = self.method == "GET"
        permission = self.permission or (Permission.LOOK if reads else Permission.ADMINISTER)
        return Door(
            route_path(self.path),
            (self.method,),
            None if self.is_open else permission,
            self.action or (None if reads or self.is_open else f"{self.method} {self.path}"),
            body_bytes_max=self.body_bytes_max,
        )


def route_path(path: str) -> str:
    """The path as Starlette has it. Names of systems may hold slashes.

    >>> route_path("/systems/{system}")
    '/api/trimtab/systems/{system:path}'
    """
    return f"/api/trimtab{path.replace('{system}', '{system:path}')}"
