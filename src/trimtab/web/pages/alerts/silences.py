"""The tab of silences: made everywhere at once, looked at and ended; what one would keep quiet is shown first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.notify.answers import AlertNow
from trimtab.app.notify.matching import for_silence, matchers_of, matches
from trimtab.app.notify.silencing import OWN, Made
from trimtab.model.errors import ActError, InputError, MissingError
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.settings.tab import Trouble, note, trouble_of

LENGTHS: tuple[tuple[str, str, int], ...] = (
    ("30m", "30 minutes", 1800),
    ("1h", "1 hour", 3600),
    ("2h", "2 hours", 7200),
    ("4h", "4 hours", 14_400),
    ("8h", "8 hours", 28_800),
    ("1d", "1 day", 86_400),
    ("3d", "3 days", 259_200),
    ("7d", "7 days", 604_800),
)
DEFAULT_LENGTH = "2h"
EVERYWHERE = ""
MATCHERS_CHARS_MAX = 4000
FITTING_MAX = 20
THEN = "/alerts?tab=silences&notice="


@dataclass(frozen=True, slots=True)
class Fitting:
    """What fires now and fits what was typed; `problem` says why that cannot be told."""

    count: int
    alerts: Sequence[AlertNow]
    problem: str | None = None


def context(asked: Asked) -> dict[str, object]:
    """Silences of everywhere, and what fits what is in the form."""
    typed = asked.form.get("matchers") or asked.query("matchers")
    places = asked.service.notify.silencing.places()
    return {
        "listed": asked.service.notify.silencing.listed(),
        "typed": typed[:MATCHERS_CHARS_MAX],
        "fitting": fitting(asked, typed[:MATCHERS_CHARS_MAX]) if typed else None,
        "lengths": [(name, text) for name, text, _ in LENGTHS],
        "length": asked.form.get("length") or asked.query("length") or DEFAULT_LENGTH,
        "places": [
            (EVERYWHERE, f"everywhere ({', '.join(places)})"),
            *((name, "trimtab's own receivers" if name == OWN else f"Alertmanager {name}") for name in places),
        ]
        if len(places) > 1
        else [],
        "place": asked.form.get("place") or asked.query("place"),
        "comment": asked.form.get("comment") or asked.query("comment"),
        "trouble": None,
        "made": (),
    }


def fitting(asked: Asked, text: str) -> Fitting:
    """Alerts that are pending or fire, and that these matchers mean."""
    try:
        matchers = for_silence(matchers_of(text))
    except InputError as error:
        return Fitting(0, (), error.message)
    found = [one for one in asked.service.notify.alerts() if matches(matchers, one.labels)]
    return Fitting(len(found), found[:FITTING_MAX])


def make(asked: Asked) -> Response:
    """A new one; where it could not be made everywhere, the page says where not."""
    matchers, length = asked.form.get("matchers", "")[:MATCHERS_CHARS_MAX], asked.form.get("length", "")
    note(asked, target=matchers[:200], comment=asked.form.get("comment", "")[:200])
    try:
        seconds = next((one for name, _, one in LENGTHS if name == length), None)
        if seconds is None:
            raise InputError("choose how long the silence lasts", field="length")
        place = asked.form.get("place", EVERYWHERE)
        made = asked.service.notify.silencing.make(
            asked.who.name,
            matchers,
            asked.service.now_ms() + seconds * 1000,
            asked.form.get("comment", ""),
            places=(place,) if place else (),
        )
    except (InputError, ActError, MissingError) as error:
        return _again(asked, trouble_of(asked, "silence", "", error), ())
    if any(one.problem for one in made):
        return _again(asked, None, made)
    return see_other(f"{THEN}silenced")


def end(asked: Asked) -> Response:
    """End one now."""
    place, number = asked.form.get("place", ""), asked.form.get("id", "")
    note(asked, target=f"{place} {number}"[:200])
    try:
        asked.service.notify.silencing.expire(place, number)
    except (InputError, ActError, MissingError) as error:
        return _again(asked, trouble_of(asked, "end", number, error), ())
    return see_other(f"{THEN}ended")


def _again(asked: Asked, trouble: Trouble | None, made: Sequence[Made]) -> Response:
    from trimtab.web.pages.alerts.listing import SILENCES, draw

    status = 200 if trouble is None else trouble.status
    return draw(asked, SILENCES, {"trouble": trouble, "made": made}, status)
