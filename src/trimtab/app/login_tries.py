"""Who has tried too often to log in: guessing is made slow, and nobody is locked out by what others guess.

Failures are counted three ways, each for its own kind of guessing:

* by address: many names from one place. A login that goes well does not wipe that: somebody with an account could
  otherwise guess those of others for as long as they like.
* by name and address: many passwords for one name from one place. The door is closed there, and only there.
* by name, from addresses where its owner never logged in: many passwords from many places. Then one try in
  `SLOWLY_S` is let through. Addresses where the owner did log in are not concerned.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from trimtab.app.tries import Tries, network_of

WINDOW_S = 900.0
PER_NAME_MAX = 10
"""Of one name from one address; and of one name from everywhere before it becomes slow."""
PER_ADDRESS_MAX = 30
SLOWLY_S = 60.0
KNOWN_MAX = 10_000
_NAME_CHARS_MAX = 200


class LoginTries:
    """Thread-safe. `logins()` gives names and addresses of logins of earlier runs; it is asked once, when needed."""

    def __init__(self, logins: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._logins = logins
        self._of_address = Tries(PER_ADDRESS_MAX, WINDOW_S)
        self._of_both = Tries(PER_NAME_MAX, WINDOW_S)
        self._of_name = Tries(PER_NAME_MAX, WINDOW_S, slowly_s=SLOWLY_S)
        self._known: OrderedDict[str, None] | None = None
        self._lock = threading.Lock()

    def take(self, name: str, address: str, now_ms: int) -> float:
        """Count one try and give 0.0, or the seconds to wait. It is counted before the password is looked at, so that
        many at once count as many; `went_well` takes that back."""
        both = _both(name, address)
        wait_s = self._of_address.take(network_of(address), now_ms)
        if wait_s == 0.0:
            wait_s = self._of_both.take(both, now_ms)
        if wait_s == 0.0 and not self._is_known(both):
            wait_s = self._of_name.take(_key(name), now_ms)
            if wait_s > 0.0:
                self._of_both.give_back(both)
        return wait_s

    def went_well(self, name: str, address: str) -> None:
        """The try was none to count, and from now on this is an address of the name's owner."""
        both = _both(name, address)
        self._of_address.give_back(network_of(address))
        self._of_both.forget(both)
        if not self._is_known(both):
            self._of_name.give_back(_key(name))
            self._remember(both)

    def unlock(self, name: str) -> None:
        """Forget every failure of a name, wherever it came from."""
        self._of_name.forget(_key(name))
        self._of_both.forget_beginning(f"{_key(name)}\n")

    def _is_known(self, both: str) -> bool:
        with self._lock:
            return both in self._owners()

    def _remember(self, both: str) -> None:
        with self._lock:
            known = self._owners()
            known[both] = None
            while len(known) > KNOWN_MAX:
                known.popitem(last=False)

    def _owners(self) -> OrderedDict[str, None]:
        if self._known is None:
            self._known = OrderedDict.fromkeys(_both(name, address) for name, address in self._logins())
        return self._known


def _key(name: str) -> str:
    return name.casefold()[:_NAME_CHARS_MAX]


def _both(name: str, address: str) -> str:
    return f"{_key(name)}\n{network_of(address)}"
