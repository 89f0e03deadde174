"""Alerts that a program or a person triggers: an anomaly that was seen elsewhere, a job that failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from trimtab.model.alerts import ALERT_NAME, fingerprint_of, labels_of
from trimtab.model.errors import InputError
from trimtab.store.triggered_alerts import TRIGGERED_MAX, Triggered, TriggeredAlerts

LENGTH_S_DEFAULT = 3600.0
LENGTH_S_MAX = 30 * 86_400.0
LABELS_MAX = 40
TEXT_CHARS_MAX = 2000
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")


class Triggering:
    """Thread-safe."""

    def __init__(self, book: TriggeredAlerts, now_ms: Callable[[], int]) -> None:
        self._book = book
        self._now_ms = now_ms

    def trigger(
        self,
        by: str,
        name: str,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
        value: float = 1.0,
        length_s: float = LENGTH_S_DEFAULT,
    ) -> str:
        """Let an alert fire for `length_s`; again with the same labels it fires on. `length_s` 0 ends it. Its
        fingerprint."""
        at_ms = self._now_ms()
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise InputError("name: 1 to 200 printable characters", field="name")
        if not 0 <= length_s <= LENGTH_S_MAX:
            raise InputError(
                f"length_s must be from 0 to {LENGTH_S_MAX:g}, found {length_s:g}", field="length_s", limit=LENGTH_S_MAX
            )
        _check(labels, "labels")
        _check(annotations, "annotations")
        made = labels_of({**labels, ALERT_NAME: name})
        if length_s and len(self._book.alive(at_ms)) >= TRIGGERED_MAX:
            raise InputError(f"at most {TRIGGERED_MAX} alerts can be triggered at one time", limit=TRIGGERED_MAX)
        ends_at_ms = at_ms + int(length_s * 1000)
        self._book.put(Triggered(made, labels_of(annotations), value, by, at_ms, ends_at_ms))
        return fingerprint_of(made)


def _check(pairs: Mapping[str, str], field: str) -> None:
    if len(pairs) > LABELS_MAX:
        raise InputError(f"at most {LABELS_MAX} {field}, found {len(pairs)}", field=field, limit=LABELS_MAX)
    for name, text in pairs.items():
        if not _NAME.fullmatch(name):
            raise InputError(f"{field}: {name[:60]!r} is no name (letters, digits, _)", field=field)
        if len(text) > TEXT_CHARS_MAX:
            raise InputError(
                f"{field}: {name} may have {TEXT_CHARS_MAX} characters, found {len(text)}",
                field=field,
                limit=TEXT_CHARS_MAX,
                observed=len(text),
            )
