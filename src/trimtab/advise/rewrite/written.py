"""A rewritten statement over several lines, for people."""

from __future__ import annotations

import pglast
from pglast.error import Error as PglastError

from trimtab.model.errors import StatementRefused
from trimtab.sql.expressions import same_tree
from trimtab.sql.trees import single_statement


def in_lines(text: str) -> str:
    """The same statement, indented; as it was where that cannot be shown to be the same.

    >>> print(in_lines("SELECT a, b FROM t WHERE a = 1"))
    SELECT a
         , b
    FROM t
    WHERE a = 1
    """
    try:
        written = str(pglast.prettify(text, safety_belt=False))
        return written if same_tree(single_statement(written), single_statement(text)) else text
    except (PglastError, StatementRefused, NotImplementedError):
        return text
