"""What can be wrong with a query: its text, its arguments, its size, its time.

InputError
└── QueryError           in Prometheus' own words; `facts`: offset, line, column where the text is to blame
    ├── QueryTimeout     limit_s, seen_s
    ├── QueryTooBig      limit, seen (samples held at once)
    └── QueryCancelled   whoever asked does not want it any more
"""

from __future__ import annotations

from trimtab.model.errors import InputError
from trimtab.store.metrics import block


class QueryError(InputError):
    """The query cannot be answered."""


class QueryTimeout(QueryError):
    """It took longer than it may."""


class QueryTooBig(QueryError, block.QueryTooBig):
    """It holds more samples at once than it may."""


class QueryCancelled(QueryError):
    """Nobody waits for the answer."""


def line_and_column(query: str, offset: int) -> tuple[int, int]:
    """Place in the text, both from 1; columns count bytes, as Prometheus does.

    >>> line_and_column("sum(\\n  rate(x[5m]))", 7)
    (2, 3)
    """
    before = query[:offset]
    return before.count("\n") + 1, len(before[before.rfind("\n") + 1 :].encode()) + 1


def parse_error(query: str, offset: int, what: str) -> QueryError:
    """The error of a query that cannot be read, or that means nothing.

    >>> raise parse_error("sum(", 4, "unclosed left parenthesis")
    Traceback (most recent call last):
    ...
    trimtab.store.promql.errors.QueryError: 1:5: parse error: unclosed left parenthesis
    """
    line, column = line_and_column(query, offset)
    return QueryError(f"{line}:{column}: parse error: {what}", offset=offset, line=line, column=column)


def same_labels() -> QueryError:
    """Two series of one answer have the same labels at the same time."""
    return QueryError("vector cannot contain metrics with the same labelset")
