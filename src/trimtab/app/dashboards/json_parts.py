"""Parts of a JSON document that anybody may have written: what is of another kind than expected counts as absent.

Only what a dashboard cannot do without is refused, with its place (`wrong`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from trimtab.model.errors import InputError

Json = Mapping[str, object]
SHOWN_CHARS = 60


def part(holder: object, *names: str) -> Json:
    """The object at a path, or an empty one.

    >>> part({"a": {"b": {"c": 1}}}, "a", "b"), part({"a": 3}, "a"), part(None, "a")
    ({'c': 1}, {}, {})
    """
    for name in names:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder if isinstance(holder, Mapping) else {}


def parts(holder: object, name: str) -> list[Json]:
    """The objects of a list.

    >>> parts({"a": [{"b": 1}, 7]}, "a"), parts({}, "a")
    ([{'b': 1}], [])
    """
    return [one for one in _list(holder, name) if isinstance(one, Mapping)]


def text(holder: object, name: str, default: str = "") -> str:
    """A text; a number becomes one."""
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if isinstance(found, str):
        return found
    if isinstance(found, int | float) and not isinstance(found, bool):
        return f"{found:g}" if isinstance(found, float) else str(found)
    return default


def texts(holder: object, name: str) -> tuple[str, ...]:
    """The texts of a list; one alone stands for a list of one.

    >>> texts({"a": ["x", 1]}, "a"), texts({"a": "x"}, "a"), texts({}, "a")
    (('x', '1'), ('x',), ())
    """
    found = holder.get(name) if isinstance(holder, Mapping) else None
    many = found if isinstance(found, list) else [] if found is None else [found]
    return tuple(str(one) for one in many if isinstance(one, str | int | float) and not isinstance(one, bool))


def number(holder: object, name: str) -> float | None:
    """A number, also where it stands in a text.

    >>> number({"a": 3}, "a"), number({"a": "0.5"}, "a"), number({"a": "x"}, "a"), number({"a": True}, "a")
    (3.0, 0.5, None, None)
    """
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        value = float(found)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def whole(holder: object, name: str, default: int, low: int, high: int) -> int:
    """A whole number within limits.

    >>> whole({"a": 30}, "a", 1, 0, 24), whole({}, "a", 1, 0, 24)
    (24, 1)
    """
    found = number(holder, name)
    return default if found is None else int(min(max(found, low), high))


def flag(holder: object, name: str, default: bool = False) -> bool:
    """True or false."""
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, bool) else default


def wrong(place: str, expected: str, found: object) -> InputError:
    """What cannot be done without, and is of another kind."""
    if isinstance(found, str):
        seen = f"the text {found[:SHOWN_CHARS]!r}"
    elif found is None:
        seen = "nothing"
    else:
        seen = {bool: "true or false", list: "a list", dict: "an object"}.get(type(found), "a number")
    return InputError(f"{place}: {expected} is needed here, found {seen}", field=place, observed=seen)


def needed_list(holder: Json, name: str, place: str) -> Sequence[object]:
    """A list that may be absent, and is nothing else when it is there."""
    found = holder.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise wrong(place, "a list", found)
    return found


def needed_object(found: object, place: str) -> Json:
    """An object that is nothing else."""
    if not isinstance(found, Mapping):
        raise wrong(place, "an object", found)
    return found


def _list(holder: object, name: str) -> Sequence[object]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, list) else []
