"""A part of what was found: of one kind, with a text in it, a page at a time."""

from __future__ import annotations

from collections import Counter

import msgspec

from trimtab.analyze.patterns.found import Kind
from trimtab.app.patterns.answers import FoundPatterns, PatternRow
from trimtab.model.errors import InputError

SHOWN_CHARS = 50


def asked_for(
    now: FoundPatterns, *, kind: str | None = None, search: str = "", limit: int = 100, offset: int = 0
) -> FoundPatterns:
    """The answer with the rows that fit; `total` says how many do. InputError where there is no such kind."""
    known = [one.value for one in Kind]
    if kind is not None and kind not in known:
        raise InputError(f"kind must be one of {', '.join(known)}, found {kind[:SHOWN_CHARS]!r}", field="kind")
    rows = [row for row in now.patterns if _fits(row, kind, search)]
    nothing = [one for one in now.nothing_rows if kind in (None, one.kind.value)] if search == "" else []
    return msgspec.structs.replace(
        now, patterns=rows[offset : offset + limit], total=len(rows), nothing_rows=nothing[offset : offset + limit]
    )


def counts_of(now: FoundPatterns, search: str = "") -> dict[str, int]:
    """How many there are of each kind, in the order of `Kind`."""
    counted = Counter(row.kind.value for row in now.patterns if _fits(row, None, search))
    return {one.value: counted[one.value] for one in Kind}


def _fits(row: PatternRow, kind: str | None, search: str) -> bool:
    is_kind = kind in (None, row.kind.value)
    return is_kind and search.strip().casefold() in f"{row.name} {row.series}".casefold()
