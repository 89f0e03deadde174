"""`/indexes`: every index of every watched system, what costs most first, with what is advised and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.advise.drops.judge import VERDICT_MEANINGS, IndexVerdict, JudgedIndex
from trimtab.app.indexes.keeper import SystemIndexes
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked

ROWS = 100
PAGE_MAX = 10_000
SEARCH_CHARS_MAX = 200
TONES: Mapping[IndexVerdict, str] = {
    IndexVerdict.DROP: "warn",
    IndexVerdict.REBUILD: "info",
    IndexVerdict.WAIT: "quiet",
    IndexVerdict.KEEP: "ok",
}
MARKS: Mapping[str, tuple[str, str]] = {
    "invalid": ("bad", "No query can use it: a build that failed"),
    "duplicate": ("warn", "Another index of the table is the same"),
    "prefix": ("warn", "Another index of the table begins with its keys"),
    "unread": ("quiet", "Nobody read it, as far as is known"),
    "bloated": ("info", "A fresh one would be much smaller, by a model"),
}
HEADS: tuple[tuple[str, str, str], ...] = (
    ("cost", "Writes", "What writers of the table pay for it, by a model: entries a second times 0.003 ms"),
    ("size", "Size", "On disk"),
    ("reads", "Reads", "Scans since the server counts, on the server and its watched standbys"),
)

_KEYS: Mapping[str, Callable[[JudgedIndex], tuple[float, str]]] = {
    "cost": lambda one: (-(one.write_ms_per_s or 0.0), f"{1e15 - one.facts.size_bytes:020.0f}"),
    "size": lambda one: (-float(one.facts.size_bytes), one.facts.name),
    "reads": lambda one: (float(one.scans), one.facts.name),
    "name": lambda one: (0.0, f"{one.facts.relation}.{one.facts.name}"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows that fit, and what they add up to."""

    rows: tuple[JudgedIndex, ...]
    total: int
    counts: Mapping[str, int]
    size_bytes: int
    drop_bytes: int
    drop_ms_per_s: float
    systems: tuple[SystemIndexes, ...]


def indexes(asked: Asked) -> Response:
    """The page, or its table alone."""
    sort = _one_of(asked, "sort", tuple(_KEYS), "cost")
    verdict = _one_of(asked, "advice", ("", *(one.value for one in IndexVerdict)), "")
    number = _page(asked)
    search = asked.query("q").strip()[:SEARCH_CHARS_MAX]
    system = asked.query("system") or None
    service = asked.service
    found = service.indexes.all(system)
    every = [one for of in found for one in of.indexes if _fits(one, search)]
    fitting = sorted((one for one in every if verdict in ("", one.verdict.value)), key=_KEYS[sort])
    drops = [one for one in every if one.verdict is IndexVerdict.DROP]
    shown = Shown(
        tuple(fitting[(number - 1) * ROWS : number * ROWS]),
        len(fitting),
        {one.value: sum(each.verdict is one for each in every) for one in IndexVerdict},
        sum(one.facts.size_bytes for one in every),
        sum(one.facts.size_bytes for one in drops),
        sum(one.write_ms_per_s or 0.0 for one in drops),
        found,
    )
    pages = max(1, -(-shown.total // ROWS))
    context = {
        "title": "Indexes",
        "shown": shown,
        "sort": sort,
        "heads": HEADS,
        "tones": {one.value: tone for one, tone in TONES.items()},
        "meanings": {one.value: words for one, words in VERDICT_MEANINGS.items()},
        "marks": MARKS,
        "verdict": verdict,
        "search": search,
        "system": system,
        "systems": [known.name for known in service.state.systems()],
        "first": (number - 1) * ROWS + 1,
        "last": min(number * ROWS, shown.total),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < pages else None,
        "cycle_days": service.policy_of(system or "").advise.cycle_days,
    }
    return asked.page("indexes.html", "queries", context, fragments=("results",), ranged=False)


def _fits(one: JudgedIndex, search: str) -> bool:
    wanted = search.casefold()
    return not wanted or any(wanted in text.casefold() for text in (one.facts.statement, one.system, *one.marks))


def _one_of(asked: Asked, name: str, known: tuple[str, ...], default: str) -> str:
    text = asked.query(name, default) or default
    if text not in known:
        listed = ", ".join(one for one in known if one)
        raise InputError(f"{name}: one of {listed}, found {text[:30]!r}", field=name)
    return text


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise InputError(f"page: from 1 to {PAGE_MAX}, found {text[:20]!r}", field="page")
    return int(text)
