"""Evaluations of test scripts that are known to miss, each with its reason: a TOML file that says what is not there.

    [[message]]                      # all whose difference has this text in it
    text = "is experimental and not enabled"
    reason = "..."

    [[evaluation]]                   # one
    file = "native_histograms.test"
    line = 1857
    query = "histogram_count(sum(metric))"
    reason = "..."

The list may not lie: what is on it and does not miss is a failure (`Known.stale`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from trimtab.model.errors import InputError

_FIELDS = {"message": {"text", "reason"}, "evaluation": {"file", "line", "query", "reason"}}


@dataclass(slots=True)
class Known:
    """The list, and what of it was met."""

    messages: dict[str, str] = field(default_factory=dict)
    evaluations: dict[tuple[str, int, str], str] = field(default_factory=dict)
    _met: set[object] = field(default_factory=set)

    def reason_for(self, file: str, line: int, query: str, difference: str) -> str | None:
        """Why it is known that this evaluation misses; None: it is not."""
        key = (file, line, query)
        if key in self.evaluations:
            self._met.add(key)
            return self.evaluations[key]
        for text, reason in self.messages.items():
            if text in difference:
                self._met.add(text)
                return reason
        return None

    def stale(self, files: Collection[str]) -> list[str]:
        """What is listed for these files and does not miss (any more)."""
        return [
            f"{file}:{line} {query}"
            for file, line, query in self.evaluations
            if file in files and (file, line, query) not in self._met
        ]

    def stale_messages(self) -> list[str]:
        """Texts that no difference has in it."""
        return [text for text in self.messages if text not in self._met]


def known_of(text: str) -> Known:
    """Read the list.

    >>> known_of('[[message]]\\ntext = "not enabled"\\nreason = "later"').messages
    {'not enabled': 'later'}
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise InputError(f"the list of known misses is no TOML: {broken}") from broken
    known = Known()
    for kind, rows in tables.items():
        if kind not in _FIELDS or not isinstance(rows, list):
            raise InputError(f"the list of known misses has [[message]] and [[evaluation]], not {kind!r}")
        for row in rows:
            _add(known, kind, row)
    return known


def _add(known: Known, kind: str, row: Mapping[str, object]) -> None:
    if set(row) != _FIELDS[kind]:
        raise InputError(f"each [[{kind}]] has {', '.join(sorted(_FIELDS[kind]))}; found {', '.join(sorted(row))}")
    reason = str(row["reason"])
    if kind == "message":
        known.messages[str(row["text"])] = reason
    elif isinstance(row["line"], int):
        known.evaluations[(str(row["file"]), row["line"], str(row["query"]))] = reason
    else:
        raise InputError(f"line has to be a number, not {row['line']!r}")
