"""trimtab's own log: lines on stderr, and in memory for its page and its store.

Values of local variables and messages of foreign errors stay out of it, since they may hold a user's data.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from trimtab.app.own.logs import RING
from trimtab.model.errors import TrimtabError


def configure_logs(stream: TextIO | None = None) -> None:
    """Key=value lines with a UTC time; tracebacks have places and kinds, never values."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            bare_traceback,
            RING.remember,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, PatientStream(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )


class PatientStream:
    """What lines are written to. Where it cannot take one (its disk is full, its reader is gone), whoever logs goes on:
    a request must not fail since a line about it could not be written. Such a line is still in memory for the page.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As a file's."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As a file's."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def bare_traceback(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace `exc_info` by the places and the kind of the error.

    >>> try:
    ...     int("a secret")
    ... except ValueError as error:
    ...     print(bare_traceback(None, "error", {"exc_info": error})["exception"].splitlines()[-1])
    ValueError
    """
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        said = f": {error.message}" if isinstance(error, TrimtabError) else ""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        event["exception"] = "\n".join([*lines, f"{type(error).__name__}{said}"])
    return event
