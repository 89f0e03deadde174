"""`/traces/words`: what the search form suggests while somebody types: services, operations, keys of attributes, their
values. Nothing of it is in the page: a first paint would wait for it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from trimtab.model.errors import InputError
from trimtab.web.pages.frame import Asked

WORDS_MAX = 50
TEXT_CHARS_MAX = 2_200


def completion_words(asked: Asked) -> Response:
    """For `attribute` that begins so: `KEY=` or `KEY=VALUE`; with `of=services` these, else operations of `service`; of
    another store where the page is about one. As JSON."""
    within, service, text = asked.within, asked.query("service"), asked.query("attribute")
    if len(text) > TEXT_CHARS_MAX or len(service) > TEXT_CHARS_MAX:
        raise InputError(f"attribute: at most {TEXT_CHARS_MAX:,} characters", field="attribute", limit=TEXT_CHARS_MAX)
    store = asked.service.traces
    key, equals, value = text.partition("=")
    sources, source = asked.service.sources, asked.query("source")
    is_elsewhere = source in sources.names("traces")
    if asked.query("of") == "services":
        names = sources.services(source) if is_elsewhere else store.services(within.from_ms, within.to_ms)
        words = list(names.names)
    elif "attribute" not in asked.request.query_params:
        if is_elsewhere:
            done = sources.operations(source, service).operations if service else ()
        else:
            done = store.operations(within.from_ms, within.to_ms, service).operations
        words = sorted({one.name for one in done})
    elif not equals:
        keys = store.attribute_keys(within.from_ms, within.to_ms, service).found
        fitting = [one.text for one in keys if text.lower() in one.text.lower()]
        words = [f"{one}=" for one in sorted(fitting, key=lambda one: not one.lower().startswith(text.lower()))]
    else:
        values = store.attribute_values(key, within.from_ms, within.to_ms, service, value, WORDS_MAX).found
        words = [f"{key}={one.text}" for one in values if one.text.isprintable()]
    content = msgspec.json.encode(words[: WORDS_MAX if "attribute" in asked.request.query_params else 1000])
    return Response(content, media_type="application/json", headers={"Cache-Control": "private, max-age=30"})
