"""`/dashboards`: those that there are, and the box for one more."""

from __future__ import annotations

from starlette.responses import Response

from trimtab.model.errors import ActError, InputError
from trimtab.store.dashboard_state import DASHBOARDS_MAX, DOCUMENT_BYTES_MAX
from trimtab.web import render
from trimtab.web.errors import describe
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import note
from trimtab.web.view import Message, segment
from trimtab.web.words import sentence

FORM_BYTES_MAX = 4 * DOCUMENT_BYTES_MAX
"""Enough to say how large a file is that is too large."""
TYPED_CHARS_MAX = 200_000
"""What comes back into the box."""


def dashboards(asked: Asked) -> Response:
    """The page."""
    return draw(asked)


def draw(
    asked: Asked, trouble: str | None = None, status: int = 200, typed: str = "", *, exists: bool = False
) -> Response:
    """The page, also after a form that was not right: then with what is wrong, and what was typed."""
    notice = [Message("Forgotten.")] if asked.query("notice") == "deleted" else []
    rows = asked.service.dashboards.listed()
    context = {
        "title": "Dashboards",
        "scripts": ("js/dashboard-import.js",),
        "own": [row for row in rows if row.origin == "built-in"],
        "brought": [row for row in rows if row.origin != "built-in"],
        "trouble": trouble,
        "typed": typed if len(typed) <= TYPED_CHARS_MAX else "",
        "exists": exists,
        "dashboards_max": DASHBOARDS_MAX,
        "bytes_max": DOCUMENT_BYTES_MAX,
    }
    view = asked.view("dashboards", messages=notice, path="/dashboards", ranged=False)
    return render.html(render.page("dashboards.html", view, context), status)


def bring(asked: Asked) -> Response:
    """Keep a dashboard that was chosen as a file or pasted, and show it. A file comes before what is in the box."""
    file, text = asked.form.get("file", ""), asked.form.get("document", "")
    name = asked.form.get("file.filename", "")[:200] if file else ""
    text = file or text
    try:
        if not text.strip():
            raise InputError("choose a file, or paste its JSON", field="document")
        row = asked.service.dashboards.put(
            text.encode(errors="surrogateescape"),
            asked.who.name,
            replaces=asked.form.get("replace") == "true",
            name=name or "the text",
        )
    except (InputError, ActError) as error:
        note(asked, why=error.message)
        exists = "replace" in error.facts
        typed = text.encode(errors="replace").decode()
        return draw(asked, sentence(error.message), describe(error)[0], typed, exists=exists)
    note(asked, target=row.uid)
    return see_other(f"/dashboards/{segment(row.uid)}")


def delete(asked: Asked) -> Response:
    """Forget one."""
    uid = asked.path("uid")
    note(asked, target=uid)
    asked.service.dashboards.delete(uid)
    return see_other("/dashboards?notice=deleted")


def download(asked: Asked) -> Response:
    """The JSON of one, as a Grafana takes it."""
    uid = asked.path("uid")
    data = asked.service.dashboards.document(uid)
    name = "".join(sign for sign in uid if sign.isalnum() or sign in "-_")[:80] or "dashboard"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "no-store"}
    return Response(data, media_type="application/json", headers=headers)
