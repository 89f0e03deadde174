"""Error kinds: what they mean, and what they become over HTTP and as an exit code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from docs.generate.markdown import code, page, sentences, table
from trimtab.api.errors import status_of
from trimtab.cli.common import exit_code
from trimtab.model import errors
from trimtab.model.errors import TrimtabError


def kinds(kind: type[TrimtabError] = TrimtabError, depth: int = 0) -> Iterator[tuple[type[TrimtabError], int]]:
    """The tree of errors, parents first, in the order of their declaration."""
    yield kind, depth
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from kinds(below, depth + 1)


def errors_page() -> str:
    """The page."""
    rows = []
    for kind, depth in kinds():
        error = kind("x")
        name = "&emsp;" * depth + code(kind.__name__)
        rows.append([name, sentences(inspect.getdoc(kind)), status_of(error), exit_code(error)])
    return page(
        "Error kinds",
        'Over HTTP an error is `{"error": {"kind", "message", "facts"}}`: the kind is one of these, the message is for '
        "people, and the facts are what a program needs (a limit, what was observed, SQL that would help). On the "
        "command line the message is on stderr.",
        table(["kind", "meaning", "HTTP status", "exit code"], rows),
    )
