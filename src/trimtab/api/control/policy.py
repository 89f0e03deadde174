"""Settings: what is in force for whom, and the overrides that an administrator sets while the server runs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NAME_CHARS_MAX, SYSTEM, Parameter, text_of
from trimtab.app.config_status import ConfigStatus, SettingNow
from trimtab.app.service import Service
from trimtab.app.settings import Plain
from trimtab.model.errors import InputError

SettingName = Annotated[str, msgspec.Meta(max_length=NAME_CHARS_MAX)]
NAME = Parameter(
    "name", "Name of a setting, section.key", {"type": "string", "maxLength": NAME_CHARS_MAX}, required=True
)
BY = Parameter("by", "Who asks; counts on loopback alone", {"type": "string", "maxLength": NAME_CHARS_MAX})


class OverrideRequest(msgspec.Struct, forbid_unknown_fields=True):
    """PUT /policy. Without `system` the override is for all systems."""

    name: SettingName
    value: Plain
    system: SettingName | None = None
    by: str | None = None


def _status(service: Service, request: Request, _body: None) -> dict[str, object]:
    return service.config_status(text_of(request, "system", NAME_CHARS_MAX))


def _set(service: Service, request: Request, body: OverrideRequest) -> SettingNow:
    note(request, target=body.system or "all systems", setting=body.name, value=body.value)
    return service.set_override(acting(request, body.by), body.name, body.value, body.system or None)


def _clear(service: Service, request: Request, _body: None) -> SettingNow:
    name = text_of(request, "name", NAME_CHARS_MAX)
    system = text_of(request, "system", NAME_CHARS_MAX)
    if name is None:
        raise InputError("name is needed: the setting whose override is to be cleared", field="name")
    note(request, target=system or "all systems", setting=name)
    return service.clear_override(acting(request, text_of(request, "by", NAME_CHARS_MAX)), name, system)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/policy",
        "Every setting as it is in force, and where its value comes from",
        _status,
        parameters=(SYSTEM,),
        answer=ConfigStatus,
    ),
    Operation(
        "PUT",
        "/policy",
        "Set a setting over what the file says, for one system or for all",
        _set,
        OverrideRequest,
        answer=SettingNow,
        action="policy set",
    ),
    Operation(
        "DELETE",
        "/policy",
        "Clear an override: the file counts again",
        _clear,
        parameters=(NAME, SYSTEM, BY),
        answer=SettingNow,
        action="policy clear",
    ),
)
