"""Is it a trace request, how many spans does it hold, and which of them cannot be kept: one walk over the bytes.

What is let in here is never found to be broken later: every length, and every text, is checked, also of fields that
are only passed on. A span that cannot be kept (see the faults) is no reason to refuse the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.traces.otlp_schema import DEPTH_MAX, ID, INNER, REQUEST, SPAN, TEXT
from trimtab.store.traces.wire_kernels import field, is_utf8, is_zero
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

GOOD, BAD_TRACE_ID, BAD_SPAN_ID, TOO_OLD, TOO_NEW = 0, 1, 2, 3, 4
"""What is wrong with a span."""
FAULTS_COUNT = 5
_START, _TRACE_ID, _PARENT_ID = 57, 10, 34
"""Tags in a span."""


@kernel("int64(uint8[::1], int64[:, ::1], int64, int64, int64[::1], uint8[::1])")
def survey(body: Bytes, schema: Numbers, first_ns: Number, last_ns: Number, counts: Numbers, faults: Bytes) -> Number:
    """Walk over an ExportTraceServiceRequest: where it is broken, -1 where it is not. `schema` is `otlp_schema.TABLE`.

    `counts[fault]` becomes how many spans have that fault; `faults` says it of each span, as far as there is room.
    """
    counts[:] = 0
    ends = np.empty(DEPTH_MAX, np.int64)
    kinds = np.empty(DEPTH_MAX, np.int64)
    depth, kind, number = 0, np.int64(REQUEST), 0
    has_trace, has_span, has_parent, began_ns = False, False, True, np.int64(0)
    at, end = np.int64(0), np.int64(len(body))
    while True:
        while at >= end:
            if kind == SPAN:
                what = GOOD
                if not has_trace:
                    what = BAD_TRACE_ID
                elif not (has_span and has_parent):
                    what = BAD_SPAN_ID
                elif began_ns < first_ns:  # a time after the year 2262 is negative here, and as wrong
                    what = TOO_OLD
                elif began_ns > last_ns:
                    what = TOO_NEW
                counts[what] += 1
                if number < len(faults):
                    faults[number] = what
                number += 1
            if depth == 0:
                return np.int64(-1)
            depth -= 1
            end, kind = ends[depth], kinds[depth]
        tag, start, stop, _ = field(body, at, end)
        if stop < 0:
            return at
        if tag & 7 == 2 and tag < 8 * 17:
            action = schema[kind, tag >> 3]
            if action >= INNER:
                ends[depth], kinds[depth] = end, kind
                depth += 1
                if depth >= DEPTH_MAX:
                    return at
                at, end, kind = start, stop, action - INNER
                if kind == SPAN:
                    has_trace, has_span, has_parent, began_ns = False, False, True, np.int64(0)
                continue
            if action == TEXT:
                if not is_utf8(body, start, stop):
                    return at
            elif action == ID:
                if tag == _TRACE_ID:
                    has_trace = stop - start == 16 and not is_zero(body, start, stop)
                elif tag == _PARENT_ID:
                    has_parent = stop == start or stop - start == 8
                else:
                    has_span = stop - start == 8 and not is_zero(body, start, stop)
        elif tag == _START and kind == SPAN:
            began_ns = np.int64(word(body, start))
        at = stop
