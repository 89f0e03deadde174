"""Plans that auto_explain wrote into a server's log: the log as text, as CSV or as JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace

from trimtab.analyze.queries.plans.document import BadPlan, PlanDocument
from trimtab.analyze.queries.plans.read_json import read_json
from trimtab.analyze.queries.plans.read_text import read_text

BEGINNING = re.compile(r"duration: (\d+(?:\.\d+)?) ms  plan:[ ]*\n?")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?[A-Z+-][\w:+-]*)?")
_CSV_START = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^,\n]*,", re.MULTILINE)


def is_log(text: str) -> bool:
    """Whether plans of auto_explain are in it."""
    return BEGINNING.search(text.replace("\\n", "\n")) is not None


def read_log(text: str) -> tuple[PlanDocument, ...]:
    """The plans in a log, oldest first; entries that are no plans, or cut off, are passed over.

    >>> found = read_log("2026-01-02 03:04:05 UTC [7] LOG:  duration: 12.5 ms  plan:\\n"
    ...     "\\tQuery Text: SELECT 1\\n\\tResult  (cost=0.00..0.01 rows=1 width=4)\\n")
    >>> found[0].statement, found[0].raw["Execution Time"], found[0].taken_at
    ('SELECT 1', 12.5, '2026-01-02 03:04:05 UTC')
    """
    found = []
    for message, stamp in _messages(text):
        document = document_of(message)
        if document is not None:
            found.append(replace(document, taken_at=stamp))
    return tuple(found)


def document_of(message: str) -> PlanDocument | None:
    """The plan in one message of a log, or None: `duration: … ms  plan:` and what follows it."""
    beginning = BEGINNING.search(message)
    if beginning is None:
        return None
    body = message[beginning.end() :]
    try:
        document = read_json(body)[0] if body.lstrip().startswith("{") else read_text(body)
    except BadPlan:
        return None  # cut off, or in a form that is not read (XML, YAML)
    return replace(document, raw=dict(document.raw) | {"Execution Time": float(beginning[1])})


def _messages(text: str) -> Iterator[tuple[str, str | None]]:
    first = text.lstrip()[:1]
    if first == "{":
        for line in text.splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and isinstance(entry.get("message"), str):
                stamp = entry.get("timestamp")
                yield entry["message"], stamp if isinstance(stamp, str) else None
        return
    if _CSV_START.match(text.lstrip()):
        csv.field_size_limit(64 * 1024 * 1024)
        try:
            for row in csv.reader(io.StringIO(text)):
                if len(row) > 13:
                    yield row[13], row[0]
        except csv.Error as error:
            raise BadPlan(f"the log is no CSV: {error}") from None
        return
    yield from _plain(text)


def _plain(text: str) -> Iterator[tuple[str, str | None]]:
    """Entries of a log in lines; what belongs to one entry begins with a tab."""
    entry: list[str] = []
    stamp: str | None = None
    for line in text.splitlines():
        if line.startswith("\t") and entry:
            entry.append(line[1:])
            continue
        if entry:
            yield "\n".join(entry), stamp
        found = _STAMP.search(line)
        entry, stamp = [line], found[0] if found else None
    if entry:
        yield "\n".join(entry), stamp
