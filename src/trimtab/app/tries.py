"""How often somebody may try: failures are counted in a sliding window, and too many close the door for a while."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque

KEYS_MAX = 10_000
"""Names and addresses that are remembered; the one that was quiet for longest goes first."""


class Tries:
    """At most `tries_max` counted tries of one key within `window_s`; with `slowly_s`, after those one each so often.

    >>> tries = Tries(2, window_s=60)
    >>> [tries.take("anna", now_ms) for now_ms in (0, 1000, 2000)]
    [0.0, 0.0, 58.0]
    >>> tries.take("anna", 60_000)
    0.0
    >>> slow = Tries(1, window_s=60, slowly_s=10)
    >>> [slow.take("anna", now_ms) for now_ms in (0, 1000, 10_000, 11_000)]
    [0.0, 9.0, 0.0, 9.0]
    """

    def __init__(self, tries_max: int, window_s: float, *, slowly_s: float | None = None) -> None:
        self._tries_max = tries_max
        self._window_ms = int(window_s * 1000)
        self._slowly_ms = None if slowly_s is None else int(slowly_s * 1000)
        self._times: OrderedDict[str, deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, now_ms: int) -> float:
        """Count one try and give 0.0; or, where there were too many, count nothing and give the seconds to wait."""
        with self._lock:
            times = self._times.setdefault(key, deque())
            self._times.move_to_end(key)
            while times and times[0] <= now_ms - self._window_ms:
                times.popleft()
            wait_ms = self._wait_ms(times, now_ms)
            if wait_ms > 0:
                return wait_ms / 1000
            times.append(now_ms)
            while len(self._times) > KEYS_MAX:
                self._times.popitem(last=False)
            return 0.0

    def _wait_ms(self, times: deque[int], now_ms: int) -> int:
        if len(times) < self._tries_max:
            return 0
        if self._slowly_ms is not None:
            return times[-1] + self._slowly_ms - now_ms
        return times[0] + self._window_ms - now_ms

    def give_back(self, key: str) -> None:
        """The newest try was none that counts."""
        with self._lock:
            times = self._times.get(key)
            if times:
                times.pop()

    def forget(self, key: str) -> None:
        """What was counted is gone."""
        with self._lock:
            self._times.pop(key, None)

    def forget_beginning(self, beginning: str) -> None:
        """The same for every key that begins so."""
        with self._lock:
            for key in [key for key in self._times if key.startswith(beginning)]:
                del self._times[key]


def network_of(address: str) -> str:
    """The address as a key: one IPv4 address, or the /64 of an IPv6 address, of which one customer has them all.

    >>> network_of("192.0.2.7"), network_of("2001:db8:1:2:3:4:5:6"), network_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8:1:2::/64', '192.0.2.7')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
