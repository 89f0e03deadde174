"""Templates to HTML: autoescape always on, an undefined name is an error, a fragment is one block of its page."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from trimtab.sql.index_ddl import readable
from trimtab.web import format as text
from trimtab.web.effect_picture import effect_picture
from trimtab.web.plan_view import plan_view
from trimtab.web.ratios import span_text, tone_of
from trimtab.web.spark import spark_path
from trimtab.web.sql_text import sql_lines, sql_markup
from trimtab.web.static_files import StaticFiles
from trimtab.web.units import value_text
from trimtab.web.view import View, segment
from trimtab.web.words import CHANGE_STATES, SEVERITIES, STANDINGS, SYSTEM_STATES, plain, sentence, word
from trimtab.web.wrapping import breakable

if TYPE_CHECKING:
    from jinja2 import Template


@functools.cache
def static_files() -> StaticFiles:
    """The files of this package, read and compressed once."""
    return StaticFiles.of_package()


@functools.cache
def environment() -> Environment:
    """The one environment; `ui` holds the building blocks of `_ui.html` in every template and fragment."""
    made = Environment(
        loader=PackageLoader("trimtab.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        number=text.number_text,
        duration=text.duration_text,
        bytes=text.bytes_text,
        percent=text.percent_text,
        rate=text.rate_text,
        nines=text.nines_text,
        value=value_text,
        budget=text.budget_text,
        speed=text.speed_text,
        moment=text.moment_text,
        iso=text.moment_iso,
        ago=lambda ms: text.ago_text(ms, time.time() * 1000),
        sentence=sentence,
        span=span_text,
        tone=tone_of,
        plain=plain,
        sql=sql_markup,
        sql_lines=sql_lines,
        segment=segment,
        written_index=readable,
        spark_path=spark_path,
        breakable=breakable,
        tojson_text=lambda value: msgspec.json.encode(value).decode(),
    )
    made.globals.update(
        asset=static_files().address,
        effect_picture=effect_picture,
        modules=static_files().modules,
        plan_view=plan_view,
        change_words=CHANGE_STATES,
        case_words=STANDINGS,
        severity_words=SEVERITIES,
        system_words=SYSTEM_STATES,
        word=word,
    )
    made.globals["ui"] = made.get_template("_ui.html").module
    return made


def warm_up() -> None:
    """Compile every template and pack every file now, so that the first visitor does not wait for it."""
    made = environment()
    for name in made.list_templates():
        made.get_template(name)


def page(template: str, view: View, context: Mapping[str, object], fragment: str | None = None) -> str:
    """The whole page, or one of its blocks.

    `context` may set `charts` to True, which brings the chart's script, and `scripts` of its own; it must set `title`.
    """
    found = environment().get_template(template)
    values = {"charts": False, "scripts": (), **context, "view": view}
    return found.render(values) if fragment is None else block(found, fragment, values)


def block(template: Template, name: str, values: Mapping[str, object]) -> str:
    """One block of a template; KeyError where it has none of that name."""
    return "".join(template.blocks[name](template.new_context(dict(values))))


def html(content: str, status: int = 200) -> HTMLResponse:
    """A page as an answer. Never stored: it is about now, and about this visitor."""
    return HTMLResponse(content, status, {"Cache-Control": "no-store", "Vary": "HX-Request, Cookie"})
