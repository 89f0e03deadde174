"""Which shape a server's query id stands for, and what each shape looks like. Bounded."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

from trimtab.model.query import QueryShape, StatementKind
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.fingerprint import shape_of

QUERY_IDS_MAX = 50_000
SHAPES_MAX = 20_000
"""Texts are bounded by their characters as well: this bounds the many small ones."""
TEXT_CHARS_MAX = 16_000_000
"""All shapes' texts together."""
TELL_AGAIN_MS = 24 * 3600 * 1000

_STATEMENT = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|insert|update|delete|with|values|table|merge)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a query id stands for; `fingerprint` is None for what is left out (trimtab's own, utility commands)."""

    fingerprint: str | None


class ShapeBook:
    """Query ids → shapes. May be read from any thread."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._known: OrderedDict[int, Known] = OrderedDict()
        self._shapes: OrderedDict[str, QueryShape] = OrderedDict()
        self._told_ms: dict[str, int] = {}
        self._chars = 0
        self._version = 0

    @property
    def version(self) -> int:
        """Another number whenever `shapes` has become another set."""
        return self._version

    def known(self, query_id: int) -> Known | None:
        """What the id stands for; None where its text has not been read yet."""
        with self._lock:
            found = self._known.get(query_id)
            if found is not None:
                self._known.move_to_end(query_id)
            return found

    def learn(self, query_id: int, text: str | None) -> None:
        """Take in an id's text.

        Without a text (the server lost it) the id itself has to do as the shape's name. Left out are statements that
        bear trimtab's mark and everything but SELECT, INSERT, UPDATE, DELETE and MERGE.
        """
        shape = self._shape_of(query_id, text)
        with self._lock:
            self._known[query_id] = Known(None if shape is None else shape.fingerprint)
            self._known.move_to_end(query_id)
            if len(self._known) > QUERY_IDS_MAX:
                self._known.popitem(last=False)
            if shape is None:
                return
            if shape.fingerprint not in self._shapes:
                self._shapes[shape.fingerprint] = shape
                self._chars += len(shape.text)
                self._version += 1
            self._shapes.move_to_end(shape.fingerprint)
            while len(self._shapes) > SHAPES_MAX or self._chars > TEXT_CHARS_MAX:
                dropped, old = self._shapes.popitem(last=False)
                self._chars -= len(old.text)
                self._told_ms.pop(dropped, None)

    def ran(self, fingerprint: str, now_ms: int) -> QueryShape | None:
        """The shape ran: it will not be the next to be dropped. It comes back when the store should be told of it:
        the first time, and once a day, so that the store still knows it when it forgets old rows."""
        with self._lock:
            shape = self._shapes.get(fingerprint)
            if shape is None:
                return None
            self._shapes.move_to_end(fingerprint)
            if now_ms - self._told_ms.get(fingerprint, -TELL_AGAIN_MS) < TELL_AGAIN_MS:
                return None
            self._told_ms[fingerprint] = now_ms
            return shape

    def shape(self, fingerprint: str) -> QueryShape | None:
        """One shape; None where it was not seen, or was dropped as the one unseen for longest."""
        with self._lock:
            return self._shapes.get(fingerprint)

    def shapes(self) -> tuple[QueryShape, ...]:
        """All shapes, the most recently seen last."""
        with self._lock:
            return tuple(self._shapes.values())

    def _shape_of(self, query_id: int, text: str | None) -> QueryShape | None:
        """The shape of a text; None for what is left out."""
        if text is None:
            return QueryShape(self._system, f"q{query_id}", "", StatementKind.OTHER, ())
        first_word = _STATEMENT.match(text)
        if OWN_MARK in text or first_word is None:
            return None
        shape = shape_of(self._system, text, fallback_id=str(query_id))
        is_read = not shape.fingerprint.startswith("q")
        if is_read and shape.statement is StatementKind.OTHER and first_word[1].lower() not in ("merge", "with"):
            return None
        return shape
