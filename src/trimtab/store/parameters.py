"""Values for the engine's `{name:Type}` parameters: it reads them as tab-separated text, so they are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trimtab.model.errors import InputError

_PLAIN = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})
_QUOTED = str.maketrans({"\\": "\\\\", "'": "\\'"})


def engine_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """The text of each value: str, int, float, bool, or a sequence of one of them.

    >>> engine_parameters({"name": "a\\tb", "at": 5, "names": ["it's", "b"]})
    {'name': 'a\\\\tb', 'at': '5', 'names': "['it\\\\'s','b']"}
    """
    return {name: _text(name, value) for name, value in values.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value.translate(_PLAIN)
    if isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(_element(name, item) for item in value) + "]"
    raise InputError(f"parameter {name}: a {type(value).__name__} cannot be passed to the engine", parameter=name)


def _element(name: str, value: object) -> str:
    if isinstance(value, str):
        return "'" + value.translate(_QUOTED) + "'"
    if isinstance(value, bool | int | float):
        return _number(value)
    raise InputError(
        f"parameter {name}: a list of {type(value).__name__} cannot be passed to the engine", parameter=name
    )


def _number(value: float) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
