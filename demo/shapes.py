"""Which statement of the application a query text belongs to, whatever its literals and placeholders."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from pglast import parser

_PLACEHOLDER = re.compile(r"%s")


def shape_id(text: str) -> str | None:
    """libpg_query's fingerprint of a statement with literals, `$1` or `%s`; None when it cannot be parsed.

    >>> len({shape_id("SELECT a FROM t WHERE b = " + value) for value in ("%s", "$1", "5", "'x'")})
    1
    """
    numbers = itertools.count(1)
    try:
        return parser.fingerprint(_PLACEHOLDER.sub(lambda _: f"${next(numbers)}", text))
    except parser.ParseError:
        return None


def names_by_shape(texts: Mapping[str, str]) -> dict[str, str]:
    """Statement names by shape, from the application's own list of names and texts."""
    found: dict[str, str] = {}
    for name, text in texts.items():
        shape = shape_id(text)
        if shape is not None:
            found[shape] = name
    return found
