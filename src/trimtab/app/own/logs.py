"""trimtab's own log in memory: the newest lines for its page, and those that wait to be stored.

It stands in structlog's chain behind `bare_traceback`: what reaches it has places and kinds of errors, never values of
variables. A second look takes out what has the form of a secret, in case somebody logs one after all.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

LINES_MAX = 1_000
"""The newest lines that are shown."""
WAITING_MAX = 5_000
"""Lines that may wait to be stored; the oldest go."""
TEXT_CHARS_MAX = 2_000
FIELDS_MAX = 30
_LEFT_OUT = frozenset({"event", "level", "timestamp", "exc_info", "stack_info"})
_SECRET = re.compile(
    r"(?P<url>://[^\s/@:]*:)[^\s@]+(?=@)"
    r"|(?P<name>\b[\w-]*(?:passw(?:or)?d|secret|token|authorization|cookie|api[_-]?key)\b['\"]?\s*[=:]\s*)"
    r"(?:bearer\s+)?(?:'[^']*'|\"[^\"]*\"|[^\s,;&]+)",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"passw(or)?d|secret|token|authorization|cookie|api_?key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `detail` holds its fields as text."""

    logged_at_ms: int
    level: str
    event: str
    detail: Mapping[str, str]


def scrubbed(text: str) -> str:
    """The text without what looks like a secret, and not longer than `TEXT_CHARS_MAX`.

    >>> scrubbed("could not reach postgresql://ann:s3cret@db/shop?password=x&sslmode=require")
    'could not reach postgresql://ann:***@db/shop?password=***&sslmode=require'
    """
    clean = _SECRET.sub(lambda found: f"{found['url'] or found['name']}***", text)
    return clean if len(clean) <= TEXT_CHARS_MAX else clean[:TEXT_CHARS_MAX] + " ..."


class LogRing:
    """The newest lines. Thread-safe; `remember` is a processor for structlog."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: deque[LogLine] = deque(maxlen=LINES_MAX)
        self._waiting: deque[LogLine] = deque()
        self.counts: Counter[str] = Counter()
        self.dropped_count = 0

    def remember(self, _logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Keep the line, and hand it on as it is."""
        fields = [(key, value) for key, value in event.items() if key not in _LEFT_OUT][:FIELDS_MAX]
        detail = {key: "***" if _SECRET_NAME.search(key) else _text(value) for key, value in fields}
        self._put(str(event.get("level", name)), _text(event.get("event", "")), detail)
        return event

    def newest(self, limit: int = LINES_MAX) -> tuple[LogLine, ...]:
        """The newest lines, newest first."""
        with self._lock:
            return tuple(self._newest)[::-1][:limit]

    def drain(self) -> tuple[LogLine, ...]:
        """Lines that were not given out by `drain` before, oldest first."""
        with self._lock:
            found = tuple(self._waiting)
            self._waiting.clear()
            return found

    def put_back(self, lines: tuple[LogLine, ...]) -> None:
        """They could not be stored now; as many as there is room for wait on."""
        with self._lock:
            self._waiting.extendleft(reversed(lines))
            self._cut()

    def _put(self, level: str, event: str, detail: Mapping[str, str]) -> None:
        line = LogLine(time.time_ns() // 1_000_000, level, event, detail)
        with self._lock:
            self._newest.append(line)
            self._waiting.append(line)
            self.counts[level] += 1
            self._cut()

    def _cut(self) -> None:
        while len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self.dropped_count += 1


class RingHandler(logging.Handler):
    """Lines of the libraries underneath (the HTTP server, asyncio): what they say without the values they say it of."""

    def __init__(self, ring: LogRing) -> None:
        super().__init__(logging.WARNING)
        self._ring = ring

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line; its arguments and the messages of errors stay out."""
        detail = {"logger": record.name}
        if record.exc_info is not None and record.exc_info[0] is not None:
            detail["exception"] = record.exc_info[0].__name__
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        self._ring.remember(None, record.levelname.lower(), {"event": template, **detail})


def hear_libraries(ring: LogRing) -> None:
    """Let the ring hear what libraries log; once for each logger."""
    for name in ("", "uvicorn.error"):
        logger = logging.getLogger(name)
        if not any(isinstance(handler, RingHandler) for handler in logger.handlers):
            logger.addHandler(RingHandler(ring))


def _text(value: object) -> str:
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, str):
        return scrubbed(value)
    return scrubbed(str(value)) if isinstance(value, tuple | list) else type(value).__name__


RING = LogRing()
"""The log of this process."""
