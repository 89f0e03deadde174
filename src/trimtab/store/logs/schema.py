"""Which messages stand in which, in an ExportLogsServiceRequest: a table that the kernels walk by.

`TABLE[kind, number]` says what the field with that number is in a message of that kind: a text, or a message of another
kind (`INNER` + its kind). Numbers are OTLP's. Fields that are neither, and fields that nobody knows yet, are 0.
"""

from __future__ import annotations

import numpy as np

TEXT, INNER = 1, 16
FIELDS_COUNT = 13
DEPTH_MAX = 64
"""Messages in messages, the six around a body's value among them; deeper ones are not taken."""

REQUEST, RESOURCE_LOGS, RESOURCE, SCOPE_LOGS, SCOPE, RECORD, PAIR, VALUE, ARRAY, LIST, ENTITY = range(11)

_FIELDS = {
    REQUEST: {1: INNER + RESOURCE_LOGS},
    RESOURCE_LOGS: {1: INNER + RESOURCE, 2: INNER + SCOPE_LOGS, 3: TEXT},
    RESOURCE: {1: INNER + PAIR, 3: INNER + ENTITY},
    SCOPE_LOGS: {1: INNER + SCOPE, 2: INNER + RECORD, 3: TEXT},
    SCOPE: {1: TEXT, 2: TEXT, 3: INNER + PAIR},
    RECORD: {3: TEXT, 5: INNER + VALUE, 6: INNER + PAIR, 12: TEXT},
    PAIR: {1: TEXT, 2: INNER + VALUE},
    VALUE: {1: TEXT, 5: INNER + ARRAY, 6: INNER + LIST},
    ARRAY: {1: INNER + VALUE},
    LIST: {1: INNER + PAIR},
    ENTITY: {1: TEXT, 2: TEXT, 3: TEXT, 4: TEXT},
}

TABLE = np.zeros((len(_FIELDS), FIELDS_COUNT), np.int64)
for _kind, _fields in _FIELDS.items():
    for _number, _what in _fields.items():
        TABLE[_kind, _number] = _what
