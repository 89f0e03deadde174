"""`/queries/{system}/{fingerprint}/advice`: what would make one query faster, what each costs, and how sure that is."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from trimtab.model.errors import InputError, NotFound, TrimtabError
from trimtab.web.errors import describe
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.query import address
from trimtab.web.view import Message
from trimtab.web.words import sentence

CONSIDERED_MAX = 20
HINTS_MAX = 20


def query_advice(asked: Asked) -> Response:
    """The page."""
    return _draw(asked)


def ask(asked: Asked) -> Response:
    """Look for advice now, and come back; why it could not be looked for is said there."""
    system, fingerprint = asked.path("system"), asked.path("fingerprint")
    try:
        asked.service.advice.ask(system, fingerprint)
    except InputError:
        raise
    except TrimtabError as error:
        status, title, _, message = describe(error)
        return _draw(asked, Message(f"No advice was made. {title}: {sentence(message)}", "bad"), status)
    kept = {name: asked.form[name] for name in ("from", "to", "tz") if asked.form.get(name)}
    there = f"{address(system, fingerprint)}/advice"
    return see_other(f"{there}?{urlencode(kept)}" if kept else there)


def _draw(asked: Asked, message: Message | None = None, status: int = 200) -> Response:
    system, fingerprint = asked.path("system"), asked.path("fingerprint")
    service = asked.service
    service.state.system(system)
    shape = service.read.texts.of(system).get(fingerprint)
    if shape is None:
        raise NotFound(f"system {system!r} has no query {fingerprint[:50]!r}", fingerprint=fingerprint[:50])
    known = service.state.case_of_shape(system, fingerprint)
    context = {
        "title": "Advice",
        "system": system,
        "fingerprint": fingerprint,
        "shape": shape.text,
        "address": address(system, fingerprint),
        "advice": service.advice.latest(system, fingerprint),
        "case": known,
        "record": service.advice.story(system, fingerprint),
        "considered_max": CONSIDERED_MAX,
        "hints_max": HINTS_MAX,
    }
    there = f"{address(system, fingerprint)}/advice"
    notices = (message,) if message else ()
    return asked.page(
        "query_advice.html", "queries", context, ranged=False, status=status, messages=notices, path=there
    )
