"""From bytes to the object that holds a dashboard: what cannot be one is refused, with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping

from trimtab.app.dashboards.json_parts import Json, needed_object, part, text
from trimtab.model.errors import InputError
from trimtab.store.dashboard_state import DOCUMENT_BYTES_MAX


def document_of(data: bytes, name: str = "the dashboard") -> Json:
    """The dashboard's own object, out of whatever it was wrapped in.

    >>> document_of(b'{"title": "x"}'), document_of(b'{"dashboard": {"title": "x"}, "meta": {}}')
    ({'title': 'x'}, {'title': 'x'})
    >>> document_of(b'{"title": "x",}')
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the dashboard: line 1, column 15: not JSON: ...
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise InputError(
            f"{name}: it has {len(data)} bytes, at most {DOCUMENT_BYTES_MAX} are read",
            limit=DOCUMENT_BYTES_MAX,
            observed=len(data),
        )
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: byte {error.start}: not UTF-8", field="body") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}",
            line=error.lineno,
            column=error.colno,
        ) from None
    except (RecursionError, ValueError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else "it has a number that is too long"
        raise InputError(f"{name}: {said}", field="body") from None
    return _unwrapped(needed_object(found, name), name)


def _unwrapped(found: Json, name: str) -> Json:
    """Out of what Grafana's API answers (`dashboard`, `meta`), or out of a resource (`kind`, `spec`)."""
    version = text(found, "apiVersion")
    if version.startswith("dashboard.grafana.app/"):
        found = {
            **part(found, "spec"),
            "uid": text(part(found, "spec"), "uid") or text(part(found, "metadata"), "name"),
        }
    elif isinstance(found.get("dashboard"), Mapping):
        found = part(found, "dashboard")
    if "elements" in found and "layout" in found:
        raise InputError(
            f"{name}: this is Grafana's second form of dashboards (elements, layout), which is not read: export it "
            "with the model 'Classic'",
            field="elements",
        )
    if not {"panels", "rows", "templating", "title"} & found.keys():
        raise InputError(
            f"{name}: this is no dashboard: it has neither a title nor panels, found "
            f"{', '.join(sorted(found))[:100] or 'an empty object'}",
            field="panels",
        )
    return found
