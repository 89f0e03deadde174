"""Passwords: argon2id, rules for new ones, and as much work for a name that does not exist as for one that does."""

from __future__ import annotations

import functools
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trimtab.model.errors import InputError, TooManyTries

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 256
VERIFYING_MAX = 2
"""Passwords that are looked at together: each takes 64 MiB and some tens of milliseconds of every core."""

WAITING_MAX = 8
"""Those who may wait for their turn: each holds one of the server's threads. More are sent away at once."""

VERIFYING_WAIT_S = 5.0


def check_new_password(password: str, name: str) -> str:
    """The password in the form in which it is kept; InputError says what is wrong, never what it was.

    >>> check_new_password("a long enough one", "anna")
    'a long enough one'
    >>> check_new_password("short", "anna")
    Traceback (most recent call last):
    trimtab.model.errors.InputError: a password has 12 to 256 characters, this one has 5
    """
    normal = unicodedata.normalize("NFC", password)
    if not PASSWORD_CHARS_MIN <= len(normal) <= PASSWORD_CHARS_MAX:
        raise InputError(
            f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, this one has {len(normal)}",
            field="password",
        )
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in normal):
        raise InputError("a password has no control characters (is there a line end in it?)", field="password")
    if normal.casefold() == name.casefold() or len(set(normal)) < 4:
        raise InputError("that password is guessed at once: choose another one", field="password")
    return normal


class Passwords:
    """Hashes and verifies. Slow on purpose, so never on the event loop."""

    def __init__(self, hasher: Callable[[], PasswordHasher] | None = None) -> None:
        self._hasher = functools.cache(hasher or _strong)
        self._nobody = functools.cache(lambda: self._hasher().hash(secrets.token_hex(16)))
        self._room = threading.BoundedSemaphore(VERIFYING_MAX)
        self._queue = threading.BoundedSemaphore(VERIFYING_MAX + WAITING_MAX)

    def hash(self, password: str) -> str:
        """The argon2id hash of a password that `check_new_password` let pass."""
        with self._turn():
            return self._hasher().hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits. None (nobody has that name) takes as long, and is False."""
        from argon2.exceptions import Argon2Error, InvalidHashError

        with self._turn():
            try:
                normal = unicodedata.normalize("NFC", password)
                self._hasher().verify(password_hash or self._nobody(), normal)  # raises where it does not fit
            except (Argon2Error, InvalidHashError, UnicodeError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other costs than today's."""
        return self._hasher().check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._queue.acquire(blocking=False):
            raise _busy()
        try:
            if not self._room.acquire(timeout=VERIFYING_WAIT_S):
                raise _busy()
            try:
                yield
            finally:
                self._room.release()
        finally:
            self._queue.release()


def _busy() -> TooManyTries:
    return TooManyTries("too many are logging in at this moment: try again", retry_after_s=5)


def _strong() -> PasswordHasher:
    """RFC 9106's second choice: 64 MiB, three passes, four lanes."""
    from argon2 import PasswordHasher

    return PasswordHasher()
