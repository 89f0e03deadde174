"""What is wrong with a file, and where: the place is written as one finds it in the document."""

from __future__ import annotations

import re

import msgspec

from trimtab.model.errors import InputError

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


class BadFile(InputError):
    """A file that cannot be read; `facts["place"]` says where."""


def bad(place: str, what: str) -> BadFile:
    """The error for one place.

    >>> print(bad("data[0].spans[3]", "it is wrong").message)
    data[0].spans[3]: it is wrong
    """
    return BadFile(f"{place}: {what}" if place else what, place=place)


def bad_json(place: str, error: Exception) -> BadFile:
    """The error for what the decoder says, in which it names a place below `place`.

    >>> error = msgspec.ValidationError("Expected `int`, got `str` - at `$.data[0].spans[3].startTime`")
    >>> print(bad_json("", error).message)
    data[0].spans[3].startTime: Expected `int`, got `str`
    """
    said = str(error)
    found = _PLACE.search(said)
    if found is None:
        kind = "" if isinstance(error, msgspec.ValidationError) else "it is not JSON: "
        return bad(place, f"{kind}{said}")
    inner = found[1]
    dot = "." if place and inner and not inner.startswith("[") else ""
    return bad(f"{place}{dot}{inner}", said[: found.start()])
