"""`/quality/probes/{name}`: one probe: what it found, over time, and the statement that is run."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.app.business.answers.quality import probe_row
from trimtab.model.errors import InputError
from trimtab.model.readable import amount_text, wish_text
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.quality.listing import why_of
from trimtab.web.pages.quality.parts import STATES
from trimtab.web.pages.settings.tab import note
from trimtab.web.view import Message, segment

_DONE = Message("It was run.")


def probe(asked: Asked) -> Response:
    """The page."""
    return draw(asked, asked.path("name"))


def draw(asked: Asked, name: str, trouble: str | None = None) -> Response:
    """The page, also when it could not be run."""
    row = probe_row(asked.service.business.probe(name), asked.service.now_ms())
    labels = f'{{probe="{row.name}"}}'
    factor = "100 * " if row.unit == "ratio" else ""
    context = {
        "title": row.name,
        "charts": True,
        "row": row,
        "word": STATES[row.state],
        "value": "" if row.value is None else amount_text(row.value, row.unit),
        "wanted": wish_text(row.wanted, row.unit),
        "why": why_of(row),
        "value_keys": [f"named/found/{factor}{row.series}"],
        "value_unit": "%" if row.unit == "ratio" else row.unit,
        "took_keys": [f"named/took/1000 * data_probe_duration_seconds{labels}"],
        "trouble": trouble,
    }
    messages = [_DONE] if asked.query("notice") == "run" else []
    path = f"/quality/probes/{segment(name)}"
    status = 200 if trouble is None else 400
    return asked.page(
        "quality_probe.html", "quality", context, fragments=("standing",), messages=messages, path=path, status=status
    )


def run_now(asked: Asked) -> Response:
    """Run it, and show what came of it."""
    name = asked.path("name")
    note(asked, target=name)
    try:
        asked.service.business.run_probe(name)
    except InputError as error:
        if asked.service.business.probing.now.get(name) is None:
            raise
        return draw(asked, name, error.message)
    return see_other(f"/quality/probes/{segment(name)}?notice=run")
