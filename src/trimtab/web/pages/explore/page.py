"""The Explorer page: its queries, each with its own answer or its own trouble."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import QueryParams
from starlette.responses import Response

from trimtab.app.exploring.answers import LINES_MAX, QUERY_CHARS_MAX, ROWS_MAX, Instant, Trouble
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.exploring.functions import words
from trimtab.model.errors import InputError, NotFound, TrimtabError
from trimtab.web.pages.explore.examples import Example, examples
from trimtab.web.pages.explore.places import Place, place_of
from trimtab.web.pages.explore.rows import Table, table_of
from trimtab.web.pages.explore.wish import LETTERS, QUERIES_MAX, Wanted, Wish, wish_of
from trimtab.web.pages.frame import Asked, see_other
from trimtab.web.pages.meanwhile import Meanwhile
from trimtab.web.series import PROMQL
from trimtab.web.units import UNITS

SERVICES_MAX = 200
PATIENCE_S = 2.0
"""How long the page waits for tables; what takes longer comes by itself when the page is there."""
ANSWER_PATIENCE_S = 18.0
"""How long one table may take: a little less than what the page's script waits."""
KIND_WORDS = {"vector": "", "matrix": "range vector", "scalar": "scalar", "string": "string"}


@dataclass(frozen=True, slots=True)
class Answered:
    """One query on the page. `is_late`: the table is still to come. `unit` is what is shown, `wanted.unit` what was
    chosen."""

    letter: str
    wanted: Wanted
    unit: str = ""
    trouble: Trouble | None = None
    place: Place | None = None
    table: Table | None = None
    notes: Sequence[tuple[str, str]] = ()
    """(tone, text)."""
    is_late: bool = False
    has_chart: bool = False
    chart: str = ""

    @property
    def key(self) -> str:
        """The key of its lines."""
        return PROMQL + self.wanted.text


def explore(asked: Asked) -> Response:
    """The page, or the answer of one of its queries alone."""
    wish = wish_of(asked.request.query_params)
    by_script = asked.request.headers.get("hx-request") == "true"
    do = asked.query("do")
    if do:
        wish = wish.after(do)
        if not by_script:
            return see_other(wish.address())
    explorer = Explorer(asked.service.querying, lambda: asked.service.upstream)
    letters = LETTERS[: len(wish.queries)]
    which = None
    if asked.fragment == "answer":
        which = asked.query("which")
        if len(which) != 1 or which not in letters:
            raise NotFound(f"there is no query {which[:10]!r}", field="which")
    shown = [(letter, one) for letter, one in zip(letters, wish.queries, strict=True) if which in (None, letter)]
    services = Meanwhile(lambda: _services(asked))
    answers = _answered(explorer, wish, shown, asked.within.to_ms, PATIENCE_S if which is None else ANSWER_PATIENCE_S)
    is_begun = any(one.text.strip() for one in wish.queries)
    context = {
        "title": "Explore",
        "charts": True,
        "scripts": ("js/explore.js",),
        "wish": wish,
        "answers": answers,
        "services": services.within() or (),
        "one": answers[0],
        "is_begun": is_begun,
        "units": UNITS,
        "kind_words": KIND_WORDS,
        "elsewhere": explorer.elsewhere,
        "server_url": asked.service.url,
        "rows_max": ROWS_MAX,
        "lines_max": LINES_MAX,
        "queries_max": QUERIES_MAX,
        "query_chars_max": QUERY_CHARS_MAX,
        "at_ms": asked.within.to_ms,
        **(
            _beginning(explorer) if not is_begun and which is None else {"examples": (), "lacks": "", "is_empty": False}
        ),
    }
    answer = asked.page("explore.html", "explore", context, fragments=("answer",), path="/explore")
    if by_script and asked.fragment is None and wish != _shown(asked):
        answer.headers["HX-Push-Url"] = wish.address()
    return answer


def _services(asked: Asked) -> Sequence[str]:
    """Those that sent traces: a job that is called so is one of them. None where they cannot be had."""
    try:
        return asked.service.traces.services(asked.within.from_ms, asked.within.to_ms).names[:SERVICES_MAX]
    except TrimtabError:
        return ()


def _shown(asked: Asked) -> Wish | None:
    """What the visitor's address says already: running it again is no step that Back should undo."""
    try:
        return wish_of(QueryParams(urlsplit(asked.request.headers.get("hx-current-url", "")).query))
    except (InputError, ValueError):
        return None


def _beginning(explorer: Explorer) -> dict[str, object]:
    """What is there to be asked for, for who has asked nothing yet."""
    try:
        names = explorer.metric_names()
    except TrimtabError as error:
        return {"examples": (), "lacks": error.message, "is_empty": False}
    found: list[Example] = examples(names)
    return {"examples": found, "lacks": "", "is_empty": not names}


def _answered(
    explorer: Explorer, wish: Wish, shown: Sequence[tuple[str, Wanted]], at_ms: int, patience_s: float
) -> list[Answered]:
    """Each query with what is to be shown of it; those that need a table are asked at the same time."""
    troubles = {letter: explorer.trouble_of(one.text) for letter, one in shown if one.is_asked}
    asking = [(letter, one.text) for letter, one in shown if letter in troubles and troubles[letter] is None]
    found: dict[str, Instant | Trouble | None] = {}
    if wish.view != "graph" and asking:
        answers = explorer.instants([text for _, text in asking], at_ms, patience_s)
        found = dict(zip((letter for letter, _ in asking), answers, strict=True))
    return [_one(explorer, wish, letter, one, troubles.get(letter), found) for letter, one in shown]


def _chart_id(wish: Wish, letter: str, unit: str) -> str:
    """The same as long as query and unit are, so that a drawn chart stays when others come and go."""
    place = LETTERS.index(letter)
    text = wish.queries[place].text
    nth = sum(1 for one in wish.queries[:place] if one.text == text)
    return f"chart-{hashlib.sha256(msgspec.json.encode([text, unit, nth])).hexdigest()[:12]}"


def _one(
    explorer: Explorer,
    wish: Wish,
    letter: str,
    wanted: Wanted,
    trouble: Trouble | None,
    found: dict[str, Instant | Trouble | None],
) -> Answered:
    if not wanted.is_asked:
        return Answered(letter, wanted)
    if trouble is not None:
        return Answered(letter, wanted, trouble=trouble, place=place_of(wanted.text, trouble))
    unit = explorer.unit_of(wanted.text) if wanted.unit == "auto" else "" if wanted.unit == "none" else wanted.unit
    has_chart = wish.view != "table" and explorer.draws(wanted.text)
    answer = found.get(letter)
    made = Answered(letter, wanted, unit, has_chart=has_chart, chart=_chart_id(wish, letter, unit))
    if wish.view == "graph":
        return made
    if answer is None:
        return replace(made, is_late=True)
    if isinstance(answer, Trouble):
        # no chart: it could only say the same
        return replace(made, trouble=answer, place=place_of(wanted.text, answer), has_chart=False)
    notes = [*(("warn", text) for text in answer.warnings), *(("info", text) for text in answer.infos)]
    return replace(made, table=table_of(answer, unit, wish.sort, descending=wish.descending), notes=notes)


def completion_words(_asked: Asked) -> Response:
    """`/explore/words`: functions, aggregations and keywords as JSON: name, kind, how it is called, help."""
    content = msgspec.json.encode([[one.name, one.kind, one.called, one.help] for one in words()])
    return Response(content, media_type="application/json", headers={"Cache-Control": "private, max-age=300"})
