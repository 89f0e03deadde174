"""Every error that trimtab raises on purpose.

    TrimtabError
    ├── InputError            the caller's input is wrong            (exit code 2)
    │   ├── ConfigError       a setting: names file, field, value
    │   ├── DsnError          a connection string: never shows it
    │   ├── StatementRefused  SQL outside the allow-list
    │   └── NotFound          no such case, change, system
    ├── MissingError          something needed is not there          (exit code 3)
    │   ├── ServerUnreachable
    │   ├── ServerUnsupported too old, or no PostgreSQL
    │   ├── ExtensionMissing
    │   ├── PermissionMissing
    │   ├── ProgramMissing
    │   └── AccessRefused     the one who asks may not
    │       ├── LoginNeeded   nobody we know
    │       ├── NotAllowed    known, but not for that
    │       └── TooManyTries  come back later
    ├── StoreError            the telemetry or the state store
    │   ├── StoreLocked       another process holds the directory
    │   ├── SpoolFull         the limit of the spool, or the disk
    │   └── EngineRefused     the engine would not take or answer it
    ├── Busy                  too many at one time: come back later
    │   └── NotYet            what is asked for is being set up
    └── ActError              a change
        ├── GuardRefused      a check said no (nothing was touched)
        ├── ConflictError     the ledger moved on meanwhile
        └── ApplyFailed       the target refused or broke off
            └── OtherTarget   it is another database than the one that the change was made in

Errors carry facts as attributes; prose for people is made at the edge (api, cli).
"""

from __future__ import annotations


class TrimtabError(Exception):
    """Base of all errors raised on purpose; `facts` holds what a handler needs."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.facts))


def _rebuild(kind: type[TrimtabError], message: str, facts: dict[str, object]) -> TrimtabError:
    return kind(message, **facts)


class InputError(TrimtabError):
    """The caller's input is wrong."""


class ConfigError(InputError):
    """A setting is wrong."""


class DsnError(InputError):
    """A connection string cannot be used; the message never contains it."""


class StatementRefused(InputError):
    """A statement is outside the allow-list."""


class NotFound(InputError):
    """There is no such case, change or system."""


class MissingError(TrimtabError):
    """Something that is needed is not there."""


class ServerUnreachable(MissingError):
    """A server does not answer."""


class ServerUnsupported(MissingError):
    """A server that trimtab does not watch: too old, or no PostgreSQL."""


class ExtensionMissing(MissingError):
    """A PostgreSQL extension is not installed; `facts["sql"]` is what a DBA would run."""


class PermissionMissing(MissingError):
    """A role lacks a privilege; `facts["sql"]` is what a DBA would run."""


class ProgramMissing(MissingError):
    """A program is not installed."""


class AccessRefused(MissingError):
    """The one who asks may not."""


class LoginNeeded(AccessRefused):
    """Nobody we know: no login, no token, or one that is over or wrong."""


class NotAllowed(AccessRefused):
    """Known, but not allowed to do that; `facts["permission"]` is what it takes."""


class TooManyTries(AccessRefused):
    """Too many tries; `facts["retry_after_s"]` says when to come back."""


class StoreError(TrimtabError):
    """The telemetry store or the state store failed."""


class StoreLocked(StoreError):
    """Another process holds the store; `facts["holder"]` says who."""


class SpoolFull(StoreError):
    """The spool is at its limit, or the disk is full; the body was not accepted."""


class EngineRefused(StoreError):
    """The engine refused a write or a query."""


class Busy(TrimtabError):
    """Too many want the same at one time, or the server is stopping; nothing was done."""


class NotYet(Busy):
    """What is asked for is being set up; it is there in a moment."""


class ActError(TrimtabError):
    """A change could not go on."""


class GuardRefused(ActError):
    """A check said no; nothing was touched."""


class ConflictError(ActError):
    """The ledger moved on between reading and writing."""


class ApplyFailed(ActError):
    """The target refused the change or broke off."""


class OtherTarget(ApplyFailed):
    """What answers is another database than the one that is watched, or that the change was made in."""
