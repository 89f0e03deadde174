"""The mark of trimtab's own statements, put into each of them in one place: the cursor of every connection.

`pg_stat_statements` keeps a statement's comments. One at its beginning may be cut off, so the mark stands behind the
first word. Utility commands (EXPLAIN, SET, COPY, DECLARE and what runs inside them) stay as they are: the watcher
leaves all of them out, and a statement of a user's inside them must not get a mark that it would keep.
"""

from __future__ import annotations

import re
from typing import Any, Self

import psycopg
from psycopg.abc import Params, Query
from psycopg.sql import Composable

OWN_MARK = "/* trimtab */"
"""Stands behind the first word of statements that trimtab sends by itself, so that it can leave them out."""

_FIRST_WORD = re.compile(
    rb"(?:[\s(]|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*(?:SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE)\b",
    re.IGNORECASE,
)
_MARK = OWN_MARK.encode()


def marked(query: bytes) -> bytes:
    """The statement with the mark, unless it bears it already or is a utility command.

    >>> marked(b"SELECT 1"), marked(b"SET a = 1"), marked(b"SELECT 1 /* trimtab */")
    (b'SELECT /* trimtab */ 1', b'SET a = 1', b'SELECT 1 /* trimtab */')
    """
    found = None if _MARK in query else _FIRST_WORD.match(query)
    return query if found is None else b"%b %b%b" % (query[: found.end()], _MARK, query[found.end() :])


class OwnCursor(psycopg.Cursor[Any]):
    """A cursor that marks what it sends."""

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """As psycopg's, with the mark."""
        if isinstance(query, Composable):
            query = query.as_bytes(self)
        elif isinstance(query, str):
            query = query.encode()  # as the connection's encoding, see Reference.connect
        if not isinstance(query, bytes):
            raise TypeError(f"a statement is text, not {type(query).__name__}: nothing else gets the mark")
        return super().execute(marked(query), params, prepare=prepare, binary=binary)
