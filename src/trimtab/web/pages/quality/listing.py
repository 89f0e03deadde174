"""`/quality`: scores with their parts, the worst first, and each probe with what it found last, or why not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from trimtab.app.business.answers.quality import ProbeRow, ScoreRow, quality_of
from trimtab.model.errors import InputError
from trimtab.model.probes import REFUSED
from trimtab.model.readable import amount_text, wish_text
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.quality.parts import MISSING, STATES, TABS

ROWS = 100
REASONS = 10
"""So many reasons stand above the probes that were measured; all of them where only these are asked for."""
NAMED = 6
"""So many probes of one reason are named, the others behind a click."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of the table of probes, with its value in words."""

    row: ProbeRow
    value: str
    wanted: str
    why: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Probes that came to no number for one reason."""

    state: str
    why: str
    rows: tuple[ProbeRow, ...]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.rows)


def quality(asked: Asked) -> Response:
    """The page, or its results alone."""
    business = asked.service.business
    system, state = asked.query("system") or None, asked.query("state") or None
    if state is not None and state not in STATES:
        raise InputError(f"state: one of {', '.join(STATES)}, found {state[:30]!r}", field="state")
    now = business.now
    found = quality_of(now, asked.service.now_ms(), system)
    search = asked.query("q").strip().lower()[:200]
    counts = Counter(row.state for row in found.probes)
    rows = [row for row in found.probes if _fits(row, state, search)]
    order = list(STATES)
    rows.sort(key=lambda row: (order.index(row.state), row.system, row.table, row.name))
    there = [row for row in rows if row.state not in MISSING]
    reasons = missing_of(rows)
    context = {
        "title": "Data quality",
        "charts": True,
        "tabs": TABS,
        "answer": found,
        "scores": [*found.systems, *found.tables],
        "rows": [shown(row) for row in there[:ROWS]],
        "total": len(there),
        "missing": reasons if state in MISSING else reasons[:REASONS],
        "missing_count": len(rows) - len(there),
        "reasons_count": len(reasons),
        "NAMED": NAMED,
        "unknown": [f"{name}: {told}" for name, told in now.problems],
        "all_count": len(found.probes),
        "states": [(name, word, counts[name]) for name, word in STATES.items()],
        "words": STATES,
        "state": state,
        "system": system,
        "systems": sorted({one.probe.system for one in now.probes}),
        "search": search,
        "keys": [_key(row) for row in found.systems[:8]],
        "segment_of": lambda text: quote(text, safe=""),
    }
    return asked.page("quality.html", "quality", context, fragments=("results",))


def shown(row: ProbeRow) -> Shown:
    """A row with its values in words."""
    value = "" if row.value is None else amount_text(row.value, row.unit)
    return Shown(row, value, wish_text(row.wanted, row.unit), why_of(row))


def missing_of(rows: list[ProbeRow]) -> list[Missing]:
    """Those without a number, what is refused first: one entry for each reason, which many of them share."""
    reasons: dict[tuple[str, str], list[ProbeRow]] = {}
    for row in rows:
        if row.state in MISSING:
            reasons.setdefault((row.state, row.why_not.removeprefix(REFUSED)), []).append(row)
    return [Missing(state, why, tuple(those)) for (state, why), those in reasons.items()]


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
