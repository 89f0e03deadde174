"""Jaeger's tags as attributes: every type, each value checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from trimtab.observe.trace_files.jaeger_model import Tag
from trimtab.observe.trace_files.places import bad

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


def attributes_of(tags: Sequence[Tag] | None, place: str) -> Iterator[KeyValue]:
    """An attribute for each tag; BadFile names the one that is wrong."""
    for number, tag in enumerate(tags or ()):
        yield KeyValue(key=tag.key, value=value_of(tag, f"{place}[{number}]"))


def value_of(tag: Tag, place: str) -> AnyValue:
    """The value of a tag. Numbers and truth values may be written as texts, as some of Jaeger's storages do.

    >>> value_of(Tag("a", "12", "int64"), "").int_value, value_of(Tag("a", 0.5), "").double_value
    (12, 0.5)
    >>> value_of(Tag("a", "x", "int64"), "data[0].spans[1].tags[2]")
    Traceback (most recent call last):
    ...
    trimtab.observe.trace_files.places.BadFile: data[0].spans[1].tags[2]: the tag 'a' is no int64: 'x'
    """
    value = tag.value
    match tag.type.lower() or _own_type(value):
        case "string":
            return AnyValue(string_value=value if isinstance(value, str) else "" if value is None else str(value))
        case "bool":
            if isinstance(value, bool):
                return AnyValue(bool_value=value)
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return AnyValue(bool_value=value.lower() == "true")
        case "int64":
            whole = _whole(value)
            if whole is not None:
                return AnyValue(int_value=whole)
        case "float64":
            number = _number(value)
            if number is not None:
                return AnyValue(double_value=number)
        case "binary":
            data = _bytes(value)
            if data is not None:
                return AnyValue(bytes_value=data)
        case other:
            raise bad(place, f"the tag {tag.key[:50]!r} has the unknown type {other[:50]!r}")
    raise bad(place, f"the tag {tag.key[:50]!r} is no {tag.type}: {str(value)[:50]!r}")


def texts(attributes: Iterable[str]) -> AnyValue:
    """A list of texts as a value."""
    made = AnyValue()
    made.array_value.values.extend(AnyValue(string_value=text) for text in attributes)
    return made


def _own_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case _:
            return "string"


def _whole(value: object) -> int | None:
    try:
        number = int(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None
    if number is None or (isinstance(value, float) and number != value):
        return None
    return number if INTEGER_MIN <= number <= INTEGER_MAX else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def _bytes(value: object) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None
