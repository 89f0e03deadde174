"""What one request may cost: named here, told in answers that were cut."""

from __future__ import annotations

from trimtab.app.traces.traces import RANGE_DAYS_MAX
from trimtab.store.traces.searching import LIMIT_MAX

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

TRACES_DEFAULT = 100
"""Traces of one search where nothing else is asked for, as in Jaeger."""
TRACES_MAX = LIMIT_MAX
"""Traces of one search."""
TRACE_SPANS_MAX = 30_000
"""Spans of one trace: of a larger one the first, with a warning."""
ANSWER_SPANS_MAX = 30_000
"""Spans of one search; traces that come after them are left out, and named."""
SPANS_AT_ONCE = 5_000
"""Spans of a search that are read before they are written down: a trace that has more is read alone."""
LONG_MS = HOUR_MS // 2
"""Summaries see an hour around the span that was found: a trace that is longer than this may be longer still, and is
read alone."""
ATTRIBUTES_MAX = 20
"""Attributes of one search."""
TEXT_CHARS_MAX = 2_000
"""A name, a key or a value that is searched for."""
LOOKBACK_MS = 2 * DAY_MS
"""How far a search goes back that says no start, as in Jaeger."""
DEPENDENCIES_LOOKBACK_MS = DAY_MS
RANGE_MS_MAX = RANGE_DAYS_MAX * DAY_MS
"""A search that asks for more looks at the end of it; lists of services and operations are of so long."""
AHEAD_MS = HOUR_MS
"""Clocks of senders may be ahead: what begins so late is shown where no end was asked for."""
