"""A body of `_bulk`: lines with actions, and behind each of them the line with its document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError

OPERATIONS = ("index", "create", "update", "delete")
STORED_BY = frozenset({"index", "create"})
NAME_BYTES_MAX = 255
_PARAMETERS = frozenset(
    (
        *("_index", "_id", "_type", "routing", "pipeline", "version", "version_type", "op_type", "require_alias"),
        *("require_data_stream", "dynamic_templates", "if_seq_no", "if_primary_term", "retry_on_conflict"),
        "list_executed_pipelines",
    )
)
_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be done with one document. `id` is '' where the sender left it to us."""

    operation: str
    index: str
    id: str = ""
    pipeline: str = ""


@dataclass(slots=True)
class Bulk:
    """Actions in their order. `starts` and `stops` say where the documents stand in the body; an action without one
    (delete) has an empty place."""

    actions: list[Action] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)

    def documents(self, places: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the documents of these actions stand."""
        return np.array(self.starts, np.int64)[places], np.array(self.stops, np.int64)[places]


def read_bulk(body: bytearray, index: str = "", pipeline: str = "", *, actions_max: int) -> Bulk:
    """The actions of a body; `index` and `pipeline` are for those that name none. InputError where a line is no action,
    or the body is cut short: then nothing of it may be kept.

    >>> bulk = read_bulk(bytearray(b'{"create":{"_index":"logs"}}\\n{"message":"up"}\\n'), actions_max=10)
    >>> bulk.actions, bulk.starts, bulk.stops
    ([Action(operation='create', index='logs', id='', pipeline='')], [29], [45])
    """
    if not body:
        raise InputError("request body is required")
    if body[-1] != _NEWLINE:
        raise InputError("The bulk request must be terminated by a newline [\\n]")
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == _NEWLINE).tolist()
    bulk = Bulk()
    known: dict[bytes, Action] = {}
    start = number = 0
    lines_count = len(ends)
    while number < lines_count:
        end = ends[number]
        line = bytes(body[start:end])
        number += 1
        action = known.get(line)
        if action is None:
            if not line.strip():  # an empty line between actions means nothing
                start = end + 1
                continue
            action = known[line] = _action(line, number, index, pipeline)
        start = end + 1
        stop = start
        if action.operation != "delete":
            if number >= lines_count:
                raise InputError(f"the action in line [{number}] has no document behind it")
            stop = ends[number]
            number += 1
        bulk.actions.append(action)
        bulk.starts.append(start)
        bulk.stops.append(stop)
        if action.operation != "delete":
            start = stop + 1
        if len(bulk.actions) > actions_max:
            raise InputError(f"a bulk may have {actions_max} actions; this one has more", limit=actions_max)
    if not bulk.actions:
        raise InputError("the bulk holds no action")
    return bulk


def _action(line: bytes, number: int, index: str, pipeline: str) -> Action:
    import msgspec

    try:
        said = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"Malformed action/metadata line [{number}]: {error}") from error
    if not isinstance(said, dict) or len(said) != 1:
        raise InputError(f"Malformed action/metadata line [{number}], expected an object with one action")
    [(operation, about)] = said.items()
    if operation not in OPERATIONS:
        raise InputError(
            f"Malformed action/metadata line [{number}], expected field [create], [delete], [index] or [update] but"
            f" found [{str(operation)[:100]}]"
        )
    if not isinstance(about, dict):
        raise InputError(f"Malformed action/metadata line [{number}], expected an object behind [{operation}]")
    return _checked(operation, about, number, index, pipeline)


def _checked(operation: str, about: Mapping[str, object], number: int, index: str, pipeline: str) -> Action:
    unknown = next((name for name in about if name not in _PARAMETERS), None)
    if unknown is not None:
        raise InputError(f"Action/metadata line [{number}] contains an unknown parameter [{str(unknown)[:100]}]")
    name = _text(about, "_index", number) or index
    if not name:
        raise InputError("Validation Failed: 1: index is missing;")
    if len(name.encode("utf-8", "replace")) > NAME_BYTES_MAX:
        raise InputError(f"the name of an index may have {NAME_BYTES_MAX} bytes", limit=NAME_BYTES_MAX)
    return Action(operation, name, _text(about, "_id", number), _text(about, "pipeline", number) or pipeline)


def _text(about: Mapping[str, object], name: str, number: int) -> str:
    value = about.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"Malformed action/metadata line [{number}], [{name}] is no text")
    return str(value)
