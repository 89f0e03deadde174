"""Stores of logs and traces beside the own one, as JSON: which there are."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NAME_CHARS_MAX, Parameter
from trimtab.app.service import Service
from trimtab.app.sources.sources import SourceNow

SOURCE = Parameter(
    "source",
    "Ask this store ([integrations] in the configuration) in place of the own one",
    {"type": "string", "maxLength": NAME_CHARS_MAX},
)
ANY_SOURCE = Parameter(
    SOURCE.name,
    "Ask this store ([integrations] in the configuration) in place of the own one; `all`: every one at once. Each"
    " result has the `source` that it is of, '' for the own one",
    {"type": "string", "maxLength": NAME_CHARS_MAX},
)


class SourcesAnswer(msgspec.Struct):
    """All that are configured."""

    sources: list[SourceNow]


def _sources(service: Service, _request: Request, _body: None) -> SourcesAnswer:
    return SourcesAnswer(list(service.sources.listed()))


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/sources", "Stores of logs and traces beside the own one", _sources, answer=SourcesAnswer),
)
