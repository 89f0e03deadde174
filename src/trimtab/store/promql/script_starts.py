"""Lines of test scripts that say since when samples count: `requests_total{job="a"}@st -30s+10sx3 _`.

Each value is a duration before (or after) its sample; the line stands right before the samples of the same series.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from trimtab.model.errors import InputError

_ITEM = re.compile(r"([+-]?\d+[a-wyzA-Z]*)(?:([+-])(\d+[a-wyzA-Z]*))?(?:x(\d+))?")
_BLANKS = re.compile(r"_(?:x(\d+))?")
VALUES_MAX = 1_000_000


def split_starts(text: str) -> tuple[str, str] | None:
    """The series and the values of such a line; None: it is another one.

    >>> split_starts('a{b="c"}@st -30s'), split_starts('a{b="c"} 1')
    (('a{b="c"}', '-30s'), None)
    """
    parts = text.split(None, 1)
    if len(parts) < 2 or not parts[0].endswith("@st"):
        return None
    return parts[0].removesuffix("@st"), parts[1]


def starts_of(text: str, duration_ms: Callable[[str], int]) -> list[int | None]:
    """The values in ms; None where nothing is said."""
    result: list[int | None] = []
    for item in text.split():
        if match := _BLANKS.fullmatch(item):
            result += [None] * int(match[1] or 1)
        elif match := _ITEM.fullmatch(item):
            at_ms = _signed(match[1], duration_ms)
            step_ms = duration_ms(match[3]) * (-1 if match[2] == "-" else 1) if match[3] else 0
            for _ in range(int(match[4] or 0) + 1):
                result.append(at_ms)
                at_ms += step_ms
        else:
            raise InputError(f"not a time before a sample: {item!r}", text=item)
        if len(result) > VALUES_MAX:
            raise InputError(f"more than {VALUES_MAX} values in one series", limit=VALUES_MAX, observed=len(result))
    return result


def _signed(text: str, duration_ms: Callable[[str], int]) -> int:
    return duration_ms(text.lstrip("+-")) * (-1 if text.startswith("-") else 1)
