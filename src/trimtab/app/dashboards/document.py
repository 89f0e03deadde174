"""From bytes to the object that holds a dashboard: what cannot be one is refused, with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import NoReturn

from trimtab.app.dashboards.json_parts import Json, needed_object, part, text
from trimtab.model.errors import InputError
from trimtab.store.dashboard_state import DOCUMENT_BYTES_MAX


def document_of(data: bytes, name: str = "the dashboard") -> Json:
    """The dashboard's own object, out of whatever it was wrapped in.

    >>> document_of(b'{"panels": []}'), document_of(b'{"dashboard": {"panels": []}, "meta": {}}')
    ({'panels': []}, {'panels': []})
    >>> document_of(b'{"title": "x", "tags": [], "tags": ["a"]}')
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the dashboard: "tags" stands twice in one object (that of "x"): which is meant?
    >>> document_of(b'{"title": "x",}')
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the dashboard: line 1, column 15: not JSON: ...
    """
    if len(data) > DOCUMENT_BYTES_MAX:
        raise too_large(name, len(data))
    try:
        found = json.loads(
            data.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once
        )
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: byte {error.start}: not UTF-8", field="body") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}",
            line=error.lineno,
            column=error.colno,
        ) from None
    except RecursionError:
        raise InputError(f"{name}: it is nested too deeply", field="body") from None
    except NoNumber as error:
        raise InputError(f"{name}: not JSON: {error.text} is no number there", field="body") from None
    except Twice as error:
        raise InputError(
            f"{name}: {_shown(error.key)} stands twice in one object{error.place}: which is meant?",
            field=error.key,
        ) from None
    except ValueError:
        raise InputError(f"{name}: it has a number that is too long", field="body") from None
    if b"\\ud" in data.lower() and not _is_text(found):
        raise InputError(f"{name}: it has half of a character (\\ud800 to \\udfff alone)", field="body")
    return _unwrapped(needed_object(found, name), name)


def _is_text(found: object) -> bool:
    """Whether all of it can be written down: JSON lets halves of characters pass."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def too_large(name: str, size_bytes: int) -> InputError:
    """More than is read.

    >>> too_large("a.json", 3_145_728).message
    'a.json: it has 3.15 MB, at most 2.10 MB (2,097,152 bytes) are read'
    """
    limit = f"{DOCUMENT_BYTES_MAX / 1e6:.2f} MB ({DOCUMENT_BYTES_MAX:,} bytes)"
    return InputError(
        f"{name}: it has {size_bytes / 1e6:.2f} MB, at most {limit} are read",
        limit=DOCUMENT_BYTES_MAX,
        observed=size_bytes,
    )


class NoNumber(ValueError):
    """What Python takes for a number and JSON does not have: NaN, Infinity, 1e999."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text[:40]


class Twice(ValueError):
    """A key that an object has two times. JSON lets that pass, and readers take either."""

    def __init__(self, key: str, pairs: list[tuple[str, object]]) -> None:
        super().__init__(key)
        self.key = key[:80]
        named = next((value for name, value in pairs if name in ("title", "name", "refId") and name != key), None)
        self.place = f" (that of {_shown(named)})" if isinstance(named, str) else ""


def _shown(text: str) -> str:
    """In quotes; half a character, which JSON lets pass, cannot be said."""
    return json.dumps(text[:80].encode(errors="replace").decode(), ensure_ascii=False)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Twice(key, pairs)
            seen.add(key)
    return found


def _no_number(text: str) -> NoReturn:
    raise NoNumber(text)


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise NoNumber(text)
    return found


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
    if not {"panels", "rows"} & found.keys():
        raise InputError(
            f"{name}: this is no dashboard: it has neither panels nor rows, found "
            f"{', '.join(sorted(found))[:100] or 'an empty object'}",
            field="panels",
        )
    return found
