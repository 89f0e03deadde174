"""Attributes that stand in the store as text, as they were sent: what `text_kernels` writes, read back."""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trimtab.store.traces.answers import Value

STRING, BOOL, INTEGER, DOUBLE, BYTES, ARRAY, LIST, NOTHING = "sbidxakn"
"""One letter for the type of an attribute; `spans.attribute_kinds` has one for each, '' where all are strings."""


def values_of(text: str) -> dict[str, Value]:
    """The attributes in a JSON object of the store; empty where there are none.

    >>> values_of('{"n":1,"d":1.0,"b":{"$bytes":"AP8="},"l":{"$$k":[true,null]},"e":{"$double":"7ff0000000000000"}}')
    {'n': 1, 'd': 1.0, 'b': b'\\x00\\xff', 'l': {'$k': (True, None)}, 'e': inf}
    """
    if not text or text == "{}":
        return {}
    return dict(_parsed(text))


@lru_cache(4096)
def _parsed(text: str) -> Mapping[str, Value]:
    """Resources and scopes come again and again. Nobody changes what is answered."""
    found = plain_of(text)
    return found if isinstance(found, dict) else {"": found}


def value_of(kind: str, text: str) -> Value:
    """An attribute of a span from its letter and its text. A text that does not fit, such as `***`, stays a text.

    >>> value_of("i", "-5"), value_of("d", "1e300"), value_of("a", '["x",2]'), value_of("i", "***")
    (-5, 1e+300, ('x', 2), '***')
    """
    try:
        if kind == INTEGER:
            return int(text)
        if kind == DOUBLE:
            return float(text)
        if kind == BOOL and text in {"true", "false"}:
            return text == "true"
        if kind == BYTES:
            return base64.b64decode(text, validate=True)
        if kind in {ARRAY, LIST}:
            return _plain(json.loads(text))
    except (ValueError, binascii.Error):
        return text
    return None if kind == NOTHING else text


def plain_of(text: str) -> Value:
    """Any JSON of the store; the text itself where it is none."""
    try:
        return _plain(json.loads(text))
    except ValueError:
        return text


def _plain(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if not isinstance(value, dict):
        plain: Value = value
        return plain
    if len(value) == 1:
        [(key, item)] = value.items()
        if key == "$bytes" and isinstance(item, str):
            return base64.b64decode(item)
        if key == "$double" and isinstance(item, str):
            [number] = struct.unpack(">d", bytes.fromhex(item))
            return float(number)
    return {key.removeprefix("$"): _plain(item) for key, item in value.items()}


def json_of(values: Mapping[str, Value]) -> str:
    """Attributes as the store has them.

    >>> json_of({"n": 1, "d": 1.0, "b": b"x", "$k": (float("inf"), None)})
    '{"n":1,"d":1.0,"b":{"$bytes":"eA=="},"$$k":[{"$double":"7ff0000000000000"},null]}'
    """
    return text_json(dict(values))


def text_json(value: Value) -> str:
    """Any value as JSON of the store."""
    return json.dumps(_marked(value), ensure_ascii=False, separators=(",", ":"))


def _marked(value: Value) -> object:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$double": struct.pack(">d", value).hex()}
    if isinstance(value, tuple):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {f"${key}" if key.startswith("$") else key: _marked(item) for key, item in value.items()}
    return value


def text_of(value: Value) -> str:
    """An attribute as text, as it stands in `spans.attributes`.

    >>> text_of(True), text_of(2.0), text_of("x"), text_of(None), text_of((1, "a"))
    ('true', '2', 'x', '', '[1,"a"]')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else text_json(value)
