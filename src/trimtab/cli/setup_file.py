"""The file of `trimtab setup`: YAML with the place of everything that is wrong, keys that stand twice among it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from trimtab.analyze.slo.document import Document, Problem, documents, refused, text_of
from trimtab.app.stack.reading import read_config
from trimtab.model.errors import InputError

SIZE_CHARS_MAX = 4_000_000


def read_setup(file: str) -> dict[str, object]:
    """What it says (`-` is standard input), checked; InputError tells all that is wrong with line and column."""
    text = sys.stdin.read(SIZE_CHARS_MAX + 1) if file == "-" else text_of(Path(file))
    name = "standard input" if file == "-" else file
    found = documents(text, name)
    if not found or found[0].value is None:
        raise InputError(f"{name} is empty: it has sections such as infrastructure_metrics", file=file)
    value = found[0].value
    if not isinstance(value, dict) or not value:
        raise InputError(
            f"{name}: it has sections such as infrastructure_metrics, found {str(value)[:40]!r}", file=file
        )
    if len(found) > 1:
        raise InputError(f"{name}: it is one document, found {len(found)}", file=file)
    problems = list(found[0].problems)
    try:
        read_config(value)
    except InputError as error:
        told = error.facts.get("problems")
        problems += _placed(found[0], told if isinstance(told, tuple) else (error.message,))
    if problems:
        raise refused(name, problems)
    return value


def _placed(document: Document, told: Iterable[str]) -> Iterable[Problem]:
    """`section.metric.field: reason` at the value of the field, or at its key where the field is the fault."""
    for text in told:
        path = tuple(text.partition(":")[0].split("."))
        is_key = "there is no such field" in text or "has no such field" in text
        ends: tuple[tuple[str, ...], ...] = ((),) if is_key else (("",), ())
        known = (document.places.get((*path[:length], *end)) for length in range(len(path), -1, -1) for end in ends)
        line, column = next((place for place in known if place is not None), (1, 1))
        yield Problem(line, column, text)
