"""Is it a request with logs, how many records does it hold, and which of them cannot be kept: one walk over the bytes.

What is let in here is never found to be broken later: every length, and every text, is checked, also of fields that
are only passed on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.logs.schema import DEPTH_MAX, FIELDS_COUNT, INNER, RECORD, REQUEST, RESOURCE, SCOPE, TEXT
from trimtab.store.traces.wire_kernels import field, is_utf8
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Number = np.int64

GOOD, TOO_OLD, TOO_NEW, SHARED_BYTES = range(4)
"""Places in `counts`: records without a fault, those with one, and how many bytes resources and scopes have, as often
as a record has them."""
COUNTS = 4
_AT, _OBSERVED_AT = 9, 89
"""Tags in a record."""
_RESOURCE_LOGS, _SCOPE_LOGS = 1, 3
"""Kinds whose end is the end of what its records share."""


@kernel("int64(uint8[::1], int64[:, ::1], int64, int64, int64[::1])")
def survey(body: Bytes, schema: Numbers, first_ns: Number, last_ns: Number, counts: Numbers) -> Number:
    """Walk over an ExportLogsServiceRequest: where it is broken, -1 where it is not. `schema` is `schema.TABLE`."""
    counts[:] = 0
    ends = np.empty(DEPTH_MAX, np.int64)
    kinds = np.empty(DEPTH_MAX, np.int64)
    depth, kind = 0, np.int64(REQUEST)
    at_ns, observed_ns = np.int64(0), np.int64(0)
    resource_bytes, scope_bytes, resource_records, scope_records = np.int64(0), np.int64(0), 0, 0
    at, end = np.int64(0), np.int64(len(body))
    while True:
        while at >= end:
            if kind == RECORD:
                when_ns = at_ns if at_ns != 0 else observed_ns
                if when_ns != 0 and when_ns < first_ns:  # a time after the year 2262 is negative here, and as wrong
                    counts[TOO_OLD] += 1
                elif when_ns > last_ns:
                    counts[TOO_NEW] += 1
                else:
                    counts[GOOD] += 1
                resource_records += 1
                scope_records += 1
            elif kind == _SCOPE_LOGS:
                counts[SHARED_BYTES] += scope_bytes * scope_records
            elif kind == _RESOURCE_LOGS:
                counts[SHARED_BYTES] += resource_bytes * resource_records
            if depth == 0:
                return np.int64(-1)
            depth -= 1
            end, kind = ends[depth], kinds[depth]
        tag, start, stop, _ = field(body, at, end)
        if stop < 0:
            return at
        if tag & 7 == 2 and tag < 8 * FIELDS_COUNT:
            action = schema[kind, tag >> 3]
            if action >= INNER:
                ends[depth], kinds[depth] = end, kind
                depth += 1
                if depth >= DEPTH_MAX:
                    return at
                at, end, kind = start, stop, action - INNER
                if kind == RECORD:
                    at_ns, observed_ns = np.int64(0), np.int64(0)
                elif kind == RESOURCE:
                    resource_bytes += stop - start
                elif kind == SCOPE:
                    scope_bytes += stop - start
                elif kind == _SCOPE_LOGS:
                    scope_bytes, scope_records = np.int64(0), 0
                elif kind == _RESOURCE_LOGS:
                    resource_bytes, resource_records = np.int64(0), 0
                continue
            if action == TEXT and not is_utf8(body, start, stop):
                return at
        elif kind == RECORD:
            if tag == _AT:
                at_ns = np.int64(word(body, start))
            elif tag == _OBSERVED_AT:
                observed_ns = np.int64(word(body, start))
        at = stop
