"""`/quality`: scores with their parts, the worst first, and each probe with what it found last, or why not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from trimtab.app.business.answers.quality import ProbeRow, ScoreRow, quality_of
from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.quality.parts import STATES, TABS, shown, wanted

ROWS = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the table of probes, with its value in words."""

    row: ProbeRow
    value: str
    wanted: str
    why: str


def quality(asked: Asked) -> Response:
    """The page, or its results alone."""
    business = asked.service.business
    system, state = asked.query("system") or None, asked.query("state") or None
    if state is not None and state not in STATES:
        raise InputError(f"state: one of {', '.join(STATES)}, found {state[:30]!r}", field="state")
    found = quality_of(business.now, asked.service.now_ms(), system)
    search = asked.query("q").strip().lower()[:200]
    counts = Counter(row.state for row in found.probes)
    rows = [row for row in found.probes if _fits(row, state, search)]
    order = list(STATES)
    rows.sort(key=lambda row: (order.index(row.state), row.system, row.table, row.name))
    context = {
        "title": "Data quality",
        "charts": True,
        "tabs": TABS,
        "answer": found,
        "scores": [*found.systems, *found.tables],
        "rows": [Shown(row, shown(row, row.value), wanted(row), why_of(row)) for row in rows[:ROWS]],
        "total": len(rows),
        "all_count": len(found.probes),
        "states": [(name, word, counts[name]) for name, word in STATES.items()],
        "words": STATES,
        "state": state,
        "system": system,
        "systems": sorted({one.probe.system for one in business.now.probes}),
        "search": search,
        "keys": [_key(row) for row in found.systems[:8]],
        "segment_of": lambda text: quote(text, safe=""),
    }
    return asked.page("quality.html", "quality", context, fragments=("results",))


def why_of(row: ProbeRow) -> str:
    """Why it has no value, or does not run now."""
    if row.held:
        return f"put off: {row.held}"
    return row.why_not


def _fits(row: ProbeRow, state: str | None, search: str) -> bool:
    return state in (None, row.state) and search in f"{row.name} {row.system} {row.table} {row.kind}".lower()


def _key(row: ScoreRow) -> str:
    name = row.system.replace("\\", "\\\\").replace('"', '\\"')
    return f'named/{row.system.replace("/", " ")}/100 * data_quality_score{{system="{name}"}}'
