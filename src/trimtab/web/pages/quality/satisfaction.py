"""`/quality/satisfaction`: how content users are, by each source, with what stands behind it, and over time."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.business.answers.satisfaction import SatisfactionRow, satisfaction_row
from trimtab.model.readable import amount_text, digits_of
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.quality.parts import TABS

CHARTED_MAX = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """A source with its value in words."""

    row: SatisfactionRow
    value: str
    range: str


def satisfaction(asked: Asked) -> Response:
    """The page, or its results alone."""
    now = asked.service.business.now
    rows = [shown(satisfaction_row(one)) for one in now.satisfaction]
    context = {
        "title": "User satisfaction",
        "charts": True,
        "tabs": TABS,
        "rows": rows,
        "problems": [told for name, told in now.problems if name in ("satisfaction", "series")],
        "keys": [_key(one.row.name) for one in rows[:CHARTED_MAX]],
    }
    return asked.page("quality_satisfaction.html", "quality", context, fragments=("results",))


def shown(row: SatisfactionRow) -> Shown:
    """A source with its value on its own scale."""
    value = "" if row.ratio is None else amount_text(row.ratio, "ratio", f"/{row.scale:g}")
    span = "" if row.low is None or row.high is None else f"{digits_of(row.low)} to {digits_of(row.high)}"
    return Shown(row, value, span)


def _key(name: str) -> str:
    """Names have letters, digits and a few marks: nothing to escape."""
    return f'named/{name}/100 * user_satisfaction_ratio{{name="{name}"}}'
