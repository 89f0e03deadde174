"""Which messages stand in which, in an ExportTraceServiceRequest: a table that the kernels walk by.

`TABLE[kind, number]` says what the field with that number is in a message of that kind: a text, an id, or a message of
another kind (`INNER` + its kind). Numbers are OTLP's. Fields that are not text or messages, and fields that nobody
knows yet, are 0.
"""

from __future__ import annotations

import numpy as np

TEXT, ID, INNER = 1, 2, 16
DEPTH_MAX = 64
"""Messages in messages, the seven around an attribute's value among them; deeper ones are not taken."""

REQUEST, RESOURCE_SPANS, RESOURCE, SCOPE_SPANS, SCOPE, SPAN, EVENT, LINK = range(8)
STATUS, PAIR, VALUE, ARRAY, LIST, ENTITY = range(8, 14)

_FIELDS = {
    REQUEST: {1: INNER + RESOURCE_SPANS},
    RESOURCE_SPANS: {1: INNER + RESOURCE, 2: INNER + SCOPE_SPANS, 3: TEXT},
    RESOURCE: {1: INNER + PAIR, 3: INNER + ENTITY},
    SCOPE_SPANS: {1: INNER + SCOPE, 2: INNER + SPAN, 3: TEXT},
    SCOPE: {1: TEXT, 2: TEXT, 3: INNER + PAIR},
    SPAN: {
        1: ID,
        2: ID,
        3: TEXT,
        4: ID,
        5: TEXT,
        9: INNER + PAIR,
        11: INNER + EVENT,
        13: INNER + LINK,
        15: INNER + STATUS,
    },
    EVENT: {2: TEXT, 3: INNER + PAIR},
    LINK: {3: TEXT, 4: INNER + PAIR},
    STATUS: {2: TEXT},
    PAIR: {1: TEXT, 2: INNER + VALUE},
    VALUE: {1: TEXT, 5: INNER + ARRAY, 6: INNER + LIST},
    ARRAY: {1: INNER + VALUE},
    LIST: {1: INNER + PAIR},
    ENTITY: {1: TEXT, 2: TEXT, 3: TEXT, 4: TEXT},
}

TABLE = np.zeros((len(_FIELDS), 17), np.int64)
for _kind, _fields in _FIELDS.items():
    for _number, _what in _fields.items():
        TABLE[_kind, _number] = _what
