"""What an OTLP sender is told: of errors, which status over HTTP and which code over gRPC, and when to come back."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.api.receiving import RETRY_AFTER_S
from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.metrics.limits import TooFast
from trimtab.observe.metrics.receivers import KeptElsewhere
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.room import NoRoom

INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 3, 4, 8, 12, 14
PERMISSION_DENIED, INTERNAL, UNAUTHENTICATED = 7, 13, 16
"""Codes of gRPC, which stand in OTLP's errors over HTTP, too."""

EXPECTED = (InputError, StoreError, NoRoom, TooFast)
"""What taking a body may raise."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal. `reason` is what is counted; with `retry_after_s` the sender is to try again."""

    status: int
    code: int
    reason: str
    message: str
    retry_after_s: int | None = None


def problem_of(error: Exception) -> Problem:
    """The refusal for an error of `EXPECTED`.

    >>> problem_of(SpoolFull("the spool is full"))
    Problem(status=503, code=8, reason='full', message='the spool is full', retry_after_s=5)
    """
    message = str(error)
    if isinstance(error, SpoolFull):  # may last: 503, because not every sender comes back after 429
        return Problem(503, RESOURCE_EXHAUSTED, "full", message, RETRY_AFTER_S)
    if isinstance(error, NoRoom):
        return Problem(429, RESOURCE_EXHAUSTED, "full", message, RETRY_AFTER_S)
    if isinstance(error, TooFast):
        return Problem(429, RESOURCE_EXHAUSTED, "too_fast", error.message, error.retry_after_s)
    if isinstance(error, KeptElsewhere):
        return Problem(404, UNIMPLEMENTED, "elsewhere", message)
    if isinstance(error, BodyTooLong):
        return Problem(413, INVALID_ARGUMENT, "body_too_long", message)
    if isinstance(error, InputError):
        return Problem(400, INVALID_ARGUMENT, "body_broken", message)
    return Problem(503, UNAVAILABLE, "store", message, RETRY_AFTER_S)
