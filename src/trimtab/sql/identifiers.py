"""Identifiers in SQL: quoted only where PostgreSQL needs it, refused where they could not be a name."""

from __future__ import annotations

import re

from pglast import keywords

from trimtab.model.errors import StatementRefused

IDENTIFIER_BYTES_MAX = 63
"""PostgreSQL cuts longer names in silence (NAMEDATALEN - 1)."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_KEYWORDS = frozenset(keywords.RESERVED_KEYWORDS) | frozenset(keywords.TYPE_FUNC_NAME_KEYWORDS)
_KEYWORDS_OF_COLUMNS = frozenset(keywords.COL_NAME_KEYWORDS)


def quoted(name: str) -> str:
    """One identifier as SQL.

    >>> quoted("orders"), quoted("Order Lines"), quoted("user"), quoted('a"b')
    ('orders', '"Order Lines"', '"user"', '"a""b"')

    Raises `StatementRefused` for a name that is empty, holds a NUL, or is longer than 63 bytes.
    """
    if not name or "\0" in name:
        raise StatementRefused("an identifier must not be empty or hold a NUL character", identifier=name)
    size_bytes = len(name.encode())
    if size_bytes > IDENTIFIER_BYTES_MAX:
        raise StatementRefused(
            f"the identifier {name[:20]!r}... has {size_bytes} bytes; PostgreSQL takes {IDENTIFIER_BYTES_MAX}",
            identifier=name,
        )
    if _PLAIN.match(name) and name not in _KEYWORDS and name not in _KEYWORDS_OF_COLUMNS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(*parts: str) -> str:
    """Identifiers joined by dots.

    >>> qualified("Sales", "order")
    '"Sales"."order"'
    """
    return ".".join(quoted(part) for part in parts)


def shortened(text: str, bytes_max: int) -> str:
    """The longest prefix of `text` that fits into `bytes_max` bytes of UTF-8, never half a character.

    >>> shortened("größe", 3)
    'gr'
    """
    return text.encode()[:bytes_max].decode(errors="ignore")
