"""What may stand behind the `?`: each parameter is read, checked and described in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from starlette.requests import Request

from trimtab.app.settings import did_you_mean
from trimtab.model.errors import InputError
from trimtab.model.free_text import REASON_CHARS_MAX

ROWS_MAX = 1000
OFFSET_MAX = 1_000_000
SEARCH_CHARS_MAX = 200
NAME_CHARS_MAX = 200
WHOLE_DIGITS_MAX = 15
NUMBER_MAX = 10**WHOLE_DIGITS_MAX - 1
SHOWN_CHARS = 50

Choice = TypeVar("Choice", bound=StrEnum)
Reason = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": REASON_CHARS_MAX})]
"""A person's words; `reason_of` refuses what is longer, with a message that says by how much."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: its name, what it is for, and its JSON schema."""

    name: str
    description: str
    schema: dict[str, Any] = field(default_factory=dict)
    required: bool = False


SYSTEM = Parameter("system", "Name of a watched system", {"type": "string", "maxLength": NAME_CHARS_MAX})
SEARCH = Parameter("search", "Text to find, whatever its case", {"type": "string", "maxLength": SEARCH_CHARS_MAX})
LIMIT = Parameter("limit", "Rows of one answer", {"type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": 100})
OFFSET = Parameter(
    "offset", "Rows to leave out first", {"type": "integer", "minimum": 0, "maximum": OFFSET_MAX, "default": 0}
)


BEFORE_SEQ = Parameter(
    "before_seq", "Only entries before this number", {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}
)


def one_of(name: str, description: str, kind: type[StrEnum], default: StrEnum) -> Parameter:
    """A parameter with few values."""
    return Parameter(name, description, {"enum": [member.value for member in kind], "default": default.value})


def check_names(request: Request, parameters: Sequence[Parameter]) -> None:
    """InputError for a parameter that the route does not know, or that is there twice and counts once."""
    known = {parameter.name: parameter for parameter in parameters}
    for name in request.query_params:
        if name not in known:
            shown = name[:SHOWN_CHARS]
            hint = did_you_mean(shown, known) if known else ": this route takes none"
            raise InputError(f"unknown parameter {shown!r}{hint}", field=shown)
        count = len(request.query_params.getlist(name))
        if count > 1 and known[name].schema.get("type") != "array":
            raise InputError(f"{name} may be given once, found {count} times", field=name, limit=1, observed=count)


def whole(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    text = request.query_params.get(name)
    return default if text is None else as_whole(name, text, low, high)


def as_whole(name: str, text: str, low: int, high: int) -> int:
    """The number that a text is; InputError says what is wrong with it."""
    shown = text[:SHOWN_CHARS]
    if text.isascii() and text.isdigit() and len(text) > WHOLE_DIGITS_MAX:
        raise InputError(f"{name} must be from {low} to {high}, found {shown}", field=name, limit=high, observed=shown)
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{name} must be a whole number, found {shown!r}", field=name, observed=shown)
    number = int(text)
    if not low <= number <= high:
        raise InputError(
            f"{name} must be from {low} to {high}, found {number}",
            field=name,
            limit=low if number < low else high,
            observed=number,
        )
    return number


def limit_of(request: Request) -> int:
    """See `LIMIT`."""
    return whole(request, "limit", 100, 1, ROWS_MAX)


def offset_of(request: Request) -> int:
    """See `OFFSET`."""
    return whole(request, "offset", 0, 0, OFFSET_MAX)


def before_seq_of(request: Request) -> int | None:
    """See `BEFORE_SEQ`."""
    text = request.query_params.get("before_seq")
    return None if text is None else as_whole("before_seq", text, 1, NUMBER_MAX)


def text_of(request: Request, name: str, chars_max: int) -> str | None:
    """A text of at most `chars_max` characters; None where it is absent or empty."""
    text = request.query_params.get(name)
    if text is not None and len(text) > chars_max:
        raise InputError(
            f"{name} may have {chars_max} characters, found {len(text)}",
            field=name,
            limit=chars_max,
            observed=len(text),
        )
    return text or None


def texts_of(request: Request, name: str, count_max: int, chars_max: int) -> Sequence[str]:
    """A parameter that may be given several times."""
    texts = request.query_params.getlist(name)
    if len(texts) > count_max:
        raise InputError(
            f"{name} may be given {count_max} times, found {len(texts)}",
            field=name,
            limit=count_max,
            observed=len(texts),
        )
    for text in texts:
        if len(text) > chars_max:
            raise InputError(f"{name} may have {chars_max} characters, found {len(text)}", field=name, limit=chars_max)
    return texts


def choice_of(request: Request, name: str, kind: type[Choice], default: Choice) -> Choice:
    """One of the values of an enumeration."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InputError(f"{name} must be one of {known}, found {text[:SHOWN_CHARS]!r}", field=name) from None


def flag_of(request: Request, name: str, default: bool) -> bool:
    """true or false."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise InputError(f"{name} must be true or false, found {text[:SHOWN_CHARS]!r}", field=name)
    return text == "true"


def case_id_of(request: Request) -> int:
    """The case's number in the path."""
    return as_whole("case_id", str(request.path_params["case_id"]), 1, NUMBER_MAX)


def path_text(request: Request, name: str) -> str:
    """A name in the path."""
    return str(request.path_params[name])
