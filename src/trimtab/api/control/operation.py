"""One route of trimtab's own API, also a row of its OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from trimtab.api.control.parameters import Parameter
from trimtab.app.service import Service


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with headers of its own."""

    value: object
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. `call` gets the service, the request and the decoded body, and gives a JSON-ready value or `Answer`.

    `answer` is the type of what is sent (None: any JSON), `parameters` what may stand behind the `?`, `headers` the
    headers of the answer with what they say.
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
