"""`/patterns`: what repeats in the series that pages draw, by kind, drawn, with what would follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.analyze.patterns.found import Kind
from trimtab.app.patterns.answers import PatternRow
from trimtab.app.patterns.looking import asked_for, counts_of
from trimtab.model.errors import InputError
from trimtab.web.pages.analysis.address import in_address
from trimtab.web.pages.analysis.pattern_pictures import picture_of
from trimtab.web.pages.analysis.pattern_words import COUNTED, KIND_WORDS, figures_of, lag_text, sentence_of, word_of
from trimtab.web.pages.frame import Asked
from trimtab.web.view import View

ROWS = 20
PAGE_MAX = 10_000
SEARCH_CHARS_MAX = 200


def patterns(asked: Asked) -> Response:
    """The page, or its results alone."""
    kept = asked.service.patterns
    now = kept.now
    kind, search, number = asked.query("kind") or None, asked.query("q").strip()[:SEARCH_CHARS_MAX], _page(asked)
    found = asked_for(now, kind=kind, search=search, limit=ROWS, offset=(number - 1) * ROWS)
    if (last := max(1, -(-found.total // ROWS))) < number:
        number, found = last, asked_for(now, kind=kind, search=search, limit=ROWS, offset=(last - 1) * ROWS)
    counts = counts_of(now, search)
    view = asked.view("analysis", ranged=False)
    context = {
        "title": "Patterns",
        "now": now,
        "is_enabled": kept.is_enabled,
        "rows": [_view(row, view) for row in found.patterns],
        "total": found.total,
        "all_count": sum(counts.values()),
        "kinds": [(one.value, COUNTED[one][counts[one.value] != 1], counts[one.value]) for one in Kind],
        "kind": kind,
        "meaning": KIND_WORDS[Kind(kind)][1] if kind else "",
        "search": search,
        "nothing": [
            (KIND_WORDS[one][0], sorted(now.nothing[one.value].items())) for one in Kind if now.nothing.get(one.value)
        ],
        "window_days": asked.service.config.patterns.window_days,
        "first": (number - 1) * ROWS + 1,
        "last": min(number * ROWS, found.total),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number * ROWS < found.total else None,
    }
    return in_address(asked, asked.page("patterns.html", "analysis", context, fragments=("results",), ranged=False))


def _view(row: PatternRow, view: View) -> dict[str, object]:
    evidence = row.found.evidence
    return {
        "row": row,
        "kind_word": word_of(row.kind),
        "sentence": sentence_of(row.found),
        "figures": figures_of(evidence),
        "picture": picture_of(row),
        "lag": lag_text(row.lead) if row.lead is not None else "",
        "samples": _samples(row.href, view, {"from": str(evidence.start_ms), "to": str(evidence.end_ms)}),
    }


def _samples(href: str, view: View, within: Mapping[str, str]) -> str:
    """Where its samples are seen, over the window; a query of the Explorer has its own parameters already."""
    if not href:
        return ""
    return f"{href}&{urlencode(within)}" if "?" in href else view.link(href, **within)


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    return int(text)
