"""The texts of query shapes, and finding them by a word."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trimtab.model.query import QueryShape

if TYPE_CHECKING:
    from trimtab.app.watched import Watched
    from trimtab.store.telemetry import TelemetryStore

FRESH_S = 60.0
"""Shapes of a system that is not watched any more are read from the store this often."""
STORED_SYSTEMS_MAX = 8


class ShapeTexts:
    """Shapes by system: from memory where the system is watched, from the store where it is not."""

    def __init__(self, telemetry: TelemetryStore, watched: Mapping[str, Watched]) -> None:
        self._telemetry = telemetry
        self._watched = watched
        self._lock = threading.Lock()
        self._stored: dict[str, tuple[float, Mapping[str, QueryShape]]] = {}

    def of(self, system: str) -> Mapping[str, QueryShape]:
        """All known shapes of a system, by fingerprint."""
        watched = self._watched.get(system)
        if watched is not None:
            return watched.shapes()
        now_s = time.monotonic()
        with self._lock:
            known = self._stored.get(system)
        if known is not None and now_s - known[0] < FRESH_S:
            return known[1]
        found = {shape.fingerprint: shape for shape in self._telemetry.shapes(system)}
        with self._lock:
            self._stored.pop(system, None)
            self._stored[system] = (now_s, found)
            while len(self._stored) > STORED_SYSTEMS_MAX:
                self._stored.pop(next(iter(self._stored)))
        return found


def fits(shape: QueryShape | None, fingerprint: str, needle: str) -> bool:
    """Whether a lower-case needle is in the text, a table's name or the fingerprint, whatever their case.

    >>> from trimtab.model.query import StatementKind
    >>> shape = QueryShape("shop", "ab12", "SELECT * FROM Orders", StatementKind.SELECT, ("public.orders",))
    >>> [fits(shape, "ab12", needle) for needle in ("from orders", "public.", "b12", "users")]
    [True, True, True, False]
    """
    if needle in fingerprint:
        return True
    return shape is not None and (
        needle in shape.text.lower() or any(needle in table.lower() for table in shape.tables)
    )
