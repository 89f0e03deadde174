"""`GET /exemplars`: for the charts of a page, measurements that lead to traces. Asked when the lines are drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from trimtab.app.exploring.exemplars import Dot, dots_of
from trimtab.model.errors import InputError, TrimtabError
from trimtab.web.series import QUERIES_MAX, query_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.web.pages.frame import Asked


def exemplars(asked: Asked) -> Response:
    """`key` (once for each line, as `/series` has them), `from`, `to`. What cannot be asked has none."""
    keys = list(dict.fromkeys(asked.request.query_params.getlist("key")))
    asked_for = {key: query for key in keys if (query := query_of(key)) is not None}
    if len(asked_for) > QUERIES_MAX:
        raise InputError(f"key: at most {QUERIES_MAX} queries, found {len(asked_for)}", field="key", limit=QUERIES_MAX)
    service, within = asked.service, asked.within
    found: dict[str, Sequence[Dot]] = {}
    if service.upstream is None:
        running = {
            key: service.querying.submit(partial(dots_of, service.querying, query, within.from_ms, within.to_ms))
            for key, query in asked_for.items()
        }
        for key, one in running.items():
            try:
                found[key] = one.result()
            except TrimtabError:
                found[key] = ()
    content = msgspec.json.encode({"exemplars": found})
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})
