"""Names of ECS (the Elastic Common Schema), of Filebeat and of Fluent Bit that mean something to a log record.

Everything that is not here stays an attribute under its own name.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIME, BODY, LEVEL, TRACE, SPAN = range(5)
ROLES_COUNT = 5
"""What a field can be to a record. Where a document has several for one role, the first of `KNOWN` takes it, and the
others stay attributes."""

KNOWN: tuple[tuple[str, int], ...] = (
    ("@timestamp", TIME),
    ("message", BODY),
    ("log", BODY),
    ("MESSAGE", BODY),
    ("msg", BODY),
    ("event.original", BODY),
    ("log.level", LEVEL),
    ("level", LEVEL),
    ("severity", LEVEL),
    ("severity_text", LEVEL),
    ("trace.id", TRACE),
    ("trace_id", TRACE),
    ("span.id", SPAN),
    ("span_id", SPAN),
)
"""`log` is what Fluent Bit calls a line, `MESSAGE` what systemd's journal does."""

OF_RESOURCE = ("agent.", "cloud.", "container.", "ecs.", "host.", "kubernetes.", "orchestrator.", "service.")
"""Fields that say who speaks, not what: they become attributes of the resource, which records share."""


def _joined(names: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Names one behind the other, and where each begins (and the last ends)."""
    ends = np.cumsum([0, *(len(name) for name in names)], dtype=np.int64)
    return np.frombuffer("".join(names).encode(), np.uint8).copy(), ends


KNOWN_TEXT, KNOWN_STARTS = _joined(tuple(name for name, _ in KNOWN))
KNOWN_ROLES = np.array([role for _, role in KNOWN], np.int64)
RESOURCE_TEXT, RESOURCE_STARTS = _joined(OF_RESOURCE)
